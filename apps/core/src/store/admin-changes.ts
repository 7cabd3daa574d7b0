import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** What a page about a tenant may show. */
export const changeTopics = [
  "events",
  "alerts",
  "runs",
  "gateways",
  "lag",
  "revocations",
  "connections",
  "audit",
] as const;
export type ChangeTopic = (typeof changeTopics)[number];

/** A mark of each topic: another one says that something has changed, and not what. */
export type ChangeMarks = { readonly [topic in ChangeTopic]: string };

/** Reads the marks of a tenant, each by a few probes of an index. */
export async function readChangeMarks(database: Database, tenantId: string): Promise<ChangeMarks> {
  const [row] = await database.once<ChangeMarks>(
    tenantId,
    sql`SELECT
      concat_ws(' ', (SELECT max(accepted_at) FROM lifecycle_event WHERE tenant_id = ${tenantId}), waiting.count, waiting.oldest, dead.count, dead.newest, dead.dropped) AS events,
      concat_ws(' ', waiting.count, feed.pending, feed.updated) AS lag,
      concat_ws(' ', feed.seq, feed.pending) AS revocations,
      (SELECT concat_ws(' ', count(*), max(raised_at), max(resolved_at), max(told_at)) FROM (SELECT raised_at, resolved_at, told_at FROM alert WHERE tenant_id = ${tenantId} ORDER BY raised_at DESC LIMIT 100) AS alert) AS alerts,
      concat_ws(' ', ${runs(sql`reconcile_run`, sql`started_at`, sql`compared`, tenantId)}, ${runs(sql`pull_run`, sql`id`, sql`listed`, tenantId)}, ${canaries(tenantId)}) AS runs,
      (SELECT concat_ws(' ', count(*), sum(seq), sum(epoch)) FROM (SELECT seq, epoch FROM receipt WHERE tenant_id = ${tenantId} LIMIT 1000) AS receipt) AS gateways,
      (SELECT md5(string_agg(to_jsonb(connection)::text, '' ORDER BY id)) FROM connection WHERE tenant_id = ${tenantId}) AS connections,
      (SELECT concat(max(id)) FROM audit WHERE tenant_id = ${tenantId}) AS audit
    FROM (
      SELECT count(*) AS count, min(accepted_at) AS oldest FROM (SELECT accepted_at FROM lifecycle_event WHERE tenant_id = ${tenantId} AND applied_at IS NULL ORDER BY accepted_at LIMIT 1000) AS one
    ) AS waiting, (
      SELECT count(*) AS count, max(dead_at) AS newest, max(dropped_at) AS dropped FROM (
        SELECT dead_at, dropped_at FROM lifecycle_event WHERE tenant_id = ${tenantId} AND dead_at IS NOT NULL ORDER BY dead_at DESC LIMIT 1000
      ) AS one
    ) AS dead, (
      SELECT (SELECT seq FROM feed_meta WHERE tenant_id = ${tenantId}) AS seq, (SELECT updated_at FROM feed_meta WHERE tenant_id = ${tenantId}) AS updated,
        (SELECT count(*) FROM (SELECT FROM feed_pending WHERE tenant_id = ${tenantId} LIMIT 1000) AS one) AS pending
    ) AS feed`,
  );
  if (row === undefined) throw new Error("the marks of a tenant could not be read");
  return row;
}

/** How the newest runs of a table stand, in the order of its index, and how far each is. */
function runs(table: Sql, age: Sql, done: Sql, tenantId: string): Sql {
  return sql`(SELECT md5(string_agg(concat_ws(' ', id, state, done), ',' ORDER BY id)) FROM (
    SELECT id, state, ${done} AS done FROM ${table} WHERE tenant_id = ${tenantId} ORDER BY ${age} DESC LIMIT 100) AS run)`;
}

function canaries(tenantId: string): Sql {
  return sql`(SELECT max(last.finished_at) FROM canary, LATERAL (
    SELECT finished_at FROM canary_run WHERE canary_run.connection_id = canary.connection_id ORDER BY started_at DESC LIMIT 2) AS last WHERE canary.tenant_id = ${tenantId})`;
}
