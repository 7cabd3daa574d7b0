import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { openDatabase, sql } from "@rollcall/core/store";
import { cloneDatabase, openHouse } from "../harness/house.ts";
import { asOwner } from "../harness/lost-commits.ts";
import { createTwin, type Twin } from "../harness/twin.ts";

const house = await openHouse();
const twins = [await createTwin(house), await createTwin(house)] as const;

// A statement that forgets its tenant: the mistake that row-level security is there for.
const forgetful = sql`SELECT DISTINCT tenant_id AS "tenantId" FROM directory_user`;

describe("a statement that names no tenant", () => {
  test("finds its own transaction's tenant, and no other", async () => {
    expect(await house.database.once(twins[0].id, forgetful)).toEqual([{ tenantId: twins[0].id }]);
    expect(await house.database.once(twins[1].id, forgetful)).toEqual([{ tenantId: twins[1].id }]);
  });

  test("changes nothing of another tenant's", async () => {
    const before = await house.database.once(twins[1].id, sql`SELECT id, user_name FROM app_user`);
    const changed = await house.database.once<{ id: string }>(
      twins[0].id,
      sql`UPDATE app_user SET user_name = 'mine' RETURNING id`,
    );
    expect(changed.map(({ id }) => id)).toEqual([twins[0].userId]);
    expect(await house.database.once(twins[1].id, sql`SELECT id, user_name FROM app_user`)).toEqual(before);
  });

  test("cannot write for another tenant", async () => {
    const writing = house.database.once(twins[0].id, sql`UPDATE app_user SET tenant_id = ${twins[1].id}`);
    await expect(writing).rejects.toThrow(/row-level security/);
  });

  test("finds both tenants where row-level security is switched off: it and nothing else keeps them apart", async () => {
    // The same rows, in a database where the policy of this one table is off.
    const url = await copyOf(house.databaseUrl);
    await asOwner(url, (owner) => owner.query("ALTER TABLE directory_user DISABLE ROW LEVEL SECURITY"));
    const database = openDatabase({ url, poolMax: 2, onError: () => undefined });
    try {
      const found = await database.once<{ tenantId: string }>(twins[0].id, forgetful);
      expect(found.map(({ tenantId }) => tenantId).toSorted()).toEqual(twins.map(({ id }) => id).toSorted());
    } finally {
      await database.close();
    }
  });
});

describe("the application's role without a tenant", async () => {
  const tables = await tablesWithTenant();
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  await client.query("SET ROLE rollcall_app");
  afterAll(() => client.end());

  test("covers every table that has a tenant, and there are many", () => {
    expect(tables.length).toBeGreaterThan(20);
  });

  test.each(tables)("sees nothing of %s", async (table) => {
    expect((await client.query(`SELECT FROM "${table}"`)).rowCount).toBe(0);
  });

  test.each(tables)("writes nothing to %s", async (table) => {
    const row = await anyRow(table, twins[0]);
    const columns = Object.keys(row);
    const values = columns.map((name) => row[name]);
    const inserting = client.query(
      `INSERT INTO "${table}" (${columns.map((name) => `"${name}"`).join(", ")}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(", ")})`,
      values,
    );
    await expect(inserting).rejects.toThrow(/row-level security/);
    expect((await client.query(`DELETE FROM "${table}"`)).rowCount).toBe(0);
  });

  test("owns no table, so that no policy can be passed by", async () => {
    const { rows } = await asOwner(house.databaseUrl, (owner) =>
      owner.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relowner IN ('rollcall_app'::regrole, 'rollcall_house'::regrole)",
      ),
    );
    expect(rows).toEqual([]);
  });
});

test("every table that has a tenant is bound by a policy, for its owner too", async () => {
  const { rows } = await asOwner(house.databaseUrl, (owner) =>
    owner.query(`SELECT DISTINCT columns.table_name FROM information_schema.columns JOIN pg_class ON pg_class.oid = format('%I', columns.table_name)::regclass
      WHERE columns.table_schema = 'public' AND columns.column_name = 'tenant_id'
        AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND 'rollcall_app'::regrole = ANY(polroles)))`),
  );
  expect(rows).toEqual([]);
});

async function tablesWithTenant(): Promise<readonly string[]> {
  const { rows } = await asOwner(house.databaseUrl, (owner) =>
    owner.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1",
    ),
  );
  return rows.map(({ name }) => name);
}

/** A row that could stand in a table: one that is there, or one of nulls and a tenant, which the policy refuses before anything else. */
async function anyRow(table: string, twin: Twin): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await asOwner(house.databaseUrl, (owner) =>
    owner.query<Record<string, unknown>>(`SELECT * FROM "${table}" WHERE tenant_id = $1 LIMIT 1`, [twin.id]),
  );
  return rows[0] ?? { tenant_id: twin.id };
}

/** A database with the same schema, whose users are copied row by row: a template may have no other sessions. */
async function copyOf(source: string): Promise<string> {
  const url = await cloneDatabase();
  const { rows } = await asOwner(source, (owner) =>
    owner.query<{ row: unknown }>("SELECT to_jsonb(directory_user) AS row FROM directory_user"),
  );
  await asOwner(url, (owner) =>
    owner.query("INSERT INTO directory_user SELECT * FROM jsonb_populate_recordset(NULL::directory_user, $1)", [
      JSON.stringify(rows.map(({ row }) => row)),
    ]),
  );
  return url;
}
