import type { Database } from "./database.ts";
import { forgottenReason } from "./publish.ts";
import { type Sql, sql } from "./sql.ts";

export type StageLag = {
  /** How many times the stage was passed within the window. The figures are undefined where it was never. */
  readonly count: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
};

export type Lag = {
  readonly windowSec: number;
  readonly stages: {
    readonly occurredToAccepted: StageLag;
    readonly acceptedToApplied: StageLag;
    readonly appliedToPublished: StageLag;
    /** Until the slowest gateway that could be counted on had passed it; what no gateway has passed yet is not in it. */
    readonly publishedToEnforced: StageLag;
  };
  /** Events whose sender did not say when they occurred: counted here, and never as zero. */
  readonly occurredUnknown: number;
  readonly backlog: {
    readonly waiting: number;
    readonly waitingDenials: number;
    readonly oldestWaitingMs: number | undefined;
    readonly deadLetters: number;
    readonly pendingPublication: number;
  };
};

type StageRow = {
  stage: keyof Lag["stages"];
  count: number;
  p50: number | null;
  p99: number | null;
  max: number | null;
};
type BacklogRow = {
  waiting: number;
  denials: number;
  oldest: number | null;
  dead: number;
  pending: number;
  unknown: number;
};

/**
 * What each stage took, from the timestamps that the events themselves carry, for everything that
 * passed it within the window. A resync's events are only in the backlog: nothing happened when they
 * were written, and they stand back for what did.
 */
export async function readLag(
  database: Database,
  tenantId: string,
  windowSec: number,
  connectionId?: string,
): Promise<Lag> {
  const since = sql`now() - ${windowSec} * interval '1 second'`;
  const own = connectionId === undefined ? sql`` : sql` AND connection_id = ${connectionId}`;
  const happened = sql`${own} AND source <> 'resync'`;
  const [stages, [backlog]] = await database.inTenant(tenantId, (transaction) =>
    Promise.all([
      transaction.query<StageRow>(sql`
        ${stage(sql`'occurredToAccepted'`, sql`accepted_at - occurred_at`, sql`lifecycle_event WHERE tenant_id = ${tenantId} AND accepted_at > ${since} AND occurred_at IS NOT NULL${happened}`)}
        UNION ALL
        ${stage(sql`'acceptedToApplied'`, sql`applied_at - accepted_at`, sql`lifecycle_event WHERE tenant_id = ${tenantId} AND accepted_at > ${since} AND applied_at IS NOT NULL${happened}`)}
        UNION ALL
        ${stage(sql`'appliedToPublished'`, sql`published_at - feed_entry.applied_at`, publishedWithin(since, connectionId))}
        UNION ALL
        ${stage(sql`'publishedToEnforced'`, sql`enforced.at - published_at`, enforcedWithin(since, connectionId))}`),
      transaction.query<BacklogRow>(sql`
        SELECT
          (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND applied_at IS NULL AND dead_at IS NULL${own}) AS waiting,
          (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND denying AND applied_at IS NULL AND dead_at IS NULL${own}) AS denials,
          (SELECT ${milliseconds(sql`now() - min(accepted_at)`)} FROM lifecycle_event WHERE tenant_id = ${tenantId} AND applied_at IS NULL AND dead_at IS NULL${own}) AS oldest,
          (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND dead_at IS NOT NULL${own}) AS dead,
          (SELECT count(*) FROM feed_pending) AS pending,
          (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND accepted_at > ${since} AND occurred_at IS NULL${happened}) AS unknown`),
    ]),
  );
  if (backlog === undefined) throw new Error("the backlog could not be read");
  const of = (name: StageRow["stage"]): StageLag => toStage(stages.find((row) => row.stage === name));
  return {
    windowSec,
    stages: {
      occurredToAccepted: of("occurredToAccepted"),
      acceptedToApplied: of("acceptedToApplied"),
      appliedToPublished: of("appliedToPublished"),
      publishedToEnforced: of("publishedToEnforced"),
    },
    occurredUnknown: backlog.unknown,
    backlog: {
      waiting: backlog.waiting,
      waitingDenials: backlog.denials,
      oldestWaitingMs: backlog.oldest ?? undefined,
      deadLetters: backlog.dead,
      pendingPublication: backlog.pending,
    },
  };
}

function stage(name: Sql, took: Sql, source: Sql): Sql {
  const ms = milliseconds(took);
  return sql`SELECT ${name} AS stage, count(*) AS count, percentile_cont(0.5) WITHIN GROUP (ORDER BY ${ms}) AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY ${ms}) AS p99, max(${ms}) AS max FROM ${source}`;
}

/** A denial of our own belongs to no connection; and that a key is forgotten is nothing that anybody waited for. */
function publishedWithin(since: Sql, connectionId: string | undefined, join = sql``): Sql {
  const told = sql`published_at > ${since} AND feed_entry.reason <> ${forgottenReason}`;
  if (connectionId === undefined) return sql`feed_entry ${join} WHERE ${told}`;
  return sql`feed_entry JOIN lifecycle_event ON lifecycle_event.id = feed_entry.event_id ${join}
    WHERE ${told} AND lifecycle_event.connection_id = ${connectionId}`;
}

/** The first mark at or behind an entry says since when it is enforced. */
function enforcedWithin(since: Sql, connectionId: string | undefined): Sql {
  const first = sql`JOIN LATERAL (
      SELECT greatest(enforced_at, published_at) AS at FROM feed_mark
      WHERE feed_mark.tenant_id = feed_entry.tenant_id AND feed_mark.seq >= feed_entry.seq ORDER BY feed_mark.seq LIMIT 1
    ) AS enforced ON true`;
  return publishedWithin(since, connectionId, first);
}

function milliseconds(interval: Sql): Sql {
  return sql`(extract(epoch FROM ${interval}) * 1000)::double precision`;
}

function toStage(row: StageRow | undefined): StageLag {
  return { count: row?.count ?? 0, p50Ms: rounded(row?.p50), p99Ms: rounded(row?.p99), maxMs: rounded(row?.max) };
}

function rounded(ms: number | null | undefined): number | undefined {
  return ms === null || ms === undefined ? undefined : Math.round(ms * 100) / 100;
}
