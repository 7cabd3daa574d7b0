import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { readAssignments } from "../harness/membership-graph.ts";
import { changeGroup, createGroup, createUser } from "../harness/members.ts";
import { createTenant, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

describe("a group within a group", () => {
  test("is shown as one, and its users are shown where they are and through what", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    const inner = await createGroup(tenant, "Inner", [ann]);
    const outer = await createGroup(tenant, "Outer", [inner]);
    const { body } = await tenant.scim("GET", `/Groups/${outer}`);
    expect(body["members"]).toEqual([
      { value: inner, type: "Group", display: "Inner", $ref: `https://rollcall.test/scim/v2/Groups/${inner}` },
    ]);
    expect(await shownGroups(tenant, ann)).toEqual(["Inner direct", "Outer indirect"]);
    expect(await storedGroups(tenant, ann)).toEqual(["Inner", "Outer"]);
  });

  test("brings in whoever was in it before, who comes later, and what is within it in turn", async () => {
    const tenant = await createTenant(house);
    const [ann, bob] = [await createUser(tenant, "ann"), await createUser(tenant, "bob")];
    const deep = await createGroup(tenant, "Deep", [ann]);
    const middle = await createGroup(tenant, "Middle", [deep]);
    const outer = await createGroup(tenant, "Outer");
    await untilQuiet(house, tenant.id);
    await changeGroup(tenant, outer, { op: "add", path: "members", value: [{ value: middle }] });
    expect(await storedGroups(tenant, ann)).toEqual(["Deep", "Middle", "Outer"]);
    await changeGroup(tenant, deep, { op: "add", path: "members", value: [{ value: bob }] });
    expect(await storedGroups(tenant, bob)).toEqual(["Deep", "Middle", "Outer"]);
  });

  test("takes its users out again when it leaves, but not whoever is there by another way", async () => {
    const tenant = await createTenant(house);
    const [ann, bob] = [await createUser(tenant, "ann"), await createUser(tenant, "bob")];
    const [left, right] = [await createGroup(tenant, "Left", [ann, bob]), await createGroup(tenant, "Right", [bob])];
    const outer = await createGroup(tenant, "Outer", [left, right]);
    await untilQuiet(house, tenant.id);
    await changeGroup(tenant, outer, { op: "remove", path: `members[value eq "${left}"]` });
    expect(await storedGroups(tenant, ann)).toEqual(["Left"]);
    expect(await storedGroups(tenant, bob)).toEqual(["Left", "Outer", "Right"]);
  });

  test("that is deleted takes its users out of everything around it, and leaves no edge behind", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    const deep = await createGroup(tenant, "Deep", [ann]);
    const middle = await createGroup(tenant, "Middle", [deep]);
    const outer = await createGroup(tenant, "Outer", [middle]);
    await untilQuiet(house, tenant.id);
    expect((await tenant.scim("DELETE", `/Groups/${middle}`)).status).toBe(204);
    expect((await tenant.scim("GET", `/Groups/${outer}`)).body["members"]).toBeUndefined();
    expect(await shownGroups(tenant, ann)).toEqual(["Deep direct"]);
    expect(await storedGroups(tenant, ann)).toEqual(["Deep"]);
    expect(await edgesOf(tenant)).toEqual([`${deep} ${ann}`]);
  });

  test("is renamed once, wherever it is shown", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    const inner = await createGroup(tenant, "Inner", [ann]);
    const outer = await createGroup(tenant, "Outer", [inner]);
    await changeGroup(tenant, inner, rename("Renamed"));
    const { body } = await tenant.scim("GET", `/Groups/${outer}`);
    expect(body["members"]).toMatchObject([{ value: inner, display: "Renamed" }]);
    expect(await storedGroups(tenant, ann)).toEqual(["Outer", "Renamed"]);
  });

  test("costs the request that puts it there one event, however many are in it, and all of them are told", async () => {
    const tenant = await createTenant(house);
    const inner = await createGroup(tenant, "Inner");
    const outer = await createGroup(tenant, "Outer");
    // More than one piece of them.
    const count = 2_050;
    await fill(tenant, inner, count);
    const [before] = await eventCounts(tenant);
    await changeGroup(tenant, outer, { op: "add", path: "members", value: [{ value: inner }] });
    await untilQuiet(house, tenant.id);
    const [after, passedOn] = await eventCounts(tenant);
    expect([after - before, passedOn]).toEqual([1, count]);
    expect(await readAssignments(house, tenant.id)).toHaveLength(2 * count);

    expect((await tenant.scim("DELETE", `/Groups/${inner}`)).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect(await readAssignments(house, tenant.id)).toEqual([]);
    expect(await edgesOf(tenant)).toEqual([]);
  });
});

describe("groups that hold each other", () => {
  test("have the same users, and nothing runs for ever", async () => {
    const tenant = await createTenant(house);
    const [ann, bob] = [await createUser(tenant, "ann"), await createUser(tenant, "bob")];
    const [one, two] = [await createGroup(tenant, "One", [ann]), await createGroup(tenant, "Two", [bob])];
    await changeGroup(tenant, one, { op: "add", path: "members", value: [{ value: two }] });
    await changeGroup(tenant, two, { op: "add", path: "members", value: [{ value: one }] });
    expect(await storedGroups(tenant, ann)).toEqual(["One", "Two"]);
    expect(await storedGroups(tenant, bob)).toEqual(["One", "Two"]);
    expect(await shownGroups(tenant, ann)).toEqual(["One direct", "Two indirect"]);
    await changeGroup(tenant, one, { op: "remove", path: `members[value eq "${two}"]` });
    expect(await storedGroups(tenant, ann)).toEqual(["One", "Two"]);
    expect(await storedGroups(tenant, bob)).toEqual(["Two"]);
  });

  test("include one that holds itself: it is read back as it was sent, and means nothing", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    const own = await createGroup(tenant, "Own", [ann]);
    await changeGroup(tenant, own, { op: "add", path: "members", value: [{ value: own }] });
    const { body } = await tenant.scim("GET", `/Groups/${own}`);
    expect((body["members"] as { value: string }[]).map(({ value }) => value).toSorted()).toEqual(
      [ann, own].toSorted(),
    );
    expect(await storedGroups(tenant, ann)).toEqual(["Own"]);
    expect((await tenant.scim("DELETE", `/Groups/${own}`)).status).toBe(204);
    expect(await storedGroups(tenant, ann)).toEqual([]);
  });
});

describe("a group that is waited for", () => {
  test("is in the group that named it by its externalId once it is there, and so are its users", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    const outer = await createGroup(tenant, "Outer", ["g-1"]);
    expect((await tenant.scim("GET", `/Groups/${outer}`)).body["members"]).toEqual([{ value: "g-1" }]);
    const inner = await createGroup(tenant, "Inner", [ann], { externalId: "g-1" });
    expect((await tenant.scim("GET", `/Groups/${outer}`)).body["members"]).toMatchObject([
      { value: inner, type: "Group" },
    ]);
    expect(await storedGroups(tenant, ann)).toEqual(["Inner", "Outer"]);
  });

  test("is taken in when it is given the externalId later", async () => {
    const tenant = await createTenant(house);
    const ann = await createUser(tenant, "ann");
    await createGroup(tenant, "Outer", ["g-1"]);
    const inner = await createGroup(tenant, "Inner", [ann]);
    await untilQuiet(house, tenant.id);
    await changeGroup(tenant, inner, { op: "add", path: "externalId", value: "g-1" });
    expect(await storedGroups(tenant, ann)).toEqual(["Inner", "Outer"]);
  });
});

test("groups nested deeper than 32 are refused, and nothing of the request is done", async () => {
  const tenant = await createTenant(house);
  const ann = await createUser(tenant, "ann");
  let inner = await createGroup(tenant, "Level 1", [ann]);
  for (let level = 2; level <= 32; level += 1) inner = await createGroup(tenant, `Level ${level}`, [inner]);
  const outer = await createGroup(tenant, "Level 33");
  const refused = await tenant.scim(
    "PATCH",
    `/Groups/${outer}`,
    patch({ op: "add", path: "members", value: [{ value: ann }, { value: inner }] }),
  );
  expect(refused).toMatchObject({ status: 400, body: { scimType: "tooMany" } });
  expect((await tenant.scim("GET", `/Groups/${outer}`)).body["members"]).toBeUndefined();
  expect(await storedGroups(tenant, ann)).toHaveLength(32);
});

test("a group that is created again under its old name is another one: nothing that was granted to the old comes with it", async () => {
  const tenant = await createTenant(house);
  const ann = await createUser(tenant, "ann");
  const outer = await createGroup(tenant, "Outer");
  const old = await createGroup(tenant, "Sales", [ann], { externalId: "g-1" });
  await changeGroup(tenant, outer, { op: "add", path: "members", value: [{ value: old }] });
  await untilQuiet(house, tenant.id);
  await tenant.scim("DELETE", `/Groups/${old}`);
  const again = await createGroup(tenant, "Sales", [], { externalId: "g-1" });
  expect(again).not.toBe(old);
  expect((await tenant.scim("GET", `/Groups/${old}`)).status).toBe(404);
  expect((await tenant.scim("GET", `/Groups/${again}`)).body["members"]).toBeUndefined();
  expect((await tenant.scim("GET", `/Groups/${outer}`)).body["members"]).toBeUndefined();
  expect(await storedGroups(tenant, ann)).toEqual([]);
  await changeGroup(tenant, again, { op: "add", path: "members", value: [{ value: ann }] });
  expect(await storedGroups(tenant, ann)).toEqual(["Sales"]);
});

test("a resync puts back what was lost of nested groups, and takes out what should not be there", async () => {
  const tenant = await createTenant(house);
  const [ann, bob] = [await createUser(tenant, "ann"), await createUser(tenant, "bob")];
  const inner = await createGroup(tenant, "Inner", [ann]);
  const outer = await createGroup(tenant, "Outer", [inner]);
  await untilQuiet(house, tenant.id);
  await house.database.inTenant(tenant.id, async (transaction) => {
    await transaction.query(sql`DELETE FROM app_group_member WHERE directory_user_id = ${ann}`);
    await transaction.query(
      sql`INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id) VALUES (${tenant.id}, ${outer}, ${bob}, ${bob})`,
    );
  });
  await resync(tenant);
  expect(await readAssignments(house, tenant.id)).toEqual([`${inner} ${ann}`, `${outer} ${ann}`].toSorted());
});

function rename(displayName: string): Record<string, unknown> {
  return { op: "replace", path: "displayName", value: displayName };
}

async function shownGroups(tenant: TestTenant, userId: string): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", `/Users/${userId}`);
  const groups = (body["groups"] as readonly { display: string; type: string }[] | undefined) ?? [];
  return groups.map(({ display, type }) => `${display} ${type}`).toSorted();
}

async function storedGroups(tenant: TestTenant, userId: string): Promise<readonly string[] | undefined> {
  await untilQuiet(house, tenant.id);
  return (await readUserStore(house, tenant.id)).get(userId)?.groups;
}

async function edgesOf(tenant: TestTenant): Promise<readonly string[]> {
  const rows = await house.database.once<{ edge: string }>(
    tenant.id,
    sql`SELECT group_id || ' ' || member AS edge FROM directory_member`,
  );
  return rows.map(({ edge }) => edge).toSorted();
}

/** Many users of a group, straight into the directory, of whom no worker has heard. */
async function fill(tenant: TestTenant, groupId: string, count: number): Promise<void> {
  await house.database.once(
    tenant.id,
    sql`WITH made AS (
        INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes)
        SELECT gen_random_uuid(), ${tenant.id}, ${tenant.connectionId}, name, name, name, true, jsonb_build_object('userName', name, 'externalId', name, 'active', true)
        FROM (SELECT 'many' || number AS name FROM generate_series(1, ${count}::int) AS number) AS names
        RETURNING id
      )
      INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind)
      SELECT ${tenant.id}, ${groupId}, id::text, id, 'User' FROM made`,
  );
}

/** How many events requests recorded, and how many were passed on to users. */
async function eventCounts(tenant: TestTenant): Promise<readonly [number, number]> {
  const [row] = await house.database.once<{ scim: number; nesting: number }>(
    tenant.id,
    sql`SELECT count(*) FILTER (WHERE source = 'scim') AS scim, count(*) FILTER (WHERE source = 'nesting') AS nesting FROM lifecycle_event`,
  );
  return [row?.scim ?? 0, row?.nesting ?? 0];
}

async function resync(tenant: TestTenant): Promise<void> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/resyncs`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ scope: "tenant" }),
  });
  const { id } = (await answer.json()) as { id: string };
  await until("the resync is done", async () => {
    const progress = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/resyncs/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return ((await progress.json()) as { finishedAt?: string }).finishedAt !== undefined;
  });
}
