import type { Transaction } from "./database.ts";
import { type EntryState, hashedEntry } from "./feeds.ts";
import { sql } from "./sql.ts";

/** The running digest of a feed, kept by whoever knows the wire format. */
export type Digest = {
  add(digest: bigint, entry: EntryState): bigint;
  remove(digest: bigint, entry: EntryState): bigint;
  isLive(entry: EntryState): boolean;
};

/** A feed's head under its lock. */
export type LockedHead = {
  readonly seq: number;
  readonly entries: number;
  readonly digest: Buffer;
  readonly hashedDigest: Buffer | undefined;
  readonly subjectKey: Buffer;
};

export type NewEntry = {
  readonly state: EntryState;
  readonly reason: string;
  readonly eventId: number | null;
  readonly acceptedAt: Date;
  readonly appliedAt: Date;
  /** The key's present entry, which this one replaces. */
  readonly replaced: { readonly seq: number; readonly state: EntryState } | undefined;
};

type HeadRow = { seq: number; entries: number; digest: Buffer; hashed_digest: Buffer | null; subject_key: Buffer };

/** Whoever holds it is the one who gives numbers. Undefined where the feed has not begun. */
export async function lockHead(transaction: Transaction): Promise<LockedHead | undefined> {
  const [row] = await transaction.query<HeadRow>(
    sql`SELECT seq, entries, digest, hashed_digest, subject_key FROM feed_meta FOR UPDATE`,
  );
  return (
    row && {
      seq: row.seq,
      entries: row.entries,
      digest: row.digest,
      hashedDigest: row.hashed_digest ?? undefined,
      subjectKey: row.subject_key,
    }
  );
}

/** Numbers the entries behind the head and moves it. Everything is sent at once; the answer is that it is done. */
export async function appendEntries(
  transaction: Transaction,
  feedId: string,
  head: LockedHead,
  entries: readonly NewEntry[],
  digest: Digest,
): Promise<void> {
  const { live, plain, hashed } = summed(head, entries, digest);
  await Promise.all([
    replaceEntries(transaction, feedId, head.seq, entries),
    insertEntries(transaction, feedId, head.seq, entries),
    transaction.query(sql`
      UPDATE feed_meta SET seq = ${head.seq + entries.length}, entries = ${live}, digest = ${plain}, hashed_digest = ${hashed ?? null}, updated_at = now()
      WHERE tenant_id = ${feedId}`),
    // Arrives with the commit, or not at all.
    transaction.query(sql`SELECT pg_notify('rollcall_feed', ${feedId})`),
  ]);
}

/** What a feed's live entries sum up to under its hashed names, for a feed that was never asked. */
export async function sumHashed(transaction: Transaction, subjectKey: Buffer, digest: Digest): Promise<Buffer> {
  let sum = 0n;
  let after = 0;
  for (;;) {
    const rows = await transaction.query<StateRow>(sql`
      SELECT seq, op, scope, iss, sub, tid, nbf, expires_at FROM feed_entry
      WHERE superseded_by IS NULL AND seq > ${after} ORDER BY seq LIMIT 10000`);
    for (const row of rows) sum = digest.add(sum, hashedEntry(subjectKey, toState(row)));
    const last = rows.at(-1);
    if (last === undefined) return toBytes(sum);
    after = last.seq;
  }
}

export type StateRow = {
  seq: number;
  op: EntryState["op"];
  scope: EntryState["scope"];
  iss: string;
  sub: string;
  tid: string | null;
  nbf: number | null;
  expires_at: Date | null;
};

export function toState(row: Omit<StateRow, "seq">): EntryState {
  return {
    op: row.op,
    scope: row.scope,
    iss: row.iss,
    sub: row.sub,
    ...(row.tid === null ? {} : { tid: row.tid }),
    ...(row.nbf === null ? {} : { nbf: row.nbf }),
    ...(row.expires_at === null ? {} : { exp: Math.floor(row.expires_at.getTime() / 1000) }),
  };
}

function summed(head: LockedHead, entries: readonly NewEntry[], digest: Digest) {
  let plain = toNumber(head.digest);
  let hashed = head.hashedDigest && toNumber(head.hashedDigest);
  let live = head.entries;
  for (const { state, replaced } of entries) {
    if (replaced !== undefined) plain = digest.remove(plain, replaced.state);
    plain = digest.add(plain, state);
    if (hashed !== undefined) {
      if (replaced !== undefined) hashed = digest.remove(hashed, hashedEntry(head.subjectKey, replaced.state));
      hashed = digest.add(hashed, hashedEntry(head.subjectKey, state));
    }
    live += Number(digest.isLive(state)) - Number(replaced !== undefined && digest.isLive(replaced.state));
  }
  return { live, plain: toBytes(plain), hashed: hashed === undefined ? undefined : toBytes(hashed) };
}

async function replaceEntries(
  transaction: Transaction,
  feedId: string,
  afterSeq: number,
  entries: readonly NewEntry[],
): Promise<void> {
  const replaced = entries.flatMap((entry, index) =>
    entry.replaced === undefined ? [] : [{ seq: entry.replaced.seq, by: afterSeq + 1 + index }],
  );
  if (replaced.length === 0) return;
  await transaction.query(sql`
    UPDATE feed_entry SET superseded_by = (${replaced.map(({ by }) => by)}::bigint[])[array_position(${replaced.map(({ seq }) => seq)}::bigint[], seq)]
    WHERE tenant_id = ${feedId} AND seq = ANY(${replaced.map(({ seq }) => seq)}::bigint[])`);
}

async function insertEntries(
  transaction: Transaction,
  feedId: string,
  afterSeq: number,
  entries: readonly NewEntry[],
): Promise<void> {
  const states = entries.map(({ state }) => state);
  await transaction.query(sql`
    INSERT INTO feed_entry (tenant_id, seq, scope, iss, sub, tid, op, nbf, expires_at, reason, event_id, accepted_at, applied_at, published_at)
    SELECT ${feedId}, entry.*, clock_timestamp()
    FROM unnest(${states.map((_, index) => afterSeq + 1 + index)}::bigint[], ${states.map(({ scope }) => scope)}::text[],
      ${states.map(({ iss }) => iss)}::text[], ${states.map(({ sub }) => sub)}::text[], ${states.map(({ tid }) => tid ?? null)}::text[],
      ${states.map(({ op }) => op)}::text[], ${states.map(({ nbf }) => nbf ?? null)}::bigint[],
      ${states.map(({ exp }) => (exp === undefined ? null : new Date(exp * 1000)))}::timestamptz[],
      ${entries.map(({ reason }) => reason)}::text[], ${entries.map(({ eventId }) => eventId)}::bigint[],
      ${entries.map(({ acceptedAt }) => acceptedAt)}::timestamptz[], ${entries.map(({ appliedAt }) => appliedAt)}::timestamptz[]) AS entry`);
}

function toNumber(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

function toBytes(sum: bigint): Buffer {
  return Buffer.from(sum.toString(16).padStart(64, "0"), "hex");
}
