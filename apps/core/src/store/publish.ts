import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

export type FeedScope = "sub" | "sid" | "jti" | "tenant" | "iss";

/** The state that an entry leaves behind for its key. */
export type EntryState = {
  readonly op: "deny" | "nbf" | "allow";
  readonly scope: FeedScope;
  readonly iss: string;
  readonly sub: string;
  readonly nbf?: number;
  readonly exp?: number;
};

/** The running digest of a feed, kept by whoever knows the wire format. */
export type Digest = {
  add(digest: bigint, entry: EntryState): bigint;
  remove(digest: bigint, entry: EntryState): bigint;
  isLive(entry: EntryState): boolean;
};

/** A publisher of an earlier term tried to publish; its successor has taken over. */
export class Fenced extends Error {
  constructor() {
    super("this publisher's term is over: another has taken over");
    this.name = "Fenced";
  }
}

type PendingRow = {
  scope: FeedScope;
  iss: string;
  sub: string;
  deny: boolean;
  nbf: number | null;
  expires_at: Date | null;
  reason: string;
  event_id: number | null;
  accepted_at: Date;
  applied_at: Date;
  old_seq: number | null;
  old_op: EntryState["op"] | null;
  old_nbf: number | null;
  old_expires_at: Date | null;
};

/** Begins a term: whoever led before is shut out of publishing from this moment. */
export async function beginTerm(database: Database): Promise<number> {
  const [row] = await database.house<{ fence: number }>(
    sql`UPDATE duty SET fence = fence + 1, updated_at = now() WHERE name = 'publish' RETURNING fence`,
  );
  if (row === undefined) throw new Error("the duty of publishing is missing from the database");
  return row.fence;
}

/** The tenants whose feeds have something to publish. */
export async function feedsPending(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(
    sql`SELECT tenant_id FROM feed_pending GROUP BY tenant_id ORDER BY min(id)`,
  );
  return rows.map((row) => row.tenant_id);
}

/**
 * Moves what waits into one feed's log. Sequence numbers are given here, after the commit of what
 * they number, by one publisher at a time under the feed's row lock: dense, in order, none skipped.
 * Each key is published as it stands now, so several changes to one key are one entry.
 * Answers the number of entries. Throws `Fenced` when the term is over.
 */
export async function publishFeed(
  database: Database,
  tenantId: string,
  fence: number,
  digest: Digest,
  limit = 1_000,
): Promise<number> {
  return database.inTenant(tenantId, async (transaction) => {
    // Sent together, run in this order: what is taken is taken under the lock and within the term.
    const [[term], head, rows] = await Promise.all([
      transaction.query(sql`SELECT FROM duty WHERE name = 'publish' AND fence = ${fence} FOR SHARE`),
      lockHead(transaction, tenantId),
      takePending(transaction, limit),
    ]);
    if (term === undefined) throw new Fenced();
    if (rows.length === 0) return 0;

    let { value, entries } = { value: BigInt(`0x${head.digest.toString("hex")}`), entries: head.entries };
    const states = rows.map((row) => {
      const state = stateOf(row);
      const old = oldStateOf(row);
      if (old !== undefined) value = digest.remove(value, old);
      value = digest.add(value, state);
      entries += Number(digest.isLive(state)) - Number(old !== undefined && digest.isLive(old));
      return state;
    });
    const appended = append(transaction, tenantId, head.seq, rows, states);
    const moved = transaction.query(sql`
      UPDATE feed_meta SET seq = ${head.seq + rows.length}, entries = ${entries}, digest = ${Buffer.from(value.toString(16).padStart(64, "0"), "hex")}, updated_at = now()
      WHERE tenant_id = ${tenantId}`);
    await Promise.all([appended, moved, transaction.query(sql`SELECT pg_notify('rollcall_feed', ${tenantId})`)]);
    return rows.length;
  });
}

async function lockHead(
  transaction: Transaction,
  tenantId: string,
): Promise<{ seq: number; entries: number; digest: Buffer }> {
  const [, [head]] = await Promise.all([
    transaction.query(
      sql`INSERT INTO feed_meta (tenant_id, digest) VALUES (${tenantId}, ${Buffer.alloc(32)}) ON CONFLICT DO NOTHING`,
    ),
    transaction.query<{ seq: number; entries: number; digest: Buffer }>(
      sql`SELECT seq, entries, digest FROM feed_meta FOR UPDATE`,
    ),
  ]);
  if (head === undefined) throw new Error("a feed's head is missing");
  return head;
}

/** Takes the oldest waiting keys, once each, with their present state and the entry that they replace. */
async function takePending(transaction: Transaction, limit: number): Promise<readonly PendingRow[]> {
  return transaction.query<PendingRow>(sql`
    WITH head AS (
      SELECT id FROM feed_pending ORDER BY id LIMIT ${limit}
    ), taken AS (
      DELETE FROM feed_pending WHERE id IN (SELECT id FROM head) RETURNING id, scope, iss, sub
    ), keys AS (
      SELECT scope, iss, sub, min(id) AS id FROM taken GROUP BY scope, iss, sub
    )
    SELECT keys.scope, keys.iss, keys.sub, revocation.deny, revocation.nbf, revocation.expires_at, revocation.reason, revocation.event_id,
      revocation.accepted_at, revocation.applied_at, present.seq AS old_seq, present.op AS old_op, present.nbf AS old_nbf, present.expires_at AS old_expires_at
    FROM keys
    JOIN revocation ON revocation.scope = keys.scope AND revocation.iss = keys.iss AND revocation.sub = keys.sub
    LEFT JOIN feed_entry AS present ON present.scope = keys.scope AND present.iss = keys.iss AND present.sub = keys.sub AND present.superseded_by IS NULL
    ORDER BY keys.id`);
}

async function append(
  transaction: Transaction,
  tenantId: string,
  afterSeq: number,
  rows: readonly PendingRow[],
  states: readonly EntryState[],
): Promise<void> {
  const seqs = rows.map((_, index) => afterSeq + 1 + index);
  const replaced = rows.flatMap((row, index) =>
    row.old_seq === null ? [] : [{ seq: row.old_seq, by: afterSeq + 1 + index }],
  );
  const closed = transaction.query(sql`
    UPDATE feed_entry SET superseded_by = replaced.by
    FROM unnest(${replaced.map(({ seq }) => seq)}::bigint[], ${replaced.map(({ by }) => by)}::bigint[]) AS replaced(seq, by)
    WHERE feed_entry.tenant_id = ${tenantId} AND feed_entry.seq = replaced.seq`);
  const opened = transaction.query(sql`
    INSERT INTO feed_entry (tenant_id, seq, scope, iss, sub, op, nbf, expires_at, reason, event_id, accepted_at, applied_at, published_at)
    SELECT ${tenantId}, entry.*, clock_timestamp()
    FROM unnest(${seqs}::bigint[], ${rows.map((row) => row.scope)}::text[], ${rows.map((row) => row.iss)}::text[], ${rows.map((row) => row.sub)}::text[],
      ${states.map((state) => state.op)}::text[], ${rows.map((row) => row.nbf)}::bigint[], ${rows.map((row) => row.expires_at)}::timestamptz[],
      ${rows.map((row) => row.reason)}::text[], ${rows.map((row) => row.event_id)}::bigint[], ${rows.map((row) => row.accepted_at)}::timestamptz[],
      ${rows.map((row) => row.applied_at)}::timestamptz[]) AS entry`);
  await Promise.all([closed, opened]);
}

function stateOf(row: PendingRow): EntryState {
  const op = row.deny ? "deny" : row.nbf !== null && row.old_op !== "deny" ? "nbf" : "allow";
  return entry(row, op, row.nbf, row.expires_at);
}

function oldStateOf(row: PendingRow): EntryState | undefined {
  return row.old_op === null ? undefined : entry(row, row.old_op, row.old_nbf, row.old_expires_at);
}

function entry(
  key: Pick<PendingRow, "scope" | "iss" | "sub">,
  op: EntryState["op"],
  nbf: number | null,
  expiresAt: Date | null,
): EntryState {
  return {
    op,
    scope: key.scope,
    iss: key.iss,
    sub: key.sub,
    ...(nbf === null ? {} : { nbf }),
    ...(expiresAt === null ? {} : { exp: Math.floor(expiresAt.getTime() / 1000) }),
  };
}
