import { Client } from "pg";

export type Seeded = {
  /** A living user's userName, by its number from zero. */
  userName(number: number): string;
  /** Some user ids of the connection, in no order that matters. */
  readonly userIds: readonly string[];
  readonly groupId: string;
};

const idsMax = 20_000;

/** Fills a connection's directory with users and one group of some of them, by SQL: as if they had come long ago. */
export async function seedDirectory(
  databaseUrl: string,
  schema: "public" | "raw",
  owner: { readonly tenantId: string; readonly connectionId: string },
  users: number,
  members: number,
): Promise<Seeded> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const mark = owner.connectionId.slice(-12);
  try {
    const values = [owner.tenantId, owner.connectionId];
    await client.query(
      `INSERT INTO ${schema}.directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes)
       SELECT uuidv7(), $1, $2, name, name, 'x-' || number, true,
         jsonb_build_object('userName', name, 'externalId', 'x-' || number, 'active', true, 'displayName', 'User ' || number,
           'name', jsonb_build_object('givenName', 'User', 'familyName', number::text),
           'emails', jsonb_build_array(jsonb_build_object('value', name, 'type', 'work', 'primary', true)))
       FROM (SELECT number, 'seed-' || number || '@${mark}.test' AS name FROM generate_series(0, $3::int - 1) AS number) AS seed`,
      [...values, users],
    );
    const {
      rows: [group],
    } = await client.query<{ id: string }>(
      `INSERT INTO ${schema}.directory_group (id, tenant_id, connection_id, display_name, display_name_key, attributes)
       VALUES (uuidv7(), $1, $2, 'Everybody', 'everybody', '{"displayName":"Everybody"}') RETURNING id`,
      values,
    );
    if (group === undefined) throw new Error("no group was seeded");
    await client.query(
      `INSERT INTO ${schema}.directory_member (tenant_id, group_id, member, member_id, kind)
       SELECT $1, $3, id::text, id, 'User' FROM (SELECT id FROM ${schema}.directory_user WHERE connection_id = $2 ORDER BY id LIMIT $4) AS usr`,
      [...values, group.id, members],
    );
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM ${schema}.directory_user WHERE connection_id = $1 ORDER BY id DESC LIMIT $2`,
      [owner.connectionId, idsMax],
    );
    await client.query(`ANALYZE ${schema}.directory_user, ${schema}.directory_group, ${schema}.directory_member`);
    return {
      userName: (number) => `seed-${number % users}@${mark}.test`,
      userIds: rows.map(({ id }) => id),
      groupId: group.id,
    };
  } finally {
    await client.end();
  }
}

/** Tables like ours, with the same indexes, for the server that does nothing but write them. */
export async function createRawTables(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const tables = [
    "directory_user",
    "directory_email",
    "directory_count_change",
    "directory_group",
    "directory_member",
    "lifecycle_event",
  ];
  await client.query("CREATE SCHEMA raw");
  for (const table of tables) await client.query(`CREATE TABLE raw.${table} (LIKE public.${table} INCLUDING ALL)`);
  await client.end();
}
