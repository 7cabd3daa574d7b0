import {
  type BucketCount,
  DirectoryError,
  figuresOf,
  type LagFigures,
  type LagStage,
  lagStages,
  unknownBucket,
} from "../domain/index.ts";
import type { Database } from "./database.ts";
import { lagSteps } from "./lag-fold.ts";
import { readStanding, type Standing } from "./lag-standing.ts";
import { type Sql, sql } from "./sql.ts";

export type StageLag = LagFigures & {
  /** What passed it at a distance that nobody knows: in no figure, and never zero. */
  readonly unknown: number;
  /** For how long the oldest has waited that has not passed it. */
  readonly oldestWaitingMs: number | undefined;
};

export type Lag = {
  readonly windowSec: number;
  /** Up to when the figures are complete; undefined before anything was folded. */
  readonly asOf: Date | undefined;
  /** Of `publishedToEnforced`: until the slowest gateway that could be counted on had passed it. */
  readonly stages: Readonly<Record<LagStage, StageLag>>;
  /** Events whose sender did not say when they occurred: counted here, and never as zero. */
  readonly occurredUnknown: number;
  /** What waits now, each counted up to `waitingCountMax`. */
  readonly backlog: {
    readonly waiting: number;
    readonly waitingDenials: number;
    readonly oldestWaitingMs: number | undefined;
    readonly deadLetters: number;
    readonly pendingPublication: number;
    readonly notYetEnforced: number;
  };
};

/** The figures of one step of a chart. */
export type LagPoint = {
  readonly at: Date;
  readonly stages: Readonly<Record<LagStage, LagFigures>>;
  readonly occurredUnknown: number;
  readonly enforcedUnknown: number;
};

type StageRow = BucketCount & { readonly stage: string };
type PointRow = StageRow & { readonly at: Date };

const pointsMax = 1_500;

/**
 * What each stage took within the window, which begins with a whole step of what is stored, and what has not passed
 * it yet. A resync's events are only in the backlog: nothing happened when they were written.
 */
export async function readLag(
  database: Database,
  tenantId: string,
  windowSec: number,
  connectionId?: string,
): Promise<Lag> {
  const [counts, standing] = await Promise.all([
    readStageCounts(database, tenantId, windowSec, connectionId),
    readStanding(database, tenantId, connectionId),
  ]);
  const of = (stage: LagStage): readonly BucketCount[] => counts.filter((row) => row.stage === stage);
  const stageLag = (stage: LagStage): StageLag => ({
    ...figuresOf(of(stage)),
    unknown: unknownIn(of(stage)),
    oldestWaitingMs: oldestWaiting(standing, stage),
  });
  return {
    windowSec,
    asOf: standing.foldedAt,
    stages: perStage(stageLag),
    occurredUnknown: unknownIn(of("occurredToAccepted")),
    backlog: {
      waiting: standing.waiting,
      waitingDenials: standing.waitingDenials,
      oldestWaitingMs: standing.oldestUnappliedMs,
      deadLetters: standing.deadLetters,
      pendingPublication: standing.pendingPublication,
      notYetEnforced: standing.notYetEnforced,
    },
  };
}

/** How many passed each stage within a window, by bucket; also what is counted beside the stages. */
export async function readStageCounts(
  database: Database,
  tenantId: string,
  windowSec: number,
  connectionId?: string,
): Promise<readonly StageRow[]> {
  const stepSec = windowSec <= 6 * 3_600 ? 60 : windowSec <= 8 * 86_400 ? 900 : 7_200;
  return database.once<StageRow>(
    tenantId,
    sql`SELECT stage, bucket, sum(count)::bigint AS count, max(max_ms) AS "maxMs" FROM lag_histogram
      WHERE ${within(tenantId, stepSec, sql`now() - ${windowSec} * interval '1 second'`, connectionId)} GROUP BY stage, bucket`,
  );
}

/** The figures of a window step by step, the oldest first; a step in which nothing passed is there, and says so. Throws `value_invalid`. */
export async function readLagHistory(
  database: Database,
  tenantId: string,
  window: { readonly windowSec: number; readonly stepSec: number; readonly connectionId?: string | undefined },
  now: Date,
): Promise<readonly LagPoint[]> {
  const { windowSec, stepSec, connectionId } = window;
  const storedSec = storedStep(windowSec, stepSec);
  const stepMs = stepSec * 1_000;
  const firstMs = Math.floor((now.getTime() - windowSec * 1_000) / stepMs) * stepMs;
  const rows = await database.once<PointRow>(
    tenantId,
    sql`SELECT date_bin(${stepSec} * interval '1 second', at, 'epoch') AS at, stage, bucket, sum(count)::bigint AS count, max(max_ms) AS "maxMs"
      FROM lag_histogram WHERE ${within(tenantId, storedSec, sql`${new Date(firstMs)}::timestamptz`, connectionId)} GROUP BY 1, 2, 3`,
  );
  const byTime = Map.groupBy(rows, ({ at }) => at.getTime());
  const points: LagPoint[] = [];
  for (let atMs = firstMs; atMs <= now.getTime(); atMs += stepMs)
    points.push(pointOf(new Date(atMs), byTime.get(atMs) ?? []));
  return points;
}

export function perStage<Value>(of: (stage: LagStage) => Value): Readonly<Record<LagStage, Value>> {
  return Object.fromEntries(lagStages.map((stage) => [stage, of(stage)])) as Record<LagStage, Value>;
}

export function oldestWaiting(standing: Standing, stage: LagStage): number | undefined {
  // Whatever has not been accepted is known to its sender alone.
  if (stage === "occurredToAccepted") return undefined;
  if (stage === "acceptedToApplied") return standing.oldestUnappliedMs;
  return stage === "appliedToPublished" ? standing.oldestUnpublishedMs : standing.oldestUnenforcedMs;
}

export function unknownIn(counts: readonly BucketCount[]): number {
  return counts.filter(({ bucket }) => bucket === unknownBucket).reduce((sum, { count }) => sum + count, 0);
}

function within(tenantId: string, stepSec: number, since: Sql, connectionId: string | undefined): Sql {
  const own = connectionId === undefined ? sql`` : sql` AND connection_id = ${connectionId}`;
  return sql`tenant_id = ${tenantId} AND step_sec = ${stepSec} AND at >= date_bin(${stepSec} * interval '1 second', ${since}, 'epoch') AND at <= now()${own}`;
}

/** The coarsest stored step that a chart's steps are made of and that reaches back as far as it does. */
function storedStep(windowSec: number, stepSec: number): number {
  if (windowSec / stepSec > pointsMax)
    throw new DirectoryError("value_invalid", `stepSec: at most ${pointsMax} steps at once: take longer ones`);
  const kept = lagSteps.filter(({ keptSec }) => keptSec >= windowSec);
  const fitting = kept.filter(({ sec }) => stepSec % sec === 0).at(-1);
  if (fitting === undefined)
    throw new DirectoryError(
      "value_invalid",
      `stepSec: must be a multiple of ${kept[0]?.sec ?? 7_200} for this window`,
    );
  return fitting.sec;
}

function pointOf(at: Date, rows: readonly StageRow[]): LagPoint {
  const of = (stage: LagStage): readonly BucketCount[] => rows.filter((row) => row.stage === stage);
  return {
    at,
    stages: perStage((stage) => figuresOf(of(stage))),
    occurredUnknown: unknownIn(of("occurredToAccepted")),
    enforcedUnknown: unknownIn(of("publishedToEnforced")),
  };
}
