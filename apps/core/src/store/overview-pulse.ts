import { isNoCanary } from "./canary.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** When something was heard of a connection: the quarters of an hour of the last weeks, and the last word of all. */
export type HeardConnection = {
  readonly connectionId: string;
  readonly slug: string;
  readonly heardMs: readonly number[];
  readonly lastMs: number;
};

/**
 * Notes which connections have asked or said something since the last look, in the quarter of an hour in which they
 * did. Their events are noted as they are folded; here it is requests that changed nothing, hooks, and answers of
 * providers.
 */
export async function notePulses(database: Database): Promise<void> {
  await database.house(sql`
    WITH heard AS (
      SELECT connection.tenant_id, connection.id AS connection_id, greatest(
        (SELECT max(last_used_at) FROM credential WHERE credential.tenant_id = connection.tenant_id AND credential.connection_id = connection.id AND purpose = 'scim'),
        (SELECT answered_at FROM provider WHERE provider.connection_id = connection.id)
      ) AS at
      FROM connection
    ), news AS (
      INSERT INTO connection_pulse AS pulse (connection_id, tenant_id, last_request_at)
      SELECT connection_id, tenant_id, at FROM heard WHERE at IS NOT NULL ORDER BY connection_id
      ON CONFLICT (connection_id) DO UPDATE SET last_request_at = excluded.last_request_at
        WHERE pulse.last_request_at IS NULL OR pulse.last_request_at < excluded.last_request_at
      RETURNING tenant_id, connection_id, last_request_at
    )
    INSERT INTO lag_histogram (tenant_id, step_sec, at, stage, connection_id, bucket, count, sum_ms, max_ms)
    SELECT tenant_id, 900, date_bin('15 minutes', last_request_at, 'epoch'), 'requested', connection_id, -1, 1, 0, 0 FROM news
    ON CONFLICT DO NOTHING`);
}

/** What was heard of each connection that can be expected to say something. */
export async function readHeard(database: Database, tenantId: string, now: Date): Promise<readonly HeardConnection[]> {
  const rows = await database.once<{ id: string; slug: string; heard: readonly number[] | null; last: number }>(
    tenantId,
    sql`SELECT connection.id, connection.slug,
        (extract(epoch FROM greatest(pulse.last_event_at, pulse.last_request_at)) * 1000)::double precision AS last,
        -- What spoke within the hour is not silent, whatever is usual.
        CASE WHEN greatest(pulse.last_event_at, pulse.last_request_at) < ${now}::timestamptz - interval '1 hour' THEN (SELECT array_agg(at ORDER BY at) FROM (
          SELECT DISTINCT (extract(epoch FROM at) * 1000)::double precision AS at FROM lag_histogram
          WHERE tenant_id = ${tenantId} AND step_sec = 900 AND at > now() - interval '15 days' AND connection_id = connection.id AND stage IN ('occurredToAccepted', 'requested')
        ) AS heard) END AS heard
      FROM connection JOIN connection_pulse AS pulse ON pulse.connection_id = connection.id
      WHERE connection.tenant_id = ${tenantId} AND connection.paused_at IS NULL AND connection.removed_at IS NULL
        AND coalesce(pulse.last_event_at, pulse.last_request_at) IS NOT NULL
      ORDER BY connection.slug`,
  );
  return rows.map(({ id, slug, heard, last }) => ({ connectionId: id, slug, heardMs: heard ?? [], lastMs: last }));
}

/** How many users may enter, and how many may not: counted, and not kept. */
export const peopleNow = (tenantId: string): Sql => sql`
  SELECT greatest(0, known.number - denied.number) AS admitted, denied.number AS shut_out
  FROM (SELECT count(*) AS number FROM app_user WHERE tenant_id = ${tenantId} AND ${isNoCanary(sql`app_user.id`)}) AS known,
    (SELECT count(*) AS number FROM (
      SELECT DISTINCT user_id FROM denial WHERE tenant_id = ${tenantId} AND ${isNoCanary(sql`denial.user_id`)}
    ) AS users) AS denied`;

/** Counts them and keeps it: at a million users that takes a moment, which no reader is to wait for. */
export async function countPeople(database: Database, tenantId: string): Promise<void> {
  await database.once(
    tenantId,
    sql`INSERT INTO people_count (tenant_id, admitted, shut_out) SELECT ${tenantId}::uuid, counted.* FROM (${peopleNow(tenantId)}) AS counted
      ON CONFLICT (tenant_id) DO UPDATE SET admitted = excluded.admitted, shut_out = excluded.shut_out, counted_at = now()`,
  );
}
