import type { Database, Transaction } from "./database.ts";
import type { FeedHead } from "./feed-head.ts";
import { type FeedNews, isWhole, snapshotPiece } from "./feed-log.ts";
import { readSubjectKey } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

/** A subject came to be known, or is known no more. */
export type SubjectChange = { readonly seq: number; readonly hash: Buffer; readonly known: boolean };

type HeadRow = {
  epoch: number;
  head_seq: number;
  floor_seq: number;
  entries: number;
  digest: Buffer;
  as_of: Date;
  filled: boolean;
};
type ChangeRow = { seq: number; hash: Buffer; known: boolean };

const columns = sql`seq, hash, known`;

/**
 * The head with the first changes behind `after`. Its watermark waits for every change of a user
 * that is not in the log yet, for any of them may make a subject known. Undefined until the set is
 * whole; who asks for a set that nobody has followed yet has it begun.
 */
export async function readSubjectNews(
  database: Database,
  tenantId: string,
  after: number | undefined,
  limit: number,
): Promise<FeedNews<SubjectChange> | undefined> {
  const rows = await database.once<HeadRow & { [Column in keyof ChangeRow]: ChangeRow[Column] | null }>(
    tenantId,
    sql`SELECT head.*, entry.* FROM (
        SELECT epoch, seq AS head_seq, floor_seq, entries, digest, filled_at IS NOT NULL AS filled, least(now(),
          (SELECT min(accepted_at) FROM lifecycle_event
            WHERE tenant_id = ${tenantId} AND subject_kind = 'user' AND applied_at IS NULL AND dead_at IS NULL AND attempts = 0),
          (SELECT min(accepted_at) FROM subject_pending WHERE tenant_id = ${tenantId})) AS as_of
        FROM subject_meta WHERE tenant_id = ${tenantId}
      ) AS head
      LEFT JOIN LATERAL (
        SELECT ${columns} FROM subject_entry
        WHERE tenant_id = ${tenantId} AND ${after === undefined ? sql`false` : sql`seq > ${after}`} ORDER BY seq LIMIT ${limit}
      ) AS entry ON true
      ORDER BY entry.seq`,
  );
  const [first] = rows;
  if (first === undefined) await beginSubjects(database, tenantId);
  if (first?.filled !== true) return undefined;
  const entries = rows.flatMap(({ seq, hash, known }) =>
    seq === null || hash === null || known === null ? [] : [{ seq, hash, known }],
  );
  return { head: toHead(first), entries };
}

/** Changes with `since < seq ≤ to`, at most `limit`, in order. */
export function readSubjectChanges(
  database: Database,
  tenantId: string,
  since: number,
  to: number,
  limit: number,
): Promise<readonly SubjectChange[]> {
  return database.once<ChangeRow>(
    tenantId,
    sql`SELECT ${columns} FROM subject_entry WHERE tenant_id = ${tenantId} AND seq > ${since} AND seq <= ${to} ORDER BY seq LIMIT ${limit}`,
  );
}

/** Every subject known at a moment, told piece by piece in the order of their hashes. False where it is not whole. */
export async function readSubjectSnapshot(
  database: Database,
  tenantId: string,
  at: { readonly epoch: number; readonly seq: number },
  begin: (count: number) => void,
  tell: (hashes: readonly Buffer[]) => Promise<void>,
): Promise<boolean> {
  return database.inTenant(tenantId, async (transaction) => {
    const known = knownAt(tenantId, at.seq);
    const [outline] = await transaction.query<{ count: number }>(
      sql`SELECT count(*) AS count FROM subject_entry WHERE ${known}`,
    );
    begin(outline?.count ?? 0);
    let after: Buffer = Buffer.alloc(0);
    for (;;) {
      const rows = await transaction.query<{ hash: Buffer }>(
        sql`SELECT hash FROM subject_entry WHERE ${known} AND hash > ${after} ORDER BY hash LIMIT ${snapshotPiece}`,
      );
      if (rows.length > 0) await tell(rows.map(({ hash }) => hash));
      if (rows.length < snapshotPiece) break;
      after = rows.at(-1)?.hash ?? after;
    }
    return isWhole(transaction, sql`subject_meta`, at);
  });
}

/** Notes that somebody still follows the set; one that nobody asks for is given up in time. */
export async function keepSubjects(database: Database, tenantId: string): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE subject_meta SET asked_at = now() WHERE tenant_id = ${tenantId} AND asked_at < now() - interval '1 hour'`,
  );
}

function knownAt(tenantId: string, seq: number): Sql {
  return sql`tenant_id = ${tenantId} AND seq <= ${seq} AND (superseded_by IS NULL OR superseded_by > ${seq}) AND known`;
}

/**
 * Begins the set. From its commit on triggers note every change. Whoever changed something before,
 * and has not committed yet, is waited for: what is filled in afterwards then holds their change.
 */
async function beginSubjects(database: Database, tenantId: string): Promise<void> {
  await readSubjectKey(database, tenantId);
  await database.inTenant(tenantId, async (transaction: Transaction) => {
    await Promise.all([
      // In the order in which converging writes them, so that neither waits for the other.
      transaction.query(sql`LOCK TABLE identity IN SHARE MODE`),
      transaction.query(sql`LOCK TABLE denial IN SHARE MODE`),
      transaction.query(sql`LOCK TABLE revocation IN SHARE MODE`),
      transaction.query(sql`
        INSERT INTO subject_meta (tenant_id, epoch, digest) VALUES (${tenantId}, extract(epoch FROM clock_timestamp())::bigint, ${Buffer.alloc(16)})
        ON CONFLICT DO NOTHING`),
      transaction.query(sql`SELECT pg_notify('rollcall_pending', ${tenantId})`),
    ]);
  });
}

function toHead(row: HeadRow): FeedHead {
  return {
    epoch: row.epoch,
    seq: row.head_seq,
    floorSeq: row.floor_seq,
    entries: row.entries,
    digest: row.digest,
    hashedDigest: undefined,
    asOf: row.as_of,
  };
}
