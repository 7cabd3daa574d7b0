import type { Database } from "./database.ts";
import { deleteInPieces } from "./delete-in-pieces.ts";
import { sql } from "./sql.ts";

/**
 * Forgets replaced entries that are older than the retention, and those that only took their key
 * away; followers that far behind take a snapshot. Answers how many are gone.
 */
export async function trimFeed(database: Database, feedId: string, retentionSec: number): Promise<number> {
  await database.once(
    feedId,
    sql`UPDATE feed_meta SET floor_seq = floor.seq FROM (
        SELECT seq FROM feed_entry WHERE tenant_id = ${feedId} AND published_at < now() - ${retentionSec} * interval '1 second'
        ORDER BY published_at DESC, seq DESC LIMIT 1
      ) AS floor WHERE floor.seq > feed_meta.floor_seq`,
  );
  return deleteInPieces(
    database,
    feedId,
    (pieceMax) => sql`WITH floor AS MATERIALIZED (SELECT floor_seq AS seq FROM feed_meta), old AS (
          (SELECT entry.seq FROM feed_entry AS entry WHERE entry.tenant_id = ${feedId} AND superseded_by IS NOT NULL AND superseded_by <= (SELECT seq FROM floor) LIMIT ${pieceMax})
          UNION ALL
          (SELECT entry.seq FROM feed_entry AS entry WHERE entry.tenant_id = ${feedId} AND superseded_by IS NULL AND op = 'allow' AND nbf IS NULL AND entry.seq <= (SELECT seq FROM floor) LIMIT ${pieceMax})
        )
        DELETE FROM feed_entry WHERE tenant_id = ${feedId} AND seq IN (SELECT seq FROM old) RETURNING seq`,
  );
}

/** Forgets the marks of entries that are forgotten: one is kept for each stretch of the log that still holds something. */
export async function trimMarks(database: Database, feedId: string): Promise<void> {
  await database.once(
    feedId,
    sql`DELETE FROM feed_mark WHERE tenant_id = ${feedId} AND seq IN (
        SELECT mark.seq FROM (
          SELECT seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before, max(seq) OVER () AS last FROM feed_mark WHERE tenant_id = ${feedId}
        ) AS mark
        WHERE mark.seq < mark.last AND NOT EXISTS (
          SELECT FROM feed_entry WHERE tenant_id = ${feedId} AND feed_entry.seq > mark.before AND feed_entry.seq <= mark.seq)
      )`,
  );
}

/** Every feed that has begun, that of all tenants among them. */
export async function feedTenants(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`SELECT tenant_id FROM feed_meta`);
  return rows.map((row) => row.tenant_id);
}
