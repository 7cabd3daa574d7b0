import { describe, expect, inject, test } from "vitest";
import { create, idIn, sendBulk } from "../harness/bulk.ts";
import { openHouse } from "../harness/house.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  type ScimAnswer,
  type TestTenant,
} from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// A window that no story outlasts: twenty reads, ten changes and ten denials.
const rateWindowSec = 100;
const rates = { reads: 0.2, writes: 0.1, denials: 0.1 };
const rename = (name: string) => patch({ op: "replace", path: "displayName", value: name });

const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "counted in memory or in Redis, with the queue on %s",
  async (queue) => {
    const house = await openHouse({ queue, rates, rateWindowSec });

    test("what is too much is told so, with the whole seconds to wait, in SCIM's words, and is not done", async () => {
      const tenant = await createTenant(house);
      const answers = await times(11, (nth) => tenant.scim("POST", "/Users", newUser(`u${nth}`)));
      expect(answers.map(({ status }) => status)).toEqual([...Array<number>(10).fill(201), 429]);
      expectRefusal(answers.at(-1));
      expect((await tenant.scim("GET", "/Users?count=0")).body["totalResults"]).toBe(10);
    });

    test("each kind has its own budget, and each connection its own", async () => {
      const tenant = await createTenant(house);
      const second = await addConnection(house, tenant, "https://idp.second.test");
      const ids = await fill(tenant);
      expect((await tenant.scim("PATCH", `/Users/${ids[0]}`, rename("late"))).status).toBe(429);
      expect((await tenant.scim("GET", `/Users/${ids[0]}`)).status).toBe(200);
      expect((await second.scim("POST", "/Users", newUser("other"))).status).toBe(201);
      await times(19, () => tenant.scim("GET", "/Users?count=0"));
      expect((await tenant.scim("GET", "/Users?count=0")).status).toBe(429);
      expect((await tenant.scim("GET", "/ServiceProviderConfig")).status).toBe(429);
      expect((await second.scim("GET", "/Users?count=0")).status).toBe(200);
    });

    test("a flood of changes sheds changes, and no denial, whatever dialect it is in", async () => {
      const tenant = await createTenant(house);
      const ids = await fill(tenant);
      const flood = times(100, (nth) => tenant.scim("PATCH", `/Users/${ids[9]}`, rename(`flood ${nth}`)));
      const denials = [
        tenant.scim("DELETE", `/Users/${ids[0]}`),
        tenant.scim("PATCH", `/Users/${ids[1]}`, deactivate),
        tenant.scim("PATCH", `/Users/${ids[2]}`, patch({ op: "Replace", path: "active", value: "False" })),
        tenant.scim(
          "PATCH",
          `/Users/${ids[3]}`,
          patch({ op: "replace", value: { displayName: "Gone", ACTIVE: false } }),
        ),
        tenant.scim("PUT", `/Users/${ids[4]}`, newUser("u4", { active: false })),
        tenant.scim(
          "PATCH",
          `/Users/${ids[5]}`,
          patch({ op: "replace", path: "urn:ietf:params:scim:schemas:core:2.0:User:active", value: false }),
        ),
      ];
      expect((await Promise.all(denials)).map(({ status }) => status)).toEqual([204, 200, 200, 200, 200, 200]);
      expect(new Set((await flood).map(({ status }) => status))).toEqual(new Set([429]));
      // What only looks like one is a change like any other.
      for (const body of [
        patch({ op: "replace", path: "active", value: true }),
        patch({ op: "replace", path: "active", value: false }, { op: "replace", path: "active", value: true }),
        rename("active false"),
        {},
      ]) {
        expect((await tenant.scim("PATCH", `/Users/${ids[6]}`, body)).status).toBe(429);
      }
      expect((await tenant.scim("DELETE", `/Groups/${ids[6]}`)).status).toBe(429);
      expect((await tenant.scim("GET", `/Users/${ids[6]}`)).body["active"]).toBe(true);
    });

    test("denials have an end too", async () => {
      const tenant = await createTenant(house);
      const ids = await fill(tenant);
      const answers = await times(11, (nth) => tenant.scim("DELETE", `/Users/${ids[nth] ?? ids[0]}`));
      expect(answers.map(({ status }) => status)).toEqual([...Array<number>(10).fill(204), 429]);
    });

    test("a Bulk is counted by its operations, and is let in as a whole or not at all", async () => {
      const tenant = await createTenant(house);
      const users = (prefix: string, count: number) =>
        Array.from({ length: count }, (_, nth) => create("/Users", `${nth}`, newUser(`${prefix}${nth}`)));
      expect((await sendBulk(tenant, users("a", 7))).statuses).toEqual(Array<string>(7).fill("201"));
      const refused = await sendBulk(tenant, users("b", 4));
      expect(refused.status).toBe(429);
      expectRefusal(refused);
      // What did not fit took nothing, so that what fits still does.
      expect((await sendBulk(tenant, users("c", 3))).statuses).toEqual(Array<string>(3).fill("201"));
      expect((await tenant.scim("POST", "/Users", newUser("d"))).status).toBe(429);
      expect((await tenant.scim("GET", "/Users?count=0")).body["totalResults"]).toBe(10);
    });

    test("a Bulk larger than any window is let in at the beginning of one", async () => {
      const tenant = await createTenant(house);
      const users = Array.from({ length: 25 }, (_, nth) => create("/Users", `${nth}`, newUser(`u${nth}`)));
      expect(new Set((await sendBulk(tenant, users)).statuses)).toEqual(new Set(["201"]));
      expect((await tenant.scim("POST", "/Users", newUser("more"))).status).toBe(429);
    });

    test("of a Bulk for which nothing is left the denials are done, and the others say when to come back", async () => {
      const tenant = await createTenant(house);
      const ids = await fill(tenant);
      const answer = await sendBulk(tenant, [
        { method: "PATCH", path: `/Users/${ids[0]}`, data: rename("late") },
        { method: "PATCH", path: `/Users/${ids[1]}`, data: deactivate },
        { method: "DELETE", path: `/Users/${ids[2]}` },
        create("/Groups", "g", newGroup("Late")),
      ]);
      expect([answer.status, answer.statuses]).toEqual([200, ["429", "200", "204", "429"]]);
      expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d?$|^100$/);
      expect((await tenant.scim("GET", `/Users/${ids[1]}`)).body["active"]).toBe(false);
      expect((await tenant.scim("GET", "/Groups?count=0")).body["totalResults"]).toBe(0);
    });

    test("a person who floods uses up nothing of their provider's", async () => {
      const tenant = await createTenant(house);
      const id = (await tenant.scim("POST", "/Users", newUser("ann"))).body["id"] as string;
      const { token } = await house.credentials.issue({
        purpose: "scim",
        tenantId: tenant.id,
        connectionId: tenant.connectionId,
        userId: id,
        label: "self",
      });
      const mine = await times(1001, () => tenant.scim("GET", "/Me", undefined, { authorization: `Bearer ${token}` }));
      expect(new Set(mine.slice(0, 1000).map(({ status }) => status))).toEqual(new Set([200]));
      expect(mine[1000]?.status).toBe(429);
      expect((await tenant.scim("GET", `/Users/${id}`)).status).toBe(200);
    });
  },
);

test("what is used up is there again after the window", async () => {
  const house = await openHouse({
    rates: { reads: 10, writes: 5, denials: 5 },
    rateWindowSec: 2,
    without: ["worker", "publisher"],
  });
  const tenant = await createTenant(house);
  await fill(tenant);
  const served = until(
    "the window is over",
    async () => (await tenant.scim("POST", "/Users", newUser("late"))).status === 201,
  );
  await expect(served).resolves.toBe(true);
});

test("a connection's own rates hold for it, and for nobody else", async () => {
  const house = await openHouse({
    rates: { reads: 1_000, writes: 1_000, denials: 1_000 },
    rateWindowSec,
    without: ["worker", "publisher"],
  });
  const [slow, other] = [await createTenant(house), await createTenant(house)];
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: slow.id, label: "test" });
  const set = (rates: object) =>
    fetch(`${house.url}/v1/admin/tenants/${slow.slug}/connections/idp`, {
      method: "PATCH",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ rates }),
    });
  for (const rates of [{ writes: 0 }, { writes: 1.5 }, { everything: 1 }, { writes: null }]) {
    expect((await set(rates)).status).toBe(400);
  }
  const changed = await set({ writes: 1 });
  expect(await changed.json()).toMatchObject({ connection: { rates: { writes: 1 } } });
  await until("the rates are known", async () => {
    const operations = Array.from({ length: 101 }, () => ({ method: "DELETE", path: "/Groups/nobody" }));
    return (
      (await sendBulk(slow, operations)).status === 200 &&
      (await slow.scim("POST", "/Users", newUser("u"))).status === 429
    );
  });
  expect((await other.scim("POST", "/Users", newUser("u"))).status).toBe(201);
});

/** Uses up what a connection may change in one window, and answers the ids of whom it created. */
async function fill(tenant: TestTenant): Promise<readonly string[]> {
  const { outcomes } = await sendBulk(
    tenant,
    Array.from({ length: 10 }, (_, nth) => create("/Users", `${nth}`, newUser(`u${nth}`))),
  );
  return outcomes.map(idIn);
}

async function times(count: number, ask: (nth: number) => Promise<ScimAnswer>): Promise<readonly ScimAnswer[]> {
  const answers: ScimAnswer[] = [];
  for (let nth = 0; nth < count; nth += 1) answers.push(await ask(nth));
  return answers;
}

function expectRefusal(answer: ScimAnswer | undefined): void {
  expect(answer?.headers.get("retry-after")).toMatch(/^[1-9]\d?$|^100$/);
  expect(answer?.body).toEqual({
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: "429",
    detail: expect.stringMatching(/too many .* try again in \d+ s$/),
  });
}
