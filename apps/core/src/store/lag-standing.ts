import type { Database } from "./database.ts";
import { goneSec } from "./gateways.ts";
import { leftNow } from "./lag-samples.ts";
import { forgottenReason } from "./publish.ts";
import { type Sql, sql } from "./sql.ts";

/** What waits at this moment, and for how long the oldest of it has: a stage that stands still passes nothing, and shows here. */
export type Standing = {
  /** So many at most are counted: past it the number is this one. */
  readonly waiting: number;
  readonly waitingDenials: number;
  readonly deadLetters: number;
  readonly pendingPublication: number;
  /** Entries that a gateway which can be heard has not passed yet. */
  readonly notYetEnforced: number;
  /** Denials of leavers among them. */
  readonly leaversNotYetEnforced: number;
  readonly oldestUnappliedMs: number | undefined;
  readonly oldestUnpublishedMs: number | undefined;
  readonly oldestUnenforcedMs: number | undefined;
  /** Whether a gateway has been heard within the hour that follows this tenant's own feed. */
  readonly isFollowed: boolean;
  /** Up to when the stored figures are complete. */
  readonly foldedAt: Date | undefined;
};

const waitingCountMax = 10_000;

type StandingRow = {
  waiting: number;
  denials: number;
  dead: number;
  pending: number;
  unenforced: number;
  leavers: number;
  unapplied_ms: number | null;
  unpublished_ms: number | null;
  unenforced_ms: number | null;
  followed: boolean;
  folded_at: Date | null;
};

/** Reads what waits in a tenant, or in one of its connections; as much of it as `waitingCountMax`, however much it is. */
export async function readStanding(database: Database, tenantId: string, connectionId?: string): Promise<Standing> {
  const [row] = await database.once<StandingRow>(tenantId, standingStatement(tenantId, connectionId));
  if (row === undefined) throw new Error("what waits could not be read");
  return {
    waiting: row.waiting,
    waitingDenials: row.denials,
    deadLetters: row.dead,
    pendingPublication: row.pending,
    notYetEnforced: row.followed ? row.unenforced : 0,
    leaversNotYetEnforced: row.followed ? row.leavers : 0,
    oldestUnappliedMs: aged(row.unapplied_ms),
    oldestUnpublishedMs: aged(row.unpublished_ms),
    oldestUnenforcedMs: row.followed ? aged(row.unenforced_ms) : undefined,
    isFollowed: row.followed,
    foldedAt: row.folded_at ?? undefined,
  };
}

function standingStatement(tenantId: string, connectionId: string | undefined): Sql {
  const own = connectionId === undefined ? sql`` : sql` AND connection_id = ${connectionId}`;
  const unapplied = sql`lifecycle_event WHERE tenant_id = ${tenantId} AND applied_at IS NULL AND dead_at IS NULL${own}`;
  // Bounded on both sides: a plan that is made once for all values takes an open end for a third of the log.
  const behind = sql`feed_entry WHERE tenant_id = ${tenantId} AND seq > (SELECT seq FROM mark) AND seq <= (SELECT seq FROM mark) + ${waitingCountMax} AND reason <> ${forgottenReason}`;
  return sql`WITH mark AS MATERIALIZED (SELECT coalesce(max(seq), 0) AS seq FROM feed_mark WHERE tenant_id = ${tenantId})
    SELECT ${counted(unapplied)} AS waiting,
      ${counted(sql`${unapplied} AND denying`)} AS denials,
      ${counted(sql`lifecycle_event WHERE tenant_id = ${tenantId} AND dead_at IS NOT NULL AND dropped_at IS NULL${own}`)} AS dead,
      ${counted(sql`feed_pending WHERE tenant_id = ${tenantId}`)} AS pending,
      ${counted(behind)} AS unenforced,
      ${counted(sql`${behind} AND ${leftNow(sql`feed_entry`)}`)} AS leavers,
      greatest(
        -- A resync's events stand back for what happened, and there may be very many: the oldest are looked through.
        (SELECT ${age(sql`min(accepted_at)`)} FROM (SELECT source, accepted_at FROM ${unapplied} ORDER BY accepted_at LIMIT ${waitingCountMax}) AS oldest WHERE source <> 'resync'),
        (SELECT ${age(sql`min(accepted_at)`)} FROM ${unapplied} AND denying)
      ) AS unapplied_ms,
      (SELECT ${age(sql`coalesce(standing.applied_at, pending.accepted_at)`)} FROM feed_pending AS pending
        LEFT JOIN revocation AS standing ON standing.tenant_id = pending.tenant_id AND standing.scope = pending.scope AND standing.iss = pending.iss AND standing.sub = pending.sub
        WHERE pending.tenant_id = ${tenantId} ORDER BY pending.id LIMIT 1) AS unpublished_ms,
      (SELECT ${age(sql`published_at`)} FROM ${behind} ORDER BY seq LIMIT 1) AS unenforced_ms,
      EXISTS (SELECT FROM receipt WHERE tenant_id = ${tenantId} AND received_at > now() - ${goneSec} * interval '1 second') AS followed,
      (SELECT folded_at FROM lag_cursor WHERE stage = 'accepted') AS folded_at`;
}

function counted(from: Sql): Sql {
  return sql`(SELECT count(*) FROM (SELECT FROM ${from} LIMIT ${waitingCountMax}) AS found)`;
}

function age(since: Sql): Sql {
  return sql`(extract(epoch FROM now() - ${since}) * 1000)::double precision`;
}

function aged(ms: number | null): number | undefined {
  return ms === null ? undefined : Math.max(0, Math.round(ms));
}
