import { readdirSync, readFileSync } from "node:fs";
import { Client } from "pg";
import { afterAll, expect, inject, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { createGroupDirectory, createUserDirectory, foldCounts, sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse();
const owner = new Client({ connectionString: house.databaseUrl });
await owner.connect();
afterAll(() => owner.end());
const users = createUserDirectory(house.database, newId);
const groups = createGroupDirectory(house.database, newId);

test("a list says how many there are while 32 writers create, delete and revive, and others fold", async () => {
  const tenant = await createTenant(house);
  let writing = true;
  const differences: unknown[] = [];
  const watch = async (): Promise<void> => {
    while (writing) {
      const [row] = await counts(tenant);
      if (row?.["kept"] !== row?.["there"]) differences.push(row);
    }
  };
  const fold = async (): Promise<void> => {
    while (writing) await foldCounts(house.database, 1);
  };
  const beside = [watch(), fold(), fold()];
  await Promise.all(Array.from({ length: 32 }, (_, writer) => live(tenant, writer)));
  writing = false;
  await Promise.all(beside);

  expect(differences).toEqual([]);
  expect(await totals(tenant)).toEqual({ users: 64, groups: 32 });
  expect((await counts(tenant))[0]).toEqual({ kept: 96, there: 96 });
});

test("a writer waits for no other: who has created a user and not committed keeps nobody from creating one", async () => {
  const tenant = await createTenant(house);
  await owner.query("BEGIN");
  await insertUser(tenant, "uncommitted");
  expect((await tenant.scim("POST", "/Users", newUser("bob"))).status).toBe(201);
  expect(await totals(tenant)).toEqual({ users: 1, groups: 0 });
  await owner.query("COMMIT");
  expect(await totals(tenant)).toEqual({ users: 2, groups: 0 });
});

test("what is refused or broken off counts nothing", async () => {
  const tenant = await createTenant(house);
  await tenant.scim("POST", "/Users", newUser("ann"));
  expect((await tenant.scim("POST", "/Users", newUser("ann"))).status).toBe(409);

  const killed = new Client({ connectionString: house.databaseUrl });
  killed.on("error", () => undefined);
  await killed.connect();
  const { rows } = await killed.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  await killed.query("BEGIN");
  await insertUser(tenant, "killed", killed);
  await killed.query("DELETE FROM directory_count_change WHERE tenant_id = $1", [tenant.id]);
  await owner.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
  expect(await totals(tenant)).toEqual({ users: 1, groups: 0 });
  expect((await counts(tenant))[0]).toEqual({ kept: 1, there: 1 });
});

test("rows that are written or erased past every writer of ours count too", async () => {
  const tenant = await createTenant(house);
  await insertUser(tenant, "one");
  await insertUser(tenant, "two");
  await owner.query("UPDATE directory_user SET deleted_at = now() WHERE tenant_id = $1 AND user_name = 'two'", [
    tenant.id,
  ]);
  await owner.query("DELETE FROM directory_user WHERE tenant_id = $1 AND user_name = 'two'", [tenant.id]);
  expect(await totals(tenant)).toEqual({ users: 1, groups: 0 });
  await owner.query("DELETE FROM directory_user WHERE tenant_id = $1", [tenant.id]);
  expect(await totals(tenant)).toEqual({ users: 0, groups: 0 });
});

test("a database that is older than the counts has them after its migration, and its users are found by e-mail", async () => {
  const tenant = { id: newId(), connectionId: newId() };
  const old = await databaseBefore("20261122000100_lists");
  try {
    await insertUser(tenant, "ann", old.client, { displayName: "Ann", emails: [{ value: "Ann@Ex.test" }] });
    await insertUser(tenant, "bob", old.client);
    await old.client.query("UPDATE directory_user SET deleted_at = now() WHERE user_name = 'bob'");
    await old.migrate();
    const { rows: kept } = await old.client.query("SELECT kind, living::int FROM directory_count");
    expect(kept).toEqual([{ kind: "User", living: 1 }]);
    const { rows: emails } = await old.client.query("SELECT email_key FROM directory_email");
    expect(emails).toEqual([{ email_key: "ann@ex.test" }]);
    const { rows: names } = await old.client.query("SELECT display_name_key FROM directory_user ORDER BY user_name");
    expect(names).toEqual([{ display_name_key: "ann" }, { display_name_key: null }]);
  } finally {
    await old.client.end();
  }
});

/** Creates four users and two groups, and deletes and revives some; two users and a group are left. */
async function live(tenant: TestTenant, writer: number): Promise<void> {
  const sender = () => ({ connectionId: tenant.connectionId, requestId: newId() });
  const attributes = (name: string) => ({
    userName: `${name}-${writer}`,
    externalId: `${name}-${writer}`,
    active: true,
  });
  const ids: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    ids.push((await users.create(tenant.id, sender(), attributes(name))).resource.id);
  }
  const made = await groups.create(tenant.id, sender(), { displayName: `g-${writer}` }, ids);
  await groups.create(tenant.id, sender(), { displayName: `h-${writer}` }, []);
  for (const id of ids) await users.remove(tenant.id, sender(), id);
  await users.create(tenant.id, sender(), attributes("a"));
  await users.create(tenant.id, sender(), attributes("b"));
  await users.create(tenant.id, sender(), attributes("a")).catch(() => undefined);
  await groups.remove(tenant.id, sender(), made.resource.id);
}

/** What is kept and what is there, in one snapshot. */
function counts(tenant: TestTenant) {
  return house.database.once<Record<string, unknown>>(
    tenant.id,
    sql`SELECT (SELECT coalesce(sum(number), 0)::int FROM (SELECT living AS number FROM directory_count UNION ALL SELECT change FROM directory_count_change) AS kept) AS kept,
      ((SELECT count(*) FROM directory_user WHERE deleted_at IS NULL) + (SELECT count(*) FROM directory_group WHERE deleted_at IS NULL))::int AS there`,
  );
}

async function totals({ scim }: TestTenant): Promise<unknown> {
  const [{ body: allUsers }, { body: allGroups }] = await Promise.all([scim("GET", "/Users"), scim("GET", "/Groups")]);
  return { users: allUsers["totalResults"], groups: allGroups["totalResults"] };
}

async function insertUser(
  tenant: Pick<TestTenant, "id" | "connectionId">,
  name: string,
  client = owner,
  attributes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await client.query(
    "INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, active, attributes) VALUES ($1, $2, $3, $4, $4, true, $5)",
    [newId(), tenant.id, tenant.connectionId, name, { userName: name, active: true, ...attributes }],
  );
}

/** A database with the migrations that come before one, and a way to apply that one. */
async function databaseBefore(name: string) {
  const server = inject("postgresUrl");
  const database = `old_${newId().replaceAll("-", "")}`;
  const admin = new Client({ connectionString: `${server}/postgres` });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${database}`);
  } finally {
    await admin.end();
  }
  const client = new Client({ connectionString: `${server}/${database}` });
  await client.connect();
  const migrations = new URL("../../prisma/migrations/", import.meta.url);
  const apply = (migration: string) =>
    client.query(readFileSync(new URL(`${migration}/migration.sql`, migrations), "utf8"));
  const earlier = readdirSync(migrations).filter((migration) => /^\d+_/.test(migration) && migration < name);
  for (const migration of earlier.toSorted()) await apply(migration);
  return { client, migrate: () => apply(name) };
}
