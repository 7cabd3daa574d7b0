import type { Database } from "./database.ts";
import { houseFeedId } from "./feeds.ts";
import { goneSec } from "./gateways.ts";
import { countedIn, happenedAtSender, leftNow, noConnectionId, tookMs } from "./lag-samples.ts";
import { forgottenReason } from "./publish.ts";
import { type Sql, sql } from "./sql.ts";

/** What one fold has counted, for whoever keeps counters of their own. */
export type Folded = {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly stage: string;
  readonly bucket: number;
  readonly count: number;
  readonly sumMs: number;
};

/** How long each step of the histograms is kept: minutes for today, two hours for a month. */
export const lagSteps: readonly { readonly sec: number; readonly keptSec: number }[] = [
  { sec: 60, keptSec: 2 * 86_400 },
  { sec: 900, keptSec: 15 * 86_400 },
  { sec: 7_200, keptSec: 31 * 86_400 },
];

/** So much one statement folds: what it locks is waited for by nobody but another leader. */
const pieceMax = 20_000;

/**
 * Adds what has passed each stage since the last fold to the stored histograms. The cursor and the counts move in
 * one statement under the cursor's lock, so a leader that is killed neither loses nor doubles anything, and two at
 * once take turns. Answers what was counted.
 */
export async function foldLag(database: Database): Promise<readonly Folded[]> {
  const upTo = await settledEventId(database);
  const folded: Folded[] = [];
  for (const piece of [() => foldAccepted(database, upTo), () => foldApplied(database)])
    folded.push(...(await untilNothingMoves(piece)));
  await beginCursors(database);
  for (const piece of [() => foldPublished(database), () => foldEnforced(database), () => passUnfollowed(database)])
    folded.push(...(await untilNothingMoves(piece)));
  return folded;
}

type Piece = { readonly moved: number; readonly folded: readonly Folded[] | null };

async function untilNothingMoves(piece: () => Promise<Piece>): Promise<readonly Folded[]> {
  const folded: Folded[] = [];
  for (;;) {
    const { moved, folded: some } = await piece();
    folded.push(...(some ?? []));
    if (moved === 0) return folded;
  }
}

/**
 * The last event up to which no other is still to come. Ids are given before the commit, so a lower one may become
 * visible after a higher one. Whoever may still write one has held the table's lock since before they were given
 * it: once everybody who held it at that moment has let go, nothing below is outstanding. Where one holds on for
 * long, the fold stays where it was.
 */
async function settledEventId(database: Database, patienceMs = 1_000): Promise<number> {
  const [last] = await database.house<{ id: number }>(sql`SELECT coalesce(max(id), 0) AS id FROM lifecycle_event`);
  // After the id was read: who comes later is given a higher one.
  let writers = await readWriters(database);
  const giveUpAt = performance.now() + patienceMs;
  while (writers.length > 0) {
    if (performance.now() > giveUpAt) return 0;
    await new Promise((resolve) => setTimeout(resolve, 20));
    const still = new Set(await readWriters(database));
    writers = writers.filter((writer) => still.has(writer));
  }
  return last?.id ?? 0;
}

async function readWriters(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ writer: string }>(sql`
    SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
    WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation = 'lifecycle_event'::regclass AND mode = 'RowExclusiveLock' AND granted`);
  return rows.map(({ writer }) => writer);
}

/** A feed that began after the last fold is folded from its beginning. */
async function beginCursors(database: Database): Promise<void> {
  await database.house(sql`
    INSERT INTO lag_cursor (stage, feed_id, position)
    SELECT stage, meta.tenant_id, 0 FROM feed_meta AS meta, (VALUES ('published'), ('enforced')) AS told(stage)
    WHERE NOT EXISTS (SELECT FROM lag_cursor WHERE lag_cursor.stage = told.stage AND feed_id = meta.tenant_id)
    ON CONFLICT DO NOTHING`);
}

/** What a sender dates after its arrival was not sent in no time: its clock is wrong, and the distance unknown. */
function foldAccepted(database: Database, upTo: number): Promise<Piece> {
  const range = sql`WITH cursor AS (
      SELECT position, least(position + ${pieceMax}, ${upTo}) AS up_to FROM lag_cursor
      WHERE stage = 'accepted' AND feed_id = ${noConnectionId} FOR UPDATE
    ), moved AS (
      UPDATE lag_cursor SET position = greatest(lag_cursor.position, cursor.up_to), folded_at = CASE WHEN ${upTo} > 0 THEN now() ELSE folded_at END
      FROM cursor WHERE stage = 'accepted' AND feed_id = ${noConnectionId}
      RETURNING cursor.up_to > cursor.position AS is_further
    ), event AS (
      SELECT tenant_id, connection_id, kind, denying, occurred_at, accepted_at FROM lifecycle_event, cursor
      WHERE id > cursor.position AND id <= cursor.up_to AND ${happenedAtSender}
    ), heard AS (
      INSERT INTO connection_pulse AS pulse (connection_id, tenant_id, last_event_at)
      SELECT connection_id, tenant_id, max(accepted_at) FROM event GROUP BY connection_id, tenant_id ORDER BY connection_id
      ON CONFLICT (connection_id) DO UPDATE SET last_event_at = greatest(pulse.last_event_at, excluded.last_event_at)
    )`;
  const passed = sql`
    SELECT tenant_id, connection_id, 'occurredToAccepted' AS stage, accepted_at AS at, ${tookMs(sql`occurred_at`, sql`accepted_at`)} AS ms FROM event
    UNION ALL SELECT tenant_id, connection_id, 'joinerAccepted', accepted_at, NULL FROM event WHERE kind = 'user.created' AND NOT denying`;
  return fold(
    database,
    sql`${range}, counted AS (${countedIn(passed)})`,
    sql`SELECT count(*) FROM moved WHERE is_further`,
  );
}

/** Workers have counted already: each of their notes is taken away by the statement that adds it up. */
function foldApplied(database: Database): Promise<Piece> {
  return fold(
    database,
    sql`WITH moved AS (
      DELETE FROM lag_sample WHERE ctid = ANY(ARRAY(SELECT ctid FROM lag_sample LIMIT ${pieceMax}))
      RETURNING tenant_id, connection_id, stage, at, bucket, count, sum_ms, max_ms
    ), counted AS (
      SELECT tenant_id, connection_id, stage, at, bucket, sum(count)::bigint AS count, sum(sum_ms) AS sum_ms, max(max_ms) AS max_ms
      FROM moved GROUP BY 1, 2, 3, 4, 5
    )`,
    sql`SELECT count(*) FROM moved`,
  );
}

/** Sequences are given at the commit, in order: a feed's head is all that there is to know. The feed of all tenants repeats theirs. */
function foldPublished(database: Database): Promise<Piece> {
  const range = sql`WITH ${cursors(
    sql`'published'`,
    sql`JOIN feed_meta AS meta ON meta.tenant_id = cursor.feed_id AND meta.seq > cursor.position`,
    sql`meta.seq`,
  )}, ${entriesBehind}`;
  const passed = sql`
    SELECT tenant_id, connection_id, 'appliedToPublished' AS stage, published_at AS at, ${tookMs(sql`applied_at`, sql`published_at`)} AS ms FROM entry WHERE feed_id <> ${houseFeedId}
    UNION ALL SELECT tenant_id, connection_id, 'leaverToPublished', published_at, ${tookMs(sql`accepted_at`, sql`published_at`)} FROM entry WHERE feed_id <> ${houseFeedId} AND left_now`;
  return fold(database, sql`${range}, counted AS (${countedIn(passed)})`, sql`SELECT count(*) FROM moved`);
}

/** The first mark at or behind an entry says since when the slowest gateway that can be counted on enforces it. */
function foldEnforced(database: Database): Promise<Piece> {
  const range = sql`WITH ${cursors(
    sql`'enforced'`,
    sql`JOIN LATERAL (SELECT seq FROM feed_mark WHERE feed_mark.tenant_id = cursor.feed_id ORDER BY seq DESC LIMIT 1) AS mark ON mark.seq > cursor.position`,
    sql`mark.seq`,
  )}, ${entriesBehind}, enforced AS (
      SELECT entry.*, greatest(mark.enforced_at, entry.published_at) AS enforced_at FROM entry CROSS JOIN LATERAL (
        SELECT enforced_at FROM feed_mark WHERE feed_mark.tenant_id = entry.feed_id AND feed_mark.seq >= entry.seq ORDER BY seq LIMIT 1
      ) AS mark
    )`;
  const passed = sql`
    SELECT tenant_id, connection_id, 'publishedToEnforced' AS stage, enforced_at AS at, ${tookMs(sql`published_at`, sql`enforced_at`)} AS ms FROM enforced
    UNION ALL SELECT tenant_id, connection_id, 'leaverToEnforced', enforced_at, ${tookMs(sql`accepted_at`, sql`enforced_at`)} FROM enforced WHERE left_now`;
  return fold(database, sql`${range}, counted AS (${countedIn(passed)})`, sql`SELECT count(*) FROM moved`);
}

/** What was published while no gateway followed is enforced by nobody knows whom, and since nobody knows when. */
function passUnfollowed(database: Database): Promise<Piece> {
  const isFollowed = (feedId: Sql): Sql =>
    sql`EXISTS (SELECT FROM receipt WHERE receipt.tenant_id = ${feedId} AND received_at > now() - ${goneSec} * interval '1 second')`;
  const range = sql`WITH ${cursors(
    sql`'enforced'`,
    sql`JOIN feed_meta AS meta ON meta.tenant_id = cursor.feed_id AND meta.seq > cursor.position AND NOT ${isFollowed(sql`cursor.feed_id`)}`,
    sql`meta.seq`,
  )}, ${entriesBehind}, untold AS (
      -- Whoever follows all tenants is told by their feed, and counted there.
      SELECT * FROM entry WHERE feed_id <> ${houseFeedId} AND NOT ${isFollowed(sql`${houseFeedId}::uuid`)}
    )`;
  const passed = sql`
    SELECT tenant_id, connection_id, 'publishedToEnforced' AS stage, published_at AS at, NULL::double precision AS ms FROM untold
    UNION ALL SELECT tenant_id, connection_id, 'leaverToEnforced', published_at, NULL FROM untold WHERE left_now`;
  return fold(database, sql`${range}, counted AS (${countedIn(passed)})`, sql`SELECT count(*) FROM moved`);
}

/** Moves the cursors of feeds that have something to fold, under their locks, by a piece of each at most. */
function cursors(stage: Sql, ahead: Sql, upTo: Sql): Sql {
  return sql`cursor AS (
      SELECT cursor.feed_id, cursor.position, least(cursor.position + ${pieceMax}, ${upTo}) AS up_to
      FROM lag_cursor AS cursor ${ahead}
      WHERE cursor.stage = ${stage} ORDER BY cursor.feed_id LIMIT 100 FOR UPDATE OF cursor
    ), moved AS (
      UPDATE lag_cursor SET position = cursor.up_to, folded_at = now() FROM cursor
      WHERE lag_cursor.stage = ${stage} AND lag_cursor.feed_id = cursor.feed_id AND cursor.up_to > cursor.position RETURNING cursor.feed_id
    )`;
}

/**
 * The entries that the cursors pass, each with its tenant and its connection: a denial of our own belongs to none.
 * That a key is forgotten is nothing that anybody waited for. Whoever was let in until this entry has left now.
 */
const entriesBehind = sql`entry AS (
    SELECT entry.tenant_id AS feed_id, entry.seq, coalesce(house.id, entry.tenant_id) AS tenant_id, coalesce(event.connection_id, ${noConnectionId}) AS connection_id,
      entry.accepted_at, entry.applied_at, entry.published_at,
      ${leftNow(sql`entry`)} AND event.source IS DISTINCT FROM 'canary' AS left_now
    FROM cursor JOIN feed_entry AS entry ON entry.tenant_id = cursor.feed_id AND entry.seq > cursor.position AND entry.seq <= cursor.up_to
    LEFT JOIN lifecycle_event AS event ON event.id = entry.event_id
    LEFT JOIN tenant AS house ON entry.tenant_id = ${houseFeedId} AND house.slug = coalesce(entry.tid, CASE WHEN entry.scope = 'tenant' THEN entry.sub END)
    WHERE entry.reason <> ${forgottenReason} AND (entry.tenant_id <> ${houseFeedId} OR house.id IS NOT NULL)
  )`;

/** Adds `counted` to the histogram of each step, in one order for all, so that two leaders never wait for each other. */
async function fold(database: Database, counting: Sql, moved: Sql): Promise<Piece> {
  const [piece] = await database.house<{ moved: number; folded: readonly Folded[] | null }>(sql`${counting}, added AS (
      INSERT INTO lag_histogram AS held (tenant_id, step_sec, at, stage, connection_id, bucket, count, sum_ms, max_ms)
      SELECT tenant_id, step.sec, date_bin(step.sec * interval '1 second', at, 'epoch'), stage, connection_id, bucket, sum(count), sum(sum_ms), max(max_ms)
      FROM counted, unnest(${lagSteps.map(({ sec }) => sec)}::int[]) AS step(sec) GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
      ON CONFLICT (tenant_id, step_sec, at, stage, connection_id, bucket) DO UPDATE
        SET count = held.count + excluded.count, sum_ms = held.sum_ms + excluded.sum_ms, max_ms = greatest(held.max_ms, excluded.max_ms)
    )
    SELECT (${moved}) AS moved, (SELECT jsonb_agg(told) FROM (
      SELECT tenant_id AS "tenantId", connection_id AS "connectionId", stage, bucket, sum(count)::bigint AS count, sum(sum_ms) AS "sumMs" FROM counted GROUP BY 1, 2, 3, 4
    ) AS told) AS folded`);
  if (piece === undefined) throw new Error("a fold answered nothing");
  return piece;
}

/** Forgets what each step is kept no longer for. Answers how many counts are gone. */
export async function trimLag(database: Database): Promise<number> {
  let gone = 0;
  for (const { sec, keptSec } of lagSteps)
    for (;;) {
      const rows = await database.house(sql`
        DELETE FROM lag_histogram WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM lag_histogram WHERE step_sec = ${sec} AND at < now() - ${keptSec} * interval '1 second' LIMIT ${pieceMax}
        )) RETURNING step_sec`);
      gone += rows.length;
      if (rows.length < pieceMax) break;
    }
  return gone;
}
