import { houseFeedId } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

/** One feed at one instant of the database. */
export type FeedHead = {
  readonly epoch: number;
  readonly seq: number;
  /** Changes since an older sequence are no longer complete. */
  readonly floorSeq: number;
  readonly entries: number;
  readonly digest: Buffer;
  /** Over the hashed names; undefined where it was never summed up. */
  readonly hashedDigest: Buffer | undefined;
  /** Everything acknowledged before this is in the feed up to `seq`. */
  readonly asOf: Date;
};

export type HeadRow = {
  epoch: number;
  head_seq: number;
  floor_seq: number;
  entries: number;
  digest: Buffer;
  hashed_digest: Buffer | null;
  as_of: Date;
};

/**
 * The head with its watermark: the acceptance time of the oldest denial that is not in the log yet,
 * else now. A denial that was tried and failed is in the log as a closed door (`failClosed`), so that
 * one faulty user blinds no gateway while it is tried again.
 */
export function headOf(feedId: string): Sql {
  const zero = sql`decode(repeat('00', 32), 'hex')`;
  return sql`SELECT coalesce(meta.epoch, 1) AS epoch, coalesce(meta.seq, 0) AS head_seq, coalesce(meta.floor_seq, 0) AS floor_seq,
      coalesce(meta.entries, 0) AS entries, coalesce(meta.digest, ${zero}) AS digest,
      CASE WHEN meta.tenant_id IS NULL THEN ${zero} ELSE meta.hashed_digest END AS hashed_digest,
      least(now(), ${feedId === houseFeedId ? houseWaiting : tenantWaiting(feedId)}) AS as_of
    FROM (VALUES (1)) AS one LEFT JOIN feed_meta AS meta ON meta.tenant_id = ${feedId}`;
}

function tenantWaiting(tenantId: string): Sql {
  return sql`
    (SELECT min(accepted_at) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND denying AND applied_at IS NULL AND dead_at IS NULL AND attempts = 0),
    (SELECT min(accepted_at) FROM feed_pending WHERE tenant_id = ${tenantId})`;
}

/** The feed of all tenants is as far as the slowest of them, and as what it has not taken from them yet. */
const houseWaiting: Sql = sql`
    (SELECT min(accepted_at) FROM lifecycle_event WHERE denying AND applied_at IS NULL AND dead_at IS NULL AND attempts = 0),
    (SELECT min(accepted_at) FROM feed_pending),
    (SELECT min(entry.accepted_at) FROM feed_meta AS own LEFT JOIN feed_source AS source ON source.source_id = own.tenant_id
      JOIN feed_entry AS entry ON entry.tenant_id = own.tenant_id AND entry.seq > coalesce(source.seq, 0)
      WHERE own.tenant_id <> ${houseFeedId} AND own.seq > coalesce(source.seq, 0))`;

export function toHead(row: HeadRow): FeedHead {
  return {
    epoch: row.epoch,
    seq: row.head_seq,
    floorSeq: row.floor_seq,
    entries: row.entries,
    digest: row.digest,
    hashedDigest: row.hashed_digest ?? undefined,
    asOf: row.as_of,
  };
}
