import { randomUUID } from "node:crypto";
import { Pool } from "pg";

/** Rows like those that applying an event writes, without anything that is ours around them. */
export type RawRows = {
  /** The ids of the events that wait. */
  readonly ids: readonly number[];
  /** Applies one event in a transaction of its own: the user, how far it has come, and that it is done. */
  apply(id: number): Promise<void>;
  close(): Promise<void>;
};

const connections = 32;
const applyOne = `
  WITH done AS (
    UPDATE bench_event SET applied_at = clock_timestamp() WHERE id = $1 AND applied_at IS NULL RETURNING user_id
  ), wanted AS (
    SELECT directory.id, directory.attributes, directory.version FROM bench_directory_user AS directory, done WHERE directory.id = done.user_id
  ), linked AS (
    UPDATE bench_link SET applied_version = wanted.version, applied_at = now() FROM wanted
    WHERE bench_link.id = wanted.id AND bench_link.applied_version < wanted.version RETURNING bench_link.id
  )
  UPDATE bench_user SET display_name = wanted.attributes->>'displayName', attributes = wanted.attributes, updated_at = now()
  FROM wanted, linked WHERE bench_user.id = wanted.id AND linked.id = wanted.id`;

/** Makes the tables anew, with as many events of as many users waiting. */
export async function createRawRows(databaseUrl: string, count: number): Promise<RawRows> {
  const pool = new Pool({ connectionString: databaseUrl, max: connections });
  await pool.query(`
    DROP TABLE IF EXISTS bench_event, bench_directory_user, bench_link, bench_user;
    CREATE TABLE bench_directory_user (id uuid PRIMARY KEY, attributes jsonb NOT NULL, version bigint NOT NULL);
    CREATE TABLE bench_user (id uuid PRIMARY KEY, user_name text NOT NULL, display_name text, attributes jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bench_link (id uuid PRIMARY KEY, applied_version bigint NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE bench_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL, kind text NOT NULL, applied_at timestamptz);
    CREATE INDEX ON bench_event (id) WHERE applied_at IS NULL`);
  await pool.query(
    `WITH directory AS (
       INSERT INTO bench_directory_user (id, attributes, version)
       SELECT gen_random_uuid(), jsonb_build_object('userName', name, 'externalId', name, 'active', true, 'displayName', 'Changed ' || name,
         'emails', jsonb_build_array(jsonb_build_object('value', name, 'type', 'work', 'primary', true))), 2
       FROM (SELECT 'user-' || number || $2::text AS name FROM generate_series(1, $1::int) AS number) AS seed
       RETURNING id, attributes
     ), usr AS (
       INSERT INTO bench_user (id, user_name, attributes) SELECT id, attributes->>'userName', attributes FROM directory
     ), link AS (
       INSERT INTO bench_link (id, applied_version) SELECT id, 1 FROM directory
     )
     INSERT INTO bench_event (user_id, kind) SELECT id, 'user.updated' FROM directory`,
    [count, randomUUID()],
  );
  await pool.query("ANALYZE bench_event, bench_directory_user, bench_link, bench_user");
  const { rows } = await pool.query<{ id: string }>("SELECT id FROM bench_event ORDER BY id");
  return {
    ids: rows.map(({ id }) => Number(id)),
    apply: async (id) => {
      await pool.query({ name: "apply", text: applyOne, values: [id] });
    },
    close: () => pool.end(),
  };
}
