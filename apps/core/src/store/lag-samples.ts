import { lagBounds, unknownBucket } from "../domain/index.ts";
import { type Sql, sql } from "./sql.ts";

/** What is counted beside the stages, for the overview: who came, who left, and when each was heard of. */
export type CountedStage =
  | "joinerAccepted"
  | "joinerToApplied"
  | "leaverToPublished"
  | "leaverToEnforced"
  | "requested";

/** The connection of what belongs to none. */
export const noConnectionId = "00000000-0000-0000-0000-000000000000";

/** A resync's events and those that a group's event was passed on as happened to nobody: no sender waits for them. */
export const happenedAtSender = sql`source NOT IN ('resync', 'nesting', 'canary')`;

/** How long something took, for `countedIn`; null, and so unknown, where it would have ended before it began. */
export function tookMs(from: Sql, to: Sql): Sql {
  return sql`CASE WHEN ${to} >= ${from} THEN (extract(epoch FROM ${to} - ${from}) * 1000)::double precision END`;
}

/**
 * Counts `(tenant_id, connection_id, stage, at, ms)` by minute and bucket. What took nobody knows how long has a
 * bucket of its own.
 */
export function countedIn(passed: Sql): Sql {
  return sql`SELECT tenant_id, connection_id, stage, date_trunc('minute', at) AS at,
      coalesce(width_bucket(ms, ${lagBounds}::double precision[]), ${unknownBucket})::smallint AS bucket,
      count(*) AS count, coalesce(sum(ms), 0) AS sum_ms, coalesce(max(ms), 0) AS max_ms
    FROM (${passed}) AS passed GROUP BY 1, 2, 3, 4, 5`;
}

/**
 * Marks events as applied, and notes in the same statement how long each had waited: the leader folds the notes.
 * So what is applied is counted, and what is rolled back is not.
 */
export function appliedAndNoted(ids: readonly number[]): Sql {
  return sql`WITH applied AS (
      UPDATE lifecycle_event SET applied_at = clock_timestamp() WHERE id = ANY(${ids}::bigint[])
      RETURNING tenant_id, connection_id, source, kind, denying, accepted_at, applied_at
    ), waited AS (
      SELECT tenant_id, connection_id, kind = 'user.created' AND NOT denying AND source <> 'canary' AS joined, applied_at AS at, ${tookMs(sql`accepted_at`, sql`applied_at`)} AS ms
      FROM applied WHERE source <> 'resync'
    )
    INSERT INTO lag_sample (tenant_id, connection_id, stage, at, bucket, count, sum_ms, max_ms)
    SELECT tenant_id, connection_id, stage, at, bucket, count, sum_ms, max_ms FROM (${countedIn(sql`
      SELECT tenant_id, connection_id, 'acceptedToApplied' AS stage, at, ms FROM waited
      UNION ALL SELECT tenant_id, connection_id, 'joinerToApplied', at, ms FROM waited WHERE joined`)}) AS counted`;
}

/** Whether an entry of a feed shuts out somebody who was let in until it: what denies them once more does not. */
export function leftNow(entry: Sql): Sql {
  return sql`${entry}.op = 'deny' AND ${entry}.reason IN ('idp_inactive', 'idp_deleted') AND NOT EXISTS (
    SELECT FROM feed_entry AS before WHERE before.tenant_id = ${entry}.tenant_id AND before.superseded_by = ${entry}.seq AND before.op = 'deny'
  )`;
}
