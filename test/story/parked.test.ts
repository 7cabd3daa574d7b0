import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { hold } from "../harness/hold.ts";
import { openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { changeGroup, createGroup, createUser } from "../harness/members.ts";
import { createTenant, newGroup, newUser, patch, type ScimAnswer, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

describe("a member that comes before its user", () => {
  test("waits, is read back as it was sent, and is in the group once the user is there", async () => {
    const tenant = await createTenant(house);
    const group = await tenant.scim("POST", "/Groups", newGroup("Sales", ["00u1"]));
    expect(group.body["members"]).toEqual([{ value: "00u1" }]);
    const id = await createUser(tenant, "00u1");
    expect(await membersOf(tenant, group.body["id"] as string)).toEqual([id]);
    expect(await storedGroups(tenant, id)).toEqual(["Sales"]);
  });

  test("is in the group once, though it was named in two ways", async () => {
    const tenant = await createTenant(house);
    const id = await createUser(tenant, "00u1");
    await tenant.scim("DELETE", `/Users/${id}`);
    const group = await createGroup(tenant, "Sales");
    for (const value of [id, "00u1"]) await changeGroup(tenant, group, add(value));
    expect(await createUser(tenant, "00u1")).toBe(id);
    expect(await membersOf(tenant, group)).toEqual([id]);
    expect(await storedGroups(tenant, id)).toEqual(["Sales"]);
  });

  test("waits in its own connection, and no other's user is taken for it", async () => {
    const [own, other] = [await createTenant(house), await createTenant(house)];
    const group = await createGroup(own, "Sales", ["00u1"]);
    await createUser(other, "00u1");
    expect(await membersOf(own, group)).toEqual(["00u1"]);
  });

  test.each(["PATCH", "PUT"] as const)("joins when its user is given the externalId by %s", async (method) => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales", ["new"]);
    const id = await createUser(tenant, "old");
    await untilQuiet(house, tenant.id);
    const body =
      method === "PUT"
        ? newUser("old", { externalId: "new" })
        : patch({ op: "replace", path: "externalId", value: "new" });
    expect((await tenant.scim(method, `/Users/${id}`, body)).status).toBe(200);
    expect(await membersOf(tenant, group)).toEqual([id]);
    expect(await storedGroups(tenant, id)).toEqual(["Sales"]);
  });

  test("joins when its user, deleted meanwhile, comes back by the id that the group names", async () => {
    const tenant = await createTenant(house);
    const id = await createUser(tenant, "00u1");
    await tenant.scim("DELETE", `/Users/${id}`);
    const group = await createGroup(tenant, "Sales", [id]);
    expect(await membersOf(tenant, group)).toEqual([id]);
    expect(await storedGroups(tenant, id)).toEqual([]);
    expect(await createUser(tenant, "00u1")).toBe(id);
    expect(await storedGroups(tenant, id)).toEqual(["Sales"]);
  });

  test("who is in the group already under another name stays there once, and nobody is refused for it", async () => {
    const tenant = await createTenant(house);
    const id = await createUser(tenant, "old");
    const group = await createGroup(tenant, "Sales", [id, "new"]);
    const renamed = await tenant.scim(
      "PATCH",
      `/Users/${id}`,
      patch({ op: "replace", path: "externalId", value: "new" }),
    );
    expect(renamed.status).toBe(200);
    expect(await membersOf(tenant, group)).toEqual([id]);
    await changeGroup(tenant, group, { op: "remove", path: 'members[value eq "new"]' });
    expect(await membersOf(tenant, group)).toEqual([]);
    expect(await storedGroups(tenant, id)).toEqual([]);
  });

  test.each([
    ["by value", [{ op: "remove", path: "members", value: [{ value: "00u1" }] }]],
    ["by a filter", [{ op: "remove", path: 'members[value eq "00u1"]' }]],
    ["by a new list", [{ op: "replace", path: "members", value: [] }]],
    ["and added no more than a removal undoes", [add("00u1"), { op: "remove", path: 'members[value eq "00u1"]' }]],
  ] as const)("that is removed before its user comes never joins: %s", async (_how, operations) => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales", ["00u1"]);
    await changeGroup(tenant, group, ...operations);
    expect(await membersOf(tenant, group)).toEqual([]);
    const id = await createUser(tenant, "00u1");
    expect(await membersOf(tenant, group)).toEqual([]);
    expect(await storedGroups(tenant, id)).toEqual([]);
  });

  test("of a group that was deleted meanwhile joins nothing", async () => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales", ["00u1"]);
    expect((await tenant.scim("DELETE", `/Groups/${group}`)).status).toBe(204);
    const id = await createUser(tenant, "00u1");
    expect(await storedGroups(tenant, id)).toEqual([]);
    expect(await house.database.once(tenant.id, sql`SELECT FROM directory_member`)).toEqual([]);
  });
});

describe("whatever a member is called", () => {
  test.each([
    ["with quotes and backslashes", `it's a "test" \\ %_`],
    ["with what no eye sees", "a\u200Bb\tc\nd"],
    ["beyond the first plane", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 👩‍👩‍👧"],
    ["in another order of the same marks", "e\u0301"],
    ["like SQL", "'); DROP TABLE directory_member; --"],
    ["like one of our ids, and nobody's", "0198a000-0000-7000-8000-000000000002"],
    ["as long as may be", "x".repeat(2048)],
  ])("it waits, is read back and found again: %s", async (_what, value) => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales", [value]);
    expect(await membersOf(tenant, group)).toEqual([value]);
    const { status, body } = await tenant.scim("POST", "/Users", newUser("u", { externalId: value }));
    expect(status).toBe(201);
    expect(await membersOf(tenant, group)).toEqual([body["id"]]);
    await changeGroup(tenant, group, { op: "remove", path: "members", value: [{ value }] });
    expect(await membersOf(tenant, group)).toEqual([]);
  });

  test.each([
    ["longer than can be found again", "x".repeat(2049)],
    ["longer in bytes than in letters", "ü".repeat(1025)],
    ["with NUL", "a\0b"],
    ["with half a pair", "a\uD800"],
    ["empty", ""],
  ])("it is refused, and nothing of the request is done: %s", async (_what, value) => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales");
    const answers = [
      await tenant.scim("PATCH", `/Groups/${group}`, patch(add("00u1"), add(value))),
      await tenant.scim(
        "PATCH",
        `/Groups/${group}`,
        patch(add("00u1"), { op: "remove", path: `members[value eq ${JSON.stringify(value)}]` }),
      ),
      await tenant.scim("POST", "/Groups", newGroup("Support", [value])),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(await membersOf(tenant, group)).toEqual([]);
  });
});

describe("a user who comes at the very moment", () => {
  test("in which a group parks it is in the group", async () => {
    const tenant = await createTenant(house);
    const group = await createGroup(tenant, "Sales");
    // The group's change has found nobody of that name, and not yet written the edge.
    const held = await hold(
      house,
      tenant.id,
      "INSERT INTO directory_member (tenant_id, group_id, member) VALUES ($1, $2, '00u1')",
      [tenant.id, group],
    );
    const adding = tenant.scim("PATCH", `/Groups/${group}`, patch(add("00u1")));
    await waiting(1);
    const coming = tenant.scim("POST", "/Users", newUser("00u1"));
    await Promise.race([coming, waiting(2)]);
    await held.letGo();
    const id = await arrived(coming, adding);
    expect(await membersOf(tenant, group)).toEqual([id]);
    expect(await storedGroups(tenant, id)).toEqual(["Sales"]);
  });

  test("in which a group names it and its creation is not committed is in the group", async () => {
    const tenant = await createTenant(house);
    const [group, other] = [await createGroup(tenant, "Sales"), await createGroup(tenant, "Support", ["00u1"])];
    const held = await holdGroup(tenant, other);
    const coming = tenant.scim("POST", "/Users", newUser("00u1"));
    await waiting(1);
    const adding = tenant.scim("PATCH", `/Groups/${group}`, patch(add("00u1")));
    await Promise.race([adding, waiting(2)]);
    await held.letGo();
    const id = await arrived(coming, adding);
    expect([await membersOf(tenant, group), await membersOf(tenant, other)]).toEqual([[id], [id]]);
  });

  test("in which a group takes it out, and its creation is not committed, is not in the group", async () => {
    const tenant = await createTenant(house);
    const [group, other] = [
      await createGroup(tenant, "Sales", ["00u1"]),
      await createGroup(tenant, "Support", ["00u1"]),
    ];
    const held = await holdGroup(tenant, other);
    const coming = tenant.scim("POST", "/Users", newUser("00u1"));
    await waiting(1);
    const removing = tenant.scim(
      "PATCH",
      `/Groups/${group}`,
      patch({ op: "remove", path: 'members[value eq "00u1"]' }),
    );
    await Promise.race([removing, waiting(2)]);
    await held.letGo();
    const id = await arrived(coming, removing);
    expect([await membersOf(tenant, group), await membersOf(tenant, other)]).toEqual([[], [id]]);
    expect(await storedGroups(tenant, id)).toEqual(["Support"]);
  });

  test("in which its group is emptied is not in the group", async () => {
    const tenant = await createTenant(house);
    const bob = await createUser(tenant, "bob");
    // Behind Bob's edge, at which the group's change is held.
    const group = await createGroup(tenant, "Sales", [bob, "zoe"]);
    const held = await hold(
      house,
      tenant.id,
      "SELECT FROM directory_member WHERE group_id = $1 AND member = $2 FOR UPDATE",
      [group, bob],
    );
    const emptying = tenant.scim("PATCH", `/Groups/${group}`, patch({ op: "replace", path: "members", value: [] }));
    await waiting(1);
    const coming = tenant.scim("POST", "/Users", newUser("zoe"));
    await Promise.race([coming, waiting(2)]);
    await held.letGo();
    const id = await arrived(coming, emptying);
    expect(await membersOf(tenant, group)).toEqual([]);
    expect(await storedGroups(tenant, id)).toEqual([]);
  });

  function holdGroup(tenant: TestTenant, groupId: string) {
    return hold(house, tenant.id, "SELECT FROM directory_group WHERE id = $1 FOR UPDATE", [groupId]);
  }

  async function waiting(count: number): Promise<void> {
    await until(`${count} wait`, async () => (await lockWaiters(house.databaseUrl)) === count);
  }

  async function arrived(coming: Promise<ScimAnswer>, changing: Promise<ScimAnswer>): Promise<string> {
    expect([(await coming).status, (await changing).status]).toEqual([201, 204]);
    return (await coming).body["id"] as string;
  }
});

function add(value: string) {
  return { op: "add", path: "members", value: [{ value }] };
}

async function membersOf(tenant: TestTenant, groupId: string): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", `/Groups/${groupId}`);
  return ((body["members"] as readonly { readonly value: string }[] | undefined) ?? []).map(({ value }) => value);
}

async function storedGroups(tenant: TestTenant, userId: string): Promise<readonly string[] | undefined> {
  await untilQuiet(house, tenant.id);
  return (await readUserStore(house, tenant.id)).get(userId)?.groups;
}
