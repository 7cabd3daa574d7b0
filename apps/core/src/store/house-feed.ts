import type { Database } from "./database.ts";
import {
  appendEntries,
  type Digest,
  lockHead,
  type NewEntry,
  sumHashed,
  type StateRow,
  toState,
} from "./feed-append.ts";
import { type EntryState, houseFeedId } from "./feeds.ts";
import { Fenced, termOf } from "./publish.ts";
import { sql } from "./sql.ts";

type SourceRow = { source_id: string; slug: string; taken: number; seq: number };
type EntryRow = StateRow & { reason: string; event_id: number | null; accepted_at: Date; applied_at: Date };
type PresentRow = StateRow;

const pieceMax = 1_000;

/** Whether anybody reads the feed of all tenants; it begins with whoever is the first. */
export async function hasHouseFeed(database: Database): Promise<boolean> {
  return (await database.house(sql`SELECT FROM feed_meta WHERE tenant_id = ${houseFeedId}`)).length > 0;
}

/**
 * Moves what tenants' feeds have published into the feed of all tenants, each key as it stands, with
 * a sequence as dense as theirs. Each entry says whose it is and strikes tokens of that tenant alone.
 * Answers how many were taken. Throws `Fenced` when the term is over.
 */
export async function publishHouseFeed(database: Database, fence: number, digest: Digest): Promise<number> {
  let taken = 0;
  const failures: unknown[] = [];
  for (const source of await sourcesAhead(database, 100)) {
    try {
      taken += await takeFrom(database, source, fence, digest);
    } catch (error) {
      if (error instanceof Fenced) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return taken;
}

function sourcesAhead(database: Database, limit: number): Promise<readonly SourceRow[]> {
  return database.house<SourceRow>(sql`
    SELECT own.tenant_id AS source_id, tenant.slug, coalesce(source.seq, 0) AS taken, own.seq
    FROM feed_meta AS own JOIN tenant ON tenant.id = own.tenant_id LEFT JOIN feed_source AS source ON source.source_id = own.tenant_id
    WHERE own.seq > coalesce(source.seq, 0)
    ORDER BY own.updated_at LIMIT ${limit}`);
}

async function takeFrom(database: Database, source: SourceRow, fence: number, digest: Digest): Promise<number> {
  const rows = await database.house<EntryRow>(sql`
    SELECT seq, scope, iss, sub, tid, op, nbf, expires_at, reason, event_id, accepted_at, applied_at FROM feed_entry
    WHERE tenant_id = ${source.source_id} AND seq > ${source.taken} AND seq <= ${source.seq} AND superseded_by IS NULL
    ORDER BY seq LIMIT ${pieceMax}`);
  const upTo = rows.length < pieceMax ? source.seq : (rows.at(-1)?.seq ?? source.seq);
  const news = rows.flatMap((row) => {
    const state = stateInHouse(source.slug, row);
    return state === undefined ? [] : [{ ...row, state }];
  });
  await database.inTenant(houseFeedId, async (transaction) => {
    const [[term], head] = await Promise.all([transaction.query(termOf(fence)), lockHead(transaction)]);
    if (term === undefined) throw new Fenced();
    if (head === undefined) throw new Error("the feed of all tenants has not begun");
    // Behind the lock: another publisher of this same term may have come first.
    const [at] = await transaction.query<{ seq: number }>(
      sql`SELECT seq FROM feed_source WHERE tenant_id = ${houseFeedId} AND source_id = ${source.source_id}`,
    );
    if ((at?.seq ?? 0) !== source.taken) return;
    const present = await transaction.query<PresentRow>(sql`
      SELECT entry.*
      FROM unnest(${news.map(({ state }) => state.scope)}::text[], ${news.map(({ state }) => state.iss)}::text[],
        ${news.map(({ state }) => state.sub)}::text[], ${news.map(({ state }) => state.tid ?? null)}::text[]) AS named(scope, iss, sub, tid)
      CROSS JOIN LATERAL (
        SELECT seq, scope, iss, sub, tid, op, nbf, expires_at FROM feed_entry
        WHERE tenant_id = ${houseFeedId} AND scope = named.scope AND iss = named.iss AND sub = named.sub AND superseded_by IS NULL
          AND tid IS NOT DISTINCT FROM named.tid
        OFFSET 0 -- looked up one by one, whatever the planner believes of the table's size
      ) AS entry`);
    const standing = new Map(present.map((row) => [keyOf(toState(row)), row]));
    const entries = news
      .map(({ state, ...row }): NewEntry => {
        const old = standing.get(keyOf(state));
        return {
          state,
          reason: row.reason,
          eventId: null,
          acceptedAt: row.accepted_at,
          appliedAt: row.applied_at,
          replaced: old && { seq: old.seq, state: toState(old) },
        };
      })
      .filter(({ state, replaced }) => digest.isLive(state) || replaced !== undefined);
    await transaction.query(sql`
      INSERT INTO feed_source (tenant_id, source_id, seq) VALUES (${houseFeedId}, ${source.source_id}, ${upTo})
      ON CONFLICT (tenant_id, source_id) DO UPDATE SET seq = excluded.seq`);
    if (entries.length === 0) return;
    const hashedDigest = head.hashedDigest ?? (await sumHashed(transaction, head.subjectKey, digest));
    await appendEntries(transaction, houseFeedId, { ...head, hashedDigest }, entries, digest);
  });
  return rows.length;
}

/**
 * A tenant speaks for its own tokens and for nobody else's, so what it says of a whole issuer
 * strikes that issuer's tokens of this tenant. What it calls tenants is the issuer's own division of
 * its tokens, which this feed does not know.
 */
function stateInHouse(slug: string, row: EntryRow): EntryState | undefined {
  const state = toState(row);
  if (state.scope === "iss") return { ...state, scope: "tenant", sub: slug };
  if (state.scope === "tenant") return undefined;
  return { ...state, tid: slug };
}

function keyOf({ scope, iss, sub, tid }: EntryState): string {
  return JSON.stringify([scope, iss, sub, tid]);
}
