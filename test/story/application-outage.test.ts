import { freePort } from "@rollcall/cli/postgres";
import { newId } from "@rollcall/core/runtime";
import { sql, trimDeliveries } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import {
  accepts,
  type Application,
  createStream,
  createWebhook,
  openApplication,
  pushTo,
  receiverOf,
  verifySet,
  type SetClaims,
} from "../harness/application.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const hasty = await openHouse({ egress: { scheduleSec: [0.02, 0.02] } });

/** Whether tokens of a second are cut off is said once in that second; whether somebody may enter, every time. */
const standings = ["user.denied", "user.allowed"];

type Event = { readonly type: string; readonly data: { readonly sub: string; readonly sequence: number } };

async function join(tenant: TestTenant, subs: readonly string[], where = house): Promise<readonly string[]> {
  const answers = await Promise.all(subs.map((sub) => tenant.scim("POST", "/Users", newUser(sub))));
  await untilQuiet(where, tenant.id);
  return answers.map(({ body }) => body["id"] as string);
}

/** Takes access away and gives it back, each step applied before the next, for all at once. */
async function live(tenant: TestTenant, ids: readonly string[]): Promise<void> {
  for (const step of [deactivate, reactivate, deactivate]) {
    await Promise.all(ids.map((id) => tenant.scim("PATCH", `/Users/${id}`, step)));
    await untilQuiet(house, tenant.id);
  }
}

async function states(tenant: TestTenant, where = house): Promise<Readonly<Record<string, number>>> {
  const rows = await where.database.once<{ state: string; count: number }>(
    tenant.id,
    sql`SELECT state, count(*) AS count FROM delivery GROUP BY state`,
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** What each message last told, by id, in the order of its acceptance. */
function acceptedBy(application: Application, isAccepted: (index: number) => boolean): readonly Event[] {
  return application.received.filter((_, index) => isAccepted(index)).map(({ body }) => JSON.parse(body) as Event);
}

function expectInOrder(events: readonly Event[]): void {
  for (const own of Map.groupBy(events, ({ data }) => data.sub).values()) {
    const sequences = own.map(({ data }) => data.sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  }
}

describe("a receiver that was down", () => {
  test("is told everything after it, once each, each subject in its order", async () => {
    const tenant = await createTenant(house);
    const port = await freePort();
    await createWebhook(house, tenant, `http://127.0.0.1:${port}/hook`, standings);
    const ids = await join(tenant, ["ann", "bob", "cat", "dan"]);
    await live(tenant, ids);
    // Something was tried, and nothing was taken.
    await until("an attempt fails", async () => {
      const [row] = await house.database.once<{ failures: number }>(tenant.id, sql`SELECT failures FROM subscription`);
      return (row?.failures ?? 0) > 0;
    });
    expect((await states(tenant))["delivered"]).toBeUndefined();
    const application = await openApplication(port);
    await until("all is delivered", async () => (await states(tenant))["delivered"] === 12);
    const told = acceptedBy(application, () => true);
    const messageIds = application.received.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(messageIds).size).toBe(12);
    expect(messageIds).toHaveLength(12);
    expectInOrder(told);
    expect([...Map.groupBy(told, ({ data }) => data.sub).values()].map((own) => own.map(({ type }) => type))).toEqual(
      Array.from({ length: 4 }, () => ["user.denied", "user.allowed", "user.denied"]),
    );
  });

  test("and fails at random is told each message under one id, and nobody's later before their earlier", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const taken = new Set<number>();
    const failing = [503, 0, 500, 202, 302, 202, 202];
    application.answer = (request, response) => {
      const index = application.received.indexOf(request);
      const status = failing[index % failing.length] ?? 202;
      if (status === 202) taken.add(index);
      if (status === 0) response.destroy();
      else response.writeHead(status, status === 302 ? { location: `${application.url}/elsewhere` } : {}).end();
    };
    await createWebhook(house, tenant, `${application.url}/hook`, standings);
    const ids = await join(tenant, ["ann", "bob", "cat"]);
    await live(tenant, ids);
    await until("all is delivered", async () => (await states(tenant))["delivered"] === 9);
    const told = acceptedBy(application, (index) => taken.has(index));
    expect(told).toHaveLength(9);
    expect(new Set(told.map(({ data }) => data.sequence)).size).toBe(9);
    expectInOrder(told);
    // A redirect is a failure: nobody is sent on.
    expect(new Set(application.received.map(({ path }) => path))).toEqual(new Set(["/hook"]));
  });

  test("or never answers keeps nobody else waiting", async () => {
    const tenant = await createTenant(house);
    const [slow, quick] = [await openApplication(), await openApplication()];
    slow.answer = () => undefined;
    await createWebhook(house, tenant, slow.url);
    await createWebhook(house, tenant, quick.url);
    const [id = ""] = await join(tenant, ["ann"]);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("the slow one is being asked", () => slow.received.length > 0);
    await until("the quick one has everything", () => quick.received.length === 2);
    await until("and it is settled", async () => (await states(tenant))["delivered"] === 2);
    slow.answer = accepts;
    await until("the slow one has everything", async () => (await states(tenant))["delivered"] === 4);
    expect(quick.received).toHaveLength(2);
  });
});

describe("what cannot be delivered", () => {
  test("is given up after its last attempt, told to the admin, and sent again when the admin says so", async () => {
    const tenant = await createTenant(hasty);
    const application = await openApplication();
    application.answer = (_request, response) => void response.writeHead(500).end("no");
    const { id, admin } = await createWebhook(hasty, tenant, application.url, ["user.denied"]);
    const [userId = ""] = await join(tenant, ["ann"], hasty);
    await tenant.scim("PATCH", `/Users/${userId}`, deactivate);
    await until("it is given up", async () => (await states(tenant, hasty))["dead"] === 1);
    const path = `/tenants/${tenant.slug}/webhooks/${id}`;
    const { body: log } = await admin("GET", `${path}/deliveries?state=dead`);
    expect(log["items"]).toEqual([
      expect.objectContaining({ event: "user.denied", userId, lastStatus: 500, lastError: "status 500", attempts: 3 }),
    ]);
    const { body: alerts } = await admin("GET", `/tenants/${tenant.slug}/alerts`);
    expect(alerts["items"]).toEqual([expect.objectContaining({ kind: "delivery_dead", key: id, resolvedAt: null })]);
    expect(application.received).toHaveLength(3);

    application.answer = accepts;
    expect(await admin("POST", `${path}/replay`, { failed: true })).toEqual({ status: 200, body: { replayed: 1 } });
    await until("it is delivered", async () => (await states(tenant, hasty))["delivered"] === 1);
    expect(new Set(application.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    const { body: after } = await admin("GET", `/tenants/${tenant.slug}/alerts`);
    expect(after["items"]).toEqual([expect.objectContaining({ resolvedAt: expect.any(String) as string })]);
  });

  test("keeps nobody else's messages back", async () => {
    const tenant = await createTenant(hasty);
    const application = await openApplication();
    application.answer = ({ body }, response) =>
      void response.writeHead((JSON.parse(body) as Event).data.sub === "ann" ? 500 : 202).end();
    await createWebhook(hasty, tenant, application.url, ["user.denied"]);
    const ids = await join(tenant, ["ann", "bob"], hasty);
    for (const id of ids) await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("one is delivered", async () => (await states(tenant, hasty))["delivered"] === 1);
    await until("one is given up", async () => (await states(tenant, hasty))["dead"] === 1);
    expect(await states(tenant, hasty)).toEqual({ delivered: 1, dead: 1 });
  });

  test("because the webhook is gone ends the webhook, until the admin enables it again", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    application.answer = (_request, response) => void response.writeHead(410).end();
    const { id, admin } = await createWebhook(house, tenant, application.url, ["user.denied"]);
    const [ann = "", bob = "", cat = ""] = await join(tenant, ["ann", "bob", "cat"]);
    const path = `/tenants/${tenant.slug}/webhooks/${id}`;
    await tenant.scim("PATCH", `/Users/${ann}`, deactivate);
    await until("it is disabled", async () => (await admin("GET", path)).body["status"] === "disabled");
    expect((await admin("GET", path)).body["statusReason"]).toBe("gone");
    await tenant.scim("PATCH", `/Users/${bob}`, deactivate);
    await untilQuiet(house, tenant.id);
    application.answer = accepts;
    expect((await admin("PATCH", path, { status: "enabled" })).body["status"]).toBe("enabled");
    await tenant.scim("PATCH", `/Users/${cat}`, deactivate);
    await until("what came after is delivered", async () => (await states(tenant))["delivered"] === 1);
    expect(application.received.map(({ body }) => (JSON.parse(body) as Event).data.sub)).toEqual(["ann", "cat"]);
  });

  test("because the receiver will never take it is not sent again, and what may pass is", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const errors = ["invalid_key", "invalid_audience"];
    application.answer = (_request, response) => {
      const err = errors[Math.min(application.received.length, errors.length) - 1];
      response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ err, description: "ann" }));
    };
    const receiver = await receiverOf(house, tenant);
    await createStream(receiver, pushTo(application.url));
    const [id = ""] = await join(tenant, ["ann"]);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("both are given up", async () => (await states(tenant))["dead"] === 2);
    // The first was refused for a key, tried again, and then for good; the second at once.
    expect(application.received).toHaveLength(3);
    const log = await house.database.once<{ error: string }>(
      tenant.id,
      sql`SELECT last_error AS error FROM delivery ORDER BY seq`,
    );
    expect(log).toEqual([{ error: "invalid_audience" }, { error: "invalid_audience" }]);
  });

  test("for too long, or behind too much, is given up with an alert, and forgotten after that", async () => {
    const tenant = await createTenant(house);
    const receiver = await receiverOf(house, tenant);
    await createStream(receiver);
    const ids = await join(tenant, ["ann", "bob", "cat"]);
    for (const id of ids) await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await trimDeliveries(house.database, tenant.id, 3_600, newId, 4);
    expect(await states(tenant)).toEqual({ dead: 2, waiting: 4 });
    expect(await trimDeliveries(house.database, tenant.id, 3_600, newId, 4)).toBe(0);
    await house.database.once(
      tenant.id,
      sql`UPDATE delivery SET created_at = created_at - interval '2 hours', settled_at = settled_at - interval '2 hours'`,
    );
    await house.database.once(tenant.id, sql`UPDATE outbound_event SET created_at = created_at - interval '2 hours'`);
    expect(await trimDeliveries(house.database, tenant.id, 3_600, newId)).toBe(2);
    expect(await states(tenant)).toEqual({ dead: 4 });
    const admin = await adminOf(house, tenant);
    const { body } = await admin("GET", `/tenants/${tenant.slug}/alerts`);
    expect(body["items"]).toEqual([expect.objectContaining({ kind: "delivery_dead" })]);
  });
});

describe("an admin sends again", () => {
  test("one message, all since a moment, or nothing of what never was", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const { id, admin } = await createWebhook(house, tenant, application.url, ["user.denied"]);
    const ids = await join(tenant, ["ann", "bob"]);
    const [first = "", second = ""] = ids;
    await tenant.scim("PATCH", `/Users/${first}`, deactivate);
    await until("the first is delivered", async () => (await states(tenant))["delivered"] === 1);
    const path = `/tenants/${tenant.slug}/webhooks/${id}`;
    const { body: log } = await admin("GET", `${path}/deliveries`);
    const [{ id: delivery, createdAt } = { id: "", createdAt: "" }] = log["items"] as {
      id: string;
      createdAt: string;
    }[];
    await tenant.scim("PATCH", `/Users/${second}`, deactivate);
    await until("the second is delivered", async () => (await states(tenant))["delivered"] === 2);

    expect((await admin("POST", `${path}/replay`, { delivery })).body).toEqual({ replayed: 1 });
    await until("the one comes again", () => application.received.length === 3);
    expect(application.received[2]?.headers["webhook-id"]).toBe(`msg_${delivery}`);
    await until("it is settled", async () => (await states(tenant))["delivered"] === 2);
    expect((await admin("POST", `${path}/replay`, { since: createdAt })).body).toEqual({ replayed: 2 });
    await until("both come again", () => application.received.length === 5);
    expect((await admin("POST", `${path}/replay`, { delivery: newId() })).status).toBe(404);
    expect((await admin("POST", `${path}/replay`, { delivery, failed: true })).status).toBe(400);
    const audit = await house.database.once<{ action: string }>(
      tenant.id,
      sql`SELECT action FROM audit WHERE action LIKE 'webhook.%' ORDER BY id`,
    );
    expect(audit.map(({ action }) => action)).toEqual(["webhook.create", "webhook.replay", "webhook.replay"]);
  });
});

test("a change that is rolled back is told to nobody", async () => {
  const tenant = await createTenant(house);
  const receiver = await receiverOf(house, tenant);
  const stream = await createStream(receiver);
  const [id = ""] = await join(tenant, ["ann"]);
  const undone = house.database.inTenant(tenant.id, async (transaction) => {
    await transaction.query(sql`UPDATE revocation SET deny = NOT deny`);
    await transaction.query(
      sql`INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at) VALUES (${tenant.id}, 'sub', ${tenant.issuer}, 'ann', true, 'app', 'admin_revoked', now())`,
    );
    throw new Error("the story's own");
  });
  await expect(undone).rejects.toThrow("the story's own");
  expect(await states(tenant)).toEqual({});
  await tenant.scim("PATCH", `/Users/${id}`, deactivate);
  await untilQuiet(house, tenant.id);
  const { body } = await receiver("POST", `/streams/${stream.id}/poll`, { returnImmediately: true });
  const sets = await Promise.all(
    Object.values(body["sets"] as Record<string, string>).map((token) => verifySet(house, token, stream.aud)),
  );
  expect(sets.map((set: SetClaims) => set.sub_id["sub"])).toEqual(["ann"]);
});
