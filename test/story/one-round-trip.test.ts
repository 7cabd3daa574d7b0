import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTransient, openDatabase, sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTwin } from "../harness/twin.ts";

const house = await openHouse();
const { id: tenantId } = await createTwin(house);
// One connection, so that what one statement leaves behind on it the next one finds.
const database = openDatabase({ url: house.databaseUrl, poolMax: 1, onError: () => undefined });
afterAll(() => database.close());

const names = sql`SELECT user_name AS name FROM app_user`;
const rename = (name: string) => sql`UPDATE app_user SET user_name = ${name} RETURNING user_name AS name`;

describe("two statements in one round trip", () => {
  test("are both answered, and the second sees what the first did", async () => {
    expect(await database.pair(tenantId, rename("ann"), names)).toEqual([[{ name: "ann" }], [{ name: "ann" }]]);
    expect(await database.once(tenantId, names)).toEqual([{ name: "ann" }]);
  });

  test("are both answered within a transaction that others share", async () => {
    const both = database.together(tenantId, () => database.pair(tenantId, rename("bob"), names));
    expect(await both).toEqual([[{ name: "bob" }], [{ name: "bob" }]]);
  });

  test("leave nothing behind where the second fails", async () => {
    const failing = database.pair(tenantId, rename("carl"), sql`SELECT 1 / (SELECT count(*) - count(*) FROM app_user)`);
    await expect(failing).rejects.toMatchObject({ code: "22012" });
    expect(await database.once(tenantId, names)).toEqual([{ name: "bob" }]);
  });

  test("work again on the same connection, whichever of them failed before the server had read the other", async () => {
    const id = sql`SELECT ${"x"}::uuid AS id`;
    const later = sql`SELECT count(*) FROM app_user WHERE user_name <> ${"nobody"}`;
    await expect(database.pair(tenantId, id, later)).rejects.toMatchObject({ code: "22P02" });
    expect(await database.once(tenantId, later)).toEqual([{ count: 1 }]);
    await expect(database.pair(tenantId, id, later)).rejects.toMatchObject({ code: "22P02" });
    expect(await database.pair(tenantId, later, names)).toEqual([[{ count: 1 }], [{ name: "bob" }]]);
  });
});

describe("statements of a transaction that are on their way together", () => {
  const full = sql`DO $$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '53100'; END $$`;

  test("are told of the failure of the first, however late whoever asked for it looks", async () => {
    const failing = database.inTenant(tenantId, async ({ query }) => {
      const first = query(full).catch(async (error: unknown) => {
        await query(names).catch(() => undefined);
        throw error;
      });
      return Promise.all([first, query(names)]);
    });
    await expect(failing).rejects.toSatisfy(isTransient);
  });

  test("are told of their own failure once an earlier one was undone", async () => {
    const failing = database.inTenant(tenantId, async ({ query }) => {
      await query(sql`SAVEPOINT before`);
      await query(full).catch(() => undefined);
      await query(sql`ROLLBACK TO SAVEPOINT before`);
      const first = query(sql`SELECT ${"x"}::uuid AS id`).catch(() => undefined);
      const behind = query(names);
      await Promise.all([first, behind]);
    });
    await expect(failing).rejects.toMatchObject({ code: "22P02" });
  });
});

describe("a statement that cannot be parsed yet", () => {
  const early = sql`SELECT number FROM later_table`;
  const owner = new Client({ connectionString: house.databaseUrl });
  beforeAll(() => owner.connect());
  afterAll(() => owner.end());

  test("works on the same connection once it can", async () => {
    await expect(database.once(tenantId, early)).rejects.toMatchObject({ code: "42P01" });
    await owner.query("CREATE TABLE later_table AS SELECT 1 AS number");
    await owner.query("GRANT SELECT ON later_table TO rollcall_app");
    expect(await database.once(tenantId, early)).toEqual([{ number: 1 }]);
  });
});
