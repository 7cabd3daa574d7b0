import type { Database, Transaction } from "./database.ts";
import { appendEntries, type Digest, lockHead, type NewEntry, sumHashed, toState } from "./feed-append.ts";
import { beginFeed, type EntryState, type FeedScope } from "./feeds.ts";
import { joinEach } from "./index-condition.ts";
import { type Sql, sql } from "./sql.ts";

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
  forgotten_at: Date | null;
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

/** One row while the term lasts, and none after it; held until the transaction ends, so the next term waits for it. */
export function termOf(fence: number): Sql {
  return sql`SELECT FROM duty WHERE name = 'publish' AND fence = ${fence} FOR SHARE`;
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
 * Answers the number of keys that were taken. Throws `Fenced` when the term is over.
 */
export async function publishFeed(
  database: Database,
  tenantId: string,
  fence: number,
  digest: Digest,
  limit = 1_000,
): Promise<number> {
  const taken = await tryPublish(database, tenantId, fence, digest, limit);
  if (taken !== undefined) return taken;
  await beginFeed(database, tenantId);
  return publishFeed(database, tenantId, fence, digest, limit);
}

/** Undefined, and nothing is taken, where the feed has not begun. */
async function tryPublish(
  database: Database,
  tenantId: string,
  fence: number,
  digest: Digest,
  limit: number,
): Promise<number | undefined> {
  let appended: Promise<void> = Promise.resolve();
  try {
    return await database.inTenant(tenantId, async (transaction) => {
      // Sent together, run in this order: what is taken is taken under the lock and within the term.
      const [[term], head, rows] = await Promise.all([
        transaction.query(termOf(fence)),
        lockHead(transaction),
        takePending(transaction, tenantId, limit),
      ]);
      if (term === undefined) throw new Fenced();
      if (head === undefined) throw new NotBegun();
      const entries = rows.map(toEntry).filter((entry) => isNews(entry, digest));
      if (entries.length === 0) return rows.length;
      const hashedDigest = head.hashedDigest ?? (await sumHashed(transaction, head.subjectKey, digest));
      // Not waited for: the COMMIT goes with it, in one round trip.
      appended = appendEntries(transaction, tenantId, { ...head, hashedDigest }, entries, digest);
      appended.catch(() => undefined);
      return rows.length;
    });
  } catch (error) {
    if (error instanceof NotBegun) return undefined;
    // Behind a statement that failed, COMMIT only says that it rolled back; the statement says why.
    await appended;
    throw error;
  }
}

class NotBegun extends Error {}

/** Takes the oldest waiting keys, once each, with their present state and the entry that they replace. */
async function takePending(transaction: Transaction, tenantId: string, limit: number): Promise<readonly PendingRow[]> {
  return transaction.query<PendingRow>(sql`
    WITH head AS (
      SELECT id FROM feed_pending ORDER BY id LIMIT ${limit}
    ), taken AS (
      DELETE FROM feed_pending WHERE id = ANY(ARRAY(SELECT id FROM head)) RETURNING id, scope, iss, sub
    ), keys AS (
      SELECT scope, iss, sub, min(id) AS id FROM taken GROUP BY scope, iss, sub
    )
    SELECT keys.scope, keys.iss, keys.sub, standing.*, present.*
    FROM keys CROSS JOIN LATERAL (
      SELECT deny, nbf, expires_at, forgotten_at, reason, event_id, accepted_at, applied_at FROM revocation
      WHERE tenant_id = ${tenantId} AND scope = keys.scope AND iss = keys.iss AND sub = keys.sub
      OFFSET 0 -- looked up one by one: a plan that was made while the tables were empty is kept when they are not
    ) AS standing ${joinEach(
      sql`present`,
      sql`SELECT seq AS old_seq, op AS old_op, nbf AS old_nbf, expires_at AS old_expires_at FROM feed_entry
        WHERE tenant_id = ${tenantId} AND scope = keys.scope AND iss = keys.iss AND sub = keys.sub AND tid IS NULL AND superseded_by IS NULL`,
    )}
    ORDER BY keys.id`);
}

function toEntry(row: PendingRow): NewEntry {
  const { old_seq: oldSeq, old_op: oldOp } = row;
  const old = { ...row, op: oldOp ?? "allow", nbf: row.old_nbf, expires_at: row.old_expires_at, tid: null };
  const replaced = oldSeq === null ? undefined : { seq: oldSeq, state: toState(old) };
  if (row.forgotten_at === null) {
    const { reason, event_id: eventId, accepted_at: acceptedAt, applied_at: appliedAt } = row;
    return { state: stateOf(row), reason, eventId, acceptedAt, appliedAt, replaced };
  }
  // No token lives that it could refuse: gateways drop the key, and the forgetting is what happened now.
  const { scope, iss, sub, forgotten_at: at } = row;
  const state: EntryState = { op: "allow", scope, iss, sub };
  return { state, reason: forgottenReason, eventId: null, acceptedAt: at, appliedAt: at, replaced };
}

/** What was changed and changed back before it was published is none, and gateways would believe in a second change. */
function isNews({ state, replaced }: NewEntry, digest: Digest): boolean {
  if (replaced === undefined) return digest.isLive(state);
  const { op, nbf, exp } = replaced.state;
  return (state.op === "deny") !== (op === "deny") || state.nbf !== nbf || state.exp !== exp;
}

/** The reason of an entry that only takes its key away. */
export const forgottenReason = "forgotten";

function stateOf(row: PendingRow): EntryState {
  const op = row.deny ? "deny" : row.nbf !== null && row.old_op !== "deny" ? "nbf" : "allow";
  return toState({ ...row, op, expires_at: row.deny ? row.expires_at : null, tid: null });
}
