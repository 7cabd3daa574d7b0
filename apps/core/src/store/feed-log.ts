import type { Database, Transaction } from "./database.ts";
import type { EntryState, FeedScope } from "./publish.ts";
import { sql } from "./sql.ts";

export type LogEntry = EntryState & {
  readonly seq: number;
  readonly reason: string;
  readonly acceptedAt: Date;
  readonly publishedAt: Date;
};

/** One feed at one instant of the database. */
export type FeedHead = {
  readonly epoch: number;
  readonly seq: number;
  /** Changes since an older sequence are no longer complete. */
  readonly floorSeq: number;
  readonly entries: number;
  readonly digest: Buffer;
  /** Everything acknowledged before this is in the feed up to `seq`. */
  readonly asOf: Date;
};

type HeadRow = { epoch: number; seq: number; floor_seq: number; entries: number; digest: Buffer; as_of: Date };
type EntryRow = {
  seq: number;
  op: EntryState["op"];
  scope: FeedScope;
  iss: string;
  sub: string;
  nbf: number | null;
  expires_at: Date | null;
  reason: string;
  accepted_at: Date;
  published_at: Date;
};

const columns = sql`seq, op, scope, iss, sub, nbf, expires_at, reason, accepted_at, published_at`;

/**
 * The head in one snapshot with its watermark: the acceptance time of the oldest denial that is not
 * in the log yet, else now. A denial that was tried and failed is in the log as a closed door
 * (`failClosed`), so that one faulty user blinds no gateway while it is tried again.
 */
export async function readHead(database: Database, tenantId: string): Promise<FeedHead> {
  const [row] = await database.once<HeadRow>(
    tenantId,
    sql`SELECT coalesce(meta.epoch, 1) AS epoch, coalesce(meta.seq, 0) AS seq, coalesce(meta.floor_seq, 0) AS floor_seq,
        coalesce(meta.entries, 0) AS entries, coalesce(meta.digest, decode(repeat('00', 32), 'hex')) AS digest,
        least(
          now(),
          (SELECT min(accepted_at) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND denying AND applied_at IS NULL AND dead_at IS NULL AND attempts = 0),
          (SELECT min(accepted_at) FROM feed_pending)
        ) AS as_of
      FROM (VALUES (1)) AS one LEFT JOIN feed_meta AS meta ON true`,
  );
  if (row === undefined) throw new Error("the head of a feed could not be read");
  return {
    epoch: row.epoch,
    seq: row.seq,
    floorSeq: row.floor_seq,
    entries: row.entries,
    digest: row.digest,
    asOf: row.as_of,
  };
}

/** Entries with `since < seq ≤ to`, at most `limit`, in order. */
export async function readChanges(
  database: Database,
  tenantId: string,
  since: number,
  to: number,
  limit: number,
): Promise<readonly LogEntry[]> {
  const rows = await database.once<EntryRow>(
    tenantId,
    sql`SELECT ${columns} FROM feed_entry WHERE seq > ${since} AND seq <= ${to} ORDER BY seq LIMIT ${limit}`,
  );
  return rows.map(toEntry);
}

/** The state of every key at `seq`, in order; undefined where replaced entries that it needs are gone. */
export async function readSnapshot(
  database: Database,
  tenantId: string,
  epoch: number,
  seq: number,
): Promise<readonly LogEntry[] | undefined> {
  return database.inTenant(tenantId, async (transaction) => {
    const entries = await entriesAt(transaction, seq);
    // Read after the entries: what was trimmed before they were read has raised the floor by now.
    const [meta] = await transaction.query<{ epoch: number; seq: number; floor_seq: number }>(
      sql`SELECT epoch, seq, floor_seq FROM feed_meta`,
    );
    const known = meta ?? { epoch: 1, seq: 0, floor_seq: 0 };
    const whole = known.epoch === epoch && seq <= known.seq && seq >= known.floor_seq;
    return whole ? entries.map(toEntry) : undefined;
  });
}

function entriesAt(transaction: Transaction, seq: number): Promise<readonly EntryRow[]> {
  return transaction.query<EntryRow>(sql`
    SELECT ${columns} FROM feed_entry
    WHERE seq <= ${seq} AND (superseded_by IS NULL OR superseded_by > ${seq}) AND (op <> 'allow' OR nbf IS NOT NULL)
    ORDER BY seq`);
}

/** What a page up to `seq` may promise: the acceptance time of the oldest entry behind it, else `otherwise`. */
export async function oldestAcceptedAfter(
  database: Database,
  tenantId: string,
  seq: number,
  otherwise: Date,
): Promise<Date> {
  const [row] = await database.once<{ oldest: Date | null }>(
    tenantId,
    sql`SELECT min(accepted_at) AS oldest FROM feed_entry WHERE seq > ${seq}`,
  );
  const oldest = row?.oldest ?? otherwise;
  return oldest < otherwise ? oldest : otherwise;
}

/** Forgets replaced entries that are older than the retention; followers that far behind take a snapshot. */
export async function trimFeed(database: Database, tenantId: string, retentionSec: number): Promise<number> {
  return database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<{ floor: number }>(sql`
      WITH floor AS (
        SELECT max(seq) AS seq FROM feed_entry WHERE published_at < now() - ${retentionSec} * interval '1 second'
      ), raised AS (
        UPDATE feed_meta SET floor_seq = floor.seq FROM floor WHERE floor.seq > feed_meta.floor_seq RETURNING feed_meta.floor_seq
      )
      SELECT floor_seq AS floor FROM raised`);
    if (row === undefined) return 0;
    const gone = await transaction.query(sql`
      DELETE FROM feed_entry WHERE superseded_by <= ${row.floor} OR (superseded_by IS NULL AND op = 'allow' AND nbf IS NULL AND seq <= ${row.floor}) RETURNING seq`);
    return gone.length;
  });
}

export async function feedTenants(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`SELECT tenant_id FROM feed_meta`);
  return rows.map((row) => row.tenant_id);
}

/** A feed is named after its tenant. */
export async function feedName(database: Database, tenantId: string): Promise<string | undefined> {
  const [row] = await database.once<{ slug: string }>(tenantId, sql`SELECT slug FROM tenant`);
  return row?.slug;
}

function toEntry(row: EntryRow): LogEntry {
  return {
    seq: row.seq,
    op: row.op,
    scope: row.scope,
    iss: row.iss,
    sub: row.sub,
    ...(row.nbf === null ? {} : { nbf: row.nbf }),
    ...(row.expires_at === null ? {} : { exp: Math.floor(row.expires_at.getTime() / 1000) }),
    reason: row.reason,
    acceptedAt: row.accepted_at,
    publishedAt: row.published_at,
  };
}
