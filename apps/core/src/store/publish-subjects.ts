import type { Database, Transaction } from "./database.ts";
import { hashSubject } from "./feeds.ts";
import { Fenced, termOf } from "./publish.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

type HeadRow = {
  epoch: number;
  seq: number;
  entries: number;
  digest: Buffer;
  filled_iss: string | null;
  filled_sub_key: string | null;
  filled: boolean;
  subject_key: Buffer;
};
type KeyRow = { iss: string; sub_key: string; known: boolean; accepted_at: Date };
type Change = { readonly hash: Buffer; readonly known: boolean; readonly acceptedAt: Date };

const pieceMax = 1_000;
const modulus = 1n << 128n;
/** A set that nobody has asked for so long is given up; who asks again has it begun anew. */
const abandonedSec = 7 * 86_400;

/** The tenants that have a set of subjects, and of them those whose set is being filled or has something to publish. */
export async function subjectSets(
  database: Database,
): Promise<readonly { readonly tenantId: string; readonly pending: boolean }[]> {
  return database.house<{ tenantId: string; pending: boolean }>(sql`
    SELECT tenant_id AS "tenantId",
      filled_at IS NULL OR EXISTS (SELECT id FROM subject_pending WHERE subject_pending.tenant_id = meta.tenant_id) AS pending
    FROM subject_meta AS meta`);
}

/**
 * Moves the set of a tenant's known subjects on: a piece of its first filling, and what has changed
 * since. Each key is published as it stands now, in a sequence as dense as the feed's own, by the
 * same fenced publisher. Answers how much was looked at. Throws `Fenced` when the term is over.
 */
export async function publishSubjects(database: Database, tenantId: string, fence: number): Promise<number> {
  let appended: Promise<unknown> = Promise.resolve();
  try {
    return await database.inTenant(tenantId, async (transaction) => {
      const [[term], [head]] = await Promise.all([transaction.query(termOf(fence)), lockHead(transaction)]);
      if (term === undefined) throw new Fenced();
      if (head === undefined) return 0;
      const [changed, filled] = await Promise.all([
        takePending(transaction, tenantId),
        head.filled ? [] : nextIdentities(transaction, tenantId, head),
      ]);
      const changes = await changesOf(transaction, tenantId, head, [...changed, ...filled]);
      appended = append(transaction, tenantId, head, changes, filled);
      appended.catch(() => undefined);
      return changed.length + filled.length;
    });
  } catch (error) {
    // Behind a statement that failed, COMMIT only says that it rolled back; the statement says why.
    await appended;
    throw error;
  }
}

/** Forgets changes that were undone longer ago than the retention, and sets that nobody follows any more. */
export async function trimSubjects(database: Database, tenantId: string, retentionSec: number): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const abandoned = await transaction.query(sql`
      DELETE FROM subject_meta WHERE tenant_id = ${tenantId} AND asked_at < now() - ${abandonedSec} * interval '1 second' RETURNING tenant_id`);
    if (abandoned.length > 0) {
      await transaction.query(sql`DELETE FROM subject_pending WHERE tenant_id = ${tenantId}`);
      await transaction.query(sql`DELETE FROM subject_entry WHERE tenant_id = ${tenantId}`);
      return;
    }
    await transaction.query(sql`
      UPDATE subject_meta SET floor_seq = floor.seq FROM (
        SELECT seq FROM subject_entry WHERE tenant_id = ${tenantId} AND published_at < now() - ${retentionSec} * interval '1 second'
        ORDER BY published_at DESC, seq DESC LIMIT 1
      ) AS floor WHERE floor.seq > subject_meta.floor_seq`);
    await transaction.query(sql`
      DELETE FROM subject_entry AS entry USING subject_meta AS meta
      WHERE entry.tenant_id = ${tenantId} AND meta.tenant_id = ${tenantId}
        AND (superseded_by <= meta.floor_seq OR (superseded_by IS NULL AND NOT known AND entry.seq <= meta.floor_seq))`);
  });
}

function lockHead(transaction: Transaction): Promise<readonly HeadRow[]> {
  return transaction.query<HeadRow>(sql`
    SELECT meta.epoch, meta.seq, meta.entries, meta.digest, filled_iss, filled_sub_key, filled_at IS NOT NULL AS filled, feed.subject_key
    FROM subject_meta AS meta JOIN feed_meta AS feed ON feed.tenant_id = meta.tenant_id FOR UPDATE OF meta`);
}

/** Known is who holds an identity that nothing denies: whom `resolve` would call active. */
function isKnown(tenantId: string, key: Sql): Sql {
  return sql`EXISTS (
    SELECT FROM identity WHERE identity.tenant_id = ${tenantId} AND (identity.iss, identity.sub_key) = ${key}
      AND NOT EXISTS (SELECT FROM denial WHERE denial.user_id = identity.user_id)
      AND NOT EXISTS (SELECT FROM revocation WHERE revocation.tenant_id = ${tenantId} AND revocation.scope = 'sub'
        AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key AND revocation.deny))`;
}

function takePending(transaction: Transaction, tenantId: string): Promise<readonly KeyRow[]> {
  return transaction.query<KeyRow>(sql`
    WITH head AS (
      SELECT id FROM subject_pending WHERE tenant_id = ${tenantId} ORDER BY id LIMIT ${pieceMax}
    ), taken AS (
      DELETE FROM subject_pending WHERE id = ANY(ARRAY(SELECT id FROM head)) RETURNING id, iss, sub_key, accepted_at
    ), keys AS (
      SELECT iss, sub_key, min(id) AS id, min(accepted_at) AS accepted_at FROM taken GROUP BY iss, sub_key
    )
    SELECT keys.iss, keys.sub_key, ${isKnown(tenantId, sql`(keys.iss, keys.sub_key)`)} AS known, keys.accepted_at FROM keys ORDER BY keys.id`);
}

function nextIdentities(transaction: Transaction, tenantId: string, head: HeadRow): Promise<readonly KeyRow[]> {
  const filled = head.filled_iss === null ? undefined : sql`(${head.filled_iss}, ${head.filled_sub_key})`;
  return transaction.query<KeyRow>(sql`
    SELECT next.iss, next.sub_key, ${isKnown(tenantId, sql`(next.iss, next.sub_key)`)} AS known, now() AS accepted_at
    FROM (
      SELECT iss, sub_key FROM identity
      WHERE tenant_id = ${tenantId} AND ${placesAfter(sql`(iss, sub_key)`, filled)}
      ORDER BY iss, sub_key LIMIT ${pieceMax}
    ) AS next ORDER BY next.iss, next.sub_key`);
}

/** What of the keys' standing the log does not say yet; of a key that comes twice, the last word. */
async function changesOf(
  transaction: Transaction,
  tenantId: string,
  head: HeadRow,
  rows: readonly KeyRow[],
): Promise<readonly (Change & { readonly replaces: number | undefined })[]> {
  const wanted = new Map<string, Change>();
  for (const { iss, sub_key: sub, known, accepted_at: acceptedAt } of rows) {
    const hash = hashSubject(head.subject_key, iss, sub);
    wanted.set(hash.toString("hex"), { hash, known, acceptedAt });
  }
  if (wanted.size === 0) return [];
  const present = await transaction.query<{ seq: number; hash: Buffer; known: boolean }>(sql`
    SELECT seq, hash, known FROM subject_entry
    WHERE tenant_id = ${tenantId} AND superseded_by IS NULL AND hash = ANY(${[...wanted.values()].map(({ hash }) => hash)}::bytea[])`);
  const standing = new Map(present.map((row) => [row.hash.toString("hex"), row]));
  return [...wanted].flatMap(([key, change]) => {
    const row = standing.get(key);
    return (row?.known ?? false) === change.known ? [] : [{ ...change, replaces: row?.seq }];
  });
}

async function append(
  transaction: Transaction,
  tenantId: string,
  head: HeadRow,
  changes: readonly (Change & { readonly replaces: number | undefined })[],
  filled: readonly KeyRow[],
): Promise<void> {
  const seqOf = (index: number): number => head.seq + 1 + index;
  const replaced = changes.flatMap(({ replaces }, index) =>
    replaces === undefined ? [] : [{ seq: replaces, by: seqOf(index) }],
  );
  const sum = changes.reduce(
    (total, { hash, known }) => {
      const value = BigInt(`0x${hash.toString("hex")}`);
      return (total + (known ? value : modulus - value)) % modulus;
    },
    BigInt(`0x${head.digest.toString("hex")}`),
  );
  const living = changes.reduce((count, { known }) => count + (known ? 1 : -1), head.entries);
  const last = filled.at(-1);
  await Promise.all([
    replaced.length > 0 &&
      transaction.query(sql`
        UPDATE subject_entry SET superseded_by = (${replaced.map(({ by }) => by)}::bigint[])[array_position(${replaced.map(({ seq }) => seq)}::bigint[], seq)]
        WHERE tenant_id = ${tenantId} AND seq = ANY(${replaced.map(({ seq }) => seq)}::bigint[])`),
    changes.length > 0 &&
      transaction.query(sql`
        INSERT INTO subject_entry (tenant_id, seq, hash, known, accepted_at, published_at)
        SELECT ${tenantId}, entry.*, clock_timestamp()
        FROM unnest(${changes.map((_, index) => seqOf(index))}::bigint[], ${changes.map(({ hash }) => hash)}::bytea[],
          ${changes.map(({ known }) => known)}::boolean[], ${changes.map(({ acceptedAt }) => acceptedAt)}::timestamptz[]) AS entry`),
    transaction.query(sql`
      UPDATE subject_meta SET seq = ${head.seq + changes.length}, entries = ${living}, digest = ${Buffer.from(sum.toString(16).padStart(32, "0"), "hex")},
        filled_iss = ${last?.iss ?? head.filled_iss}, filled_sub_key = ${last?.sub_key ?? head.filled_sub_key},
        filled_at = CASE WHEN ${head.filled || filled.length >= pieceMax} THEN filled_at ELSE now() END
      WHERE tenant_id = ${tenantId}`),
    transaction.query(sql`SELECT pg_notify('rollcall_feed', ${`${tenantId}/subjects`})`),
  ]);
}
