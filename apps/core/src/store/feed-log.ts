import { type StateRow, toState } from "./feed-append.ts";
import type { Database, Transaction } from "./database.ts";
import { type FeedHead, headOf, type HeadRow, toHead } from "./feed-head.ts";
import { type EntryState, houseFeedId } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

export type LogEntry = EntryState & {
  readonly seq: number;
  readonly reason: string;
  readonly acceptedAt: Date;
};

/** A head, and what stands in the log behind a sequence that was known already; both of one instant. */
export type FeedNews<Entry> = { readonly head: FeedHead; readonly entries: readonly Entry[] };

type EntryRow = StateRow & { reason: string; accepted_at: Date };

const columns = sql`seq, op, scope, iss, sub, tid, nbf, expires_at, reason, accepted_at`;

/** The head and, in one round trip, the first entries behind `after`; none where `after` is not given. */
export async function readFeedNews(
  database: Database,
  feedId: string,
  after: number | undefined,
  limit: number,
): Promise<FeedNews<LogEntry>> {
  const rows = await once<HeadRow & EntryRow & { seq: number | null }>(
    database,
    feedId,
    sql`SELECT head.*, entry.* FROM (${headOf(feedId)}) AS head
      LEFT JOIN LATERAL (
        SELECT ${columns} FROM feed_entry
        WHERE tenant_id = ${feedId} AND ${after === undefined ? sql`false` : sql`seq > ${after}`} ORDER BY seq LIMIT ${limit}
      ) AS entry ON true
      ORDER BY entry.seq`,
  );
  const [first] = rows;
  if (first === undefined) throw new Error("the head of a feed could not be read");
  return { head: toHead(first), entries: rows.flatMap((row) => (row.seq === null ? [] : [toEntry(row)])) };
}

/** Entries with `since < seq ≤ to`, at most `limit`, in order. */
export async function readChanges(
  database: Database,
  feedId: string,
  since: number,
  to: number,
  limit: number,
): Promise<readonly LogEntry[]> {
  const rows = await database.once<EntryRow>(
    feedId,
    sql`SELECT ${columns} FROM feed_entry WHERE tenant_id = ${feedId} AND seq > ${since} AND seq <= ${to} ORDER BY seq LIMIT ${limit}`,
  );
  return rows.map(toEntry);
}

/** What a snapshot begins with, before its entries are read. */
export type SnapshotOutline = { readonly count: number; readonly issuers: readonly string[] };

/**
 * The state of every key at `seq`, in order, told piece by piece. False where it is not whole, for
 * replaced entries that it needs are gone, or where it is of another epoch: what was told is void.
 */
export async function readFeedSnapshot(
  database: Database,
  feedId: string,
  at: { readonly epoch: number; readonly seq: number },
  begin: (outline: SnapshotOutline) => void,
  tell: (entries: readonly LogEntry[]) => Promise<void>,
): Promise<boolean> {
  return database.inTenant(feedId, async (transaction) => {
    const living = livingAt(feedId, at.seq);
    const [outline] = await transaction.query<SnapshotOutline>(
      sql`SELECT count(*) AS count, coalesce(array_agg(DISTINCT iss ORDER BY iss), '{}') AS issuers FROM feed_entry WHERE ${living}`,
    );
    if (outline === undefined) throw new Error("a snapshot could not be counted");
    begin(outline);
    let after = 0;
    for (;;) {
      const rows = await transaction.query<EntryRow>(
        sql`SELECT ${columns} FROM feed_entry WHERE ${living} AND seq > ${after} ORDER BY seq LIMIT ${snapshotPiece}`,
      );
      if (rows.length > 0) await tell(rows.map(toEntry));
      if (rows.length < snapshotPiece) break;
      after = rows.at(-1)?.seq ?? after;
    }
    return isWhole(transaction, sql`feed_meta`, at);
  });
}

export const snapshotPiece = 10_000;

/** Read after the entries: what was trimmed before they were read has raised the floor by now. */
export async function isWhole(
  transaction: Transaction,
  meta: Sql,
  at: { readonly epoch: number; readonly seq: number },
): Promise<boolean> {
  const [row] = await transaction.query<{ epoch: number; seq: number; floor_seq: number }>(
    sql`SELECT epoch, seq, floor_seq FROM ${meta}`,
  );
  const known = row ?? { epoch: 1, seq: 0, floor_seq: 0 };
  return known.epoch === at.epoch && at.seq <= known.seq && at.seq >= known.floor_seq;
}

function livingAt(feedId: string, seq: number): Sql {
  return sql`tenant_id = ${feedId} AND seq <= ${seq} AND (superseded_by IS NULL OR superseded_by > ${seq}) AND (op <> 'allow' OR nbf IS NOT NULL)`;
}

/**
 * What an answer up to `seq` may promise: the acceptance time of the oldest entry behind it, else
 * `otherwise`; nothing at all where too many are behind it to be looked through.
 */
export async function oldestAcceptedAfter(
  database: Database,
  feedId: string,
  log: "feed_entry" | "subject_entry",
  seq: number,
  otherwise: Date,
): Promise<Date> {
  const table = log === "feed_entry" ? sql`feed_entry` : sql`subject_entry`;
  const [row] = await database.once<{ count: number; oldest: Date | null }>(
    feedId,
    sql`SELECT count(*) AS count, min(accepted_at) AS oldest FROM (
        SELECT accepted_at FROM ${table} WHERE tenant_id = ${feedId} AND seq > ${seq} ORDER BY seq LIMIT ${lookedThroughMax + 1}
      ) AS behind`,
  );
  if (row === undefined || row.count > lookedThroughMax) return new Date(0);
  const oldest = row.oldest ?? otherwise;
  return oldest < otherwise ? oldest : otherwise;
}

const lookedThroughMax = 1_000;

/** The feed of all tenants is read by the house, for its watermark is every tenant's. */
function once<Row extends object>(database: Database, feedId: string, statement: Sql): Promise<readonly Row[]> {
  return feedId === houseFeedId ? database.house<Row>(statement) : database.once<Row>(feedId, statement);
}

function toEntry(row: EntryRow): LogEntry {
  return { ...toState(row), seq: row.seq, reason: row.reason, acceptedAt: row.accepted_at };
}
