import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource, tell, type Told } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { addProvider } from "../harness/read-back-scene.ts";
import { createTenant, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const minute = 60_000;
const ago = (minutes: number): Date => new Date(Date.now() - minutes * minute);

describe("in every order, and each once more", () => {
  const life = (name: string, began: number): readonly Told[] =>
    [
      ["user.created", { userName: `${name}@example.test`, displayName: "Ann" }],
      ["user.updated", { displayName: "Anna", title: "Clerk" }],
      ["user.disabled", {}],
      ["user.enabled", { title: "Head clerk" }],
    ].map(([type, data], index) => ({
      id: randomUUID(),
      type: type as string,
      at: new Date(began + index * minute),
      data: { externalId: name, ...(data as object) },
    }));

  test("a life ends the same, though its beginning may come last", async () => {
    const { tenant, source } = await scene();
    const orders = permutations([0, 1, 2, 3]);
    await Promise.all(
      orders.map(async (order, number) => {
        const told = life(`n${number}`, Date.now() - 60 * minute);
        for (const index of [...order, order[number % 4] as number]) await tell(source, told[index] as Told);
      }),
    );
    const { body } = await tenant.scim("GET", "/Users?count=200&attributes=active,displayName,title");
    const ends = (body["Resources"] as readonly object[]).map((user) =>
      JSON.stringify({ ...user, id: "", meta: "", schemas: "" }),
    );
    expect([ends.length, new Set(ends).size]).toEqual([24, 1]);
    expect(JSON.parse(ends[0] as string)).toMatchObject({ active: true, displayName: "Anna", title: "Head clerk" });
  });

  test("a leaver is out, though the denial came before anybody knew them", async () => {
    const { tenant, source } = await scene();
    const told = life("ann", Date.now() - 60 * minute).slice(0, 3);
    await Promise.all(
      permutations([0, 1, 2]).map(async (order, number) => {
        const own = told.map((one) => ({
          ...one,
          id: randomUUID(),
          data: { ...one.data, externalId: `n${number}`, userName: `n${number}` },
        }));
        for (const index of order) await tell(source, own[index] as Told);
      }),
    );
    await untilQuiet(house, tenant.id);
    const users = [...(await readUserStore(house, tenant.id)).values()];
    expect(users.map(({ denials }) => denials)).toEqual(Array.from({ length: 6 }, () => ["idp_inactive"]));
  });

  test("who is created and denied at the same moment is not let in", async () => {
    const { tenant, source } = await scene();
    const names = Array.from({ length: 40 }, (_, number) => `n${number}`);
    await Promise.all(
      names.flatMap((externalId) => [
        say(source, "user.created", { externalId, userName: `${externalId}@example.test` }, ago(5)),
        say(source, "user.disabled", { externalId }, ago(4)),
      ]),
    );
    const { body } = await tenant.scim("GET", "/Users?count=100&filter=active eq true");
    expect(body["totalResults"]).toBe(0);
    expect(await namesOf(tenant)).toHaveLength(40);
  });

  test("a joiner comes, though something that was said of them before cannot be: it alone is refused", async () => {
    const { tenant, source } = await scene();
    await addProvider(house, tenant, "scim", { url: "https://provider.test/scim/v2" });
    await tenant.scim("POST", "/Users", newUser("bob"));
    await say(source, "user.updated", { externalId: "n7", userName: "bob@example.test" }, ago(4));
    await say(source, "user.updated", { externalId: "n7", title: "Clerk" }, ago(3));
    const bobby = { externalId: "n7", userName: "bobby@example.test" };
    expect(await say(source, "user.created", bobby, ago(5))).toBeLessThan(300);
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "n7"');
    expect(body["Resources"]).toMatchObject([{ ...bobby, title: "Clerk", active: true }]);
    expect(await outcomesOf(tenant)).toEqual(["created", "refused", "written"]);
    const asked = await house.database.once(tenant.id, sql`SELECT subject_key FROM read_back`);
    expect(asked).toEqual([{ subject_key: "id n7" }]);
  });

  test("whoever has a leaver's name comes, though the leaver's end was told before anybody knew either", async () => {
    const { tenant, source } = await scene();
    const [old, next] = ["n9", "n10"].map((externalId) => ({ externalId, userName: "clerk@example.test" }));
    await say(source, "user.deleted", { ...old }, ago(1));
    await say(source, "user.disabled", { ...old }, undefined);
    expect(await say(source, "user.created", { ...next }, ago(5))).toBeLessThan(300);
    const { body } = await tenant.scim("GET", "/Users");
    expect(body["Resources"]).toMatchObject([{ ...next, active: true }]);
    // It goes on waiting for whom it is about.
    const [present] = body["Resources"] as readonly { readonly id: string }[];
    await tenant.scim(
      "PATCH",
      `/Users/${present?.id ?? ""}`,
      patch({ op: "replace", path: "userName", value: "head@example.test" }),
    );
    await say(source, "user.created", { ...old }, ago(3));
    await untilQuiet(house, tenant.id);
    const users = [...(await readUserStore(house, tenant.id)).values()];
    expect(Object.fromEntries(users.map(({ userName, denials }) => [userName, denials]))).toEqual({
      "clerk@example.test": ["idp_deleted"],
      "head@example.test": [],
    });
  });

  test("a leaver is out, though what else the denial says of them cannot be", async () => {
    const { tenant, source } = await scene();
    await tenant.scim("POST", "/Users", newUser("bob"));
    await say(source, "user.updated", { externalId: "n8", userName: "bob@example.test", active: false }, ago(4));
    await say(source, "user.created", { externalId: "n8", userName: "bobby@example.test" }, ago(5));
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "n8"');
    expect(body["Resources"]).toMatchObject([{ userName: "bobby@example.test", active: false }]);
  });
});

async function scene(): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  return { tenant, source: await addSource(house, tenant, "webhook") };
}

async function say(source: HookSource, type: string, data: Told["data"], at: Date | undefined): Promise<number> {
  return (await tell(source, { type, data, at })).status;
}

async function namesOf(tenant: TestTenant): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", "/Users?sortBy=userName");
  return (body["Resources"] as readonly { readonly userName: string }[]).map(({ userName }) => userName);
}

async function outcomesOf({ id }: TestTenant): Promise<readonly string[]> {
  const rows = await house.database.once<{ outcome: string }>(id, sql`SELECT outcome FROM source_event`);
  return rows.map(({ outcome }) => outcome).toSorted();
}

function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));
}
