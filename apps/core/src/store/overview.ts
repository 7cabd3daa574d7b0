import { type BucketCount, figuresOf, type LagStage, silenceOf, stateOf, type StageState } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { goneSec, isSighted } from "./gateways.ts";
import { oldestWaiting, perStage, readStageCounts, unknownIn } from "./lag.ts";
import { readStanding, type Standing } from "./lag-standing.ts";
import { readObjectives } from "./objectives.ts";
import { peopleNow, readHeard } from "./overview-pulse.ts";
import { sql } from "./sql.ts";

/** How a tenant is doing, on one page. */
export type Overview = {
  /** As of their last count, within seconds of a change, or of a minute where there are very many. */
  readonly people: { readonly shutOut: number; readonly admitted: number; readonly countedAt: Date };
  /** Since midnight, UTC. Each subject of a leaver counts for itself. */
  readonly leaversToday: {
    readonly count: number;
    readonly enforced: number;
    readonly p50Ms: number | undefined;
    readonly p99Ms: number | undefined;
    readonly slowestMs: number | undefined;
    /** Waiting to be applied, to be published, or for a gateway that can be heard. */
    readonly notYetEnforced: number;
    /** Published while nobody followed: who enforces it, and since when, is not known. */
    readonly unknown: number;
  };
  readonly joinersToday: { readonly count: number; readonly applied: number };
  /** Of the last quarter of an hour, and of what waits. */
  readonly lag: Readonly<
    Record<LagStage, { readonly p99Ms: number | undefined; readonly objectiveMs: number; readonly state: StageState }>
  >;
  readonly openAlerts: number;
  readonly waiting: number;
  readonly deadLetters: number;
  readonly gateways: { readonly following: number; readonly blind: number };
  readonly connections: readonly {
    readonly slug: string;
    readonly lastEventAt: Date | null;
    /** Undefined where nobody can tell what is usual. */
    readonly silent: boolean | undefined;
  }[];
};

const lagWindowSec = 900;

type Counts = readonly (BucketCount & { readonly stage: string })[];
type PeopleRow = { admitted: number; shut_out: number };
type GatewayRow = { following: number; blind: number };
type ConnectionRow = { slug: string; last: Date | null };

/** Reads the page from what is stored for it: its cost does not grow with users nor with events. */
export async function readOverview(
  database: Database,
  tenantId: string,
  staleSec: number,
  now: Date,
): Promise<Overview> {
  const todaySec = Math.max(1, (now.getTime() % 86_400_000) / 1_000);
  const [today, recent, standing, objectives, heard, openAlerts, people, [gateways], connections] = await Promise.all([
    readToday(database, tenantId, todaySec),
    readStageCounts(database, tenantId, lagWindowSec),
    readStanding(database, tenantId),
    readObjectives(database, tenantId),
    readHeard(database, tenantId, now),
    countOpenAlerts(database, tenantId),
    readPeople(database, tenantId, now),
    readGateways(database, tenantId, staleSec),
    readConnections(database, tenantId),
  ]);
  const objectiveOf = new Map(objectives.map((objective) => [objective.stage, objective]));
  const silent = new Map(
    heard.map(({ slug, heardMs, lastMs }) => [slug, silenceOf(heardMs, lastMs, now.getTime()).isSilent]),
  );
  return {
    people,
    leaversToday: leaversOf(today, standing),
    joinersToday: { count: countOf(today, "joinerAccepted"), applied: countOf(today, "joinerToApplied") },
    lag: perStage((stage) => {
      const objective = objectiveOf.get(stage);
      if (objective === undefined) throw new Error(`no objective of ${stage}`);
      const passed = figuresOf(recent.filter((row) => row.stage === stage)).p99Ms;
      return { ...stateOf(objective, passed, oldestWaiting(standing, stage)), objectiveMs: objective.p99Ms };
    }),
    openAlerts,
    waiting: standing.waiting,
    deadLetters: standing.deadLetters,
    gateways: gateways ?? { following: 0, blind: 0 },
    connections: connections.map(({ slug, last }) => ({ slug, lastEventAt: last, silent: silent.get(slug) })),
  };
}

/** By quarters of an hour, so that the day begins with one of them. */
function readToday(database: Database, tenantId: string, todaySec: number): Promise<Counts> {
  return database.once(
    tenantId,
    sql`SELECT stage, bucket, sum(count)::bigint AS count, max(max_ms) AS "maxMs" FROM lag_histogram
      WHERE tenant_id = ${tenantId} AND step_sec = 900 AND at > now() - ${todaySec} * interval '1 second' - interval '1 second' AND at <= now()
        AND stage IN ('joinerAccepted', 'joinerToApplied', 'leaverToPublished', 'leaverToEnforced')
      GROUP BY stage, bucket`,
  );
}

function leaversOf(today: Counts, standing: Standing): Overview["leaversToday"] {
  const enforced = today.filter(({ stage }) => stage === "leaverToEnforced");
  const { count, p50Ms, p99Ms, maxMs } = figuresOf(enforced);
  const notYetEnforced = standing.waitingDenials + standing.pendingPublication + standing.leaversNotYetEnforced;
  const unknown = unknownIn(enforced);
  return {
    count: Math.max(
      countOf(today, "leaverToPublished") + standing.waitingDenials + standing.pendingPublication,
      count + unknown + notYetEnforced,
    ),
    enforced: count,
    p50Ms,
    p99Ms,
    slowestMs: maxMs,
    notYetEnforced,
    unknown,
  };
}

function countOf(counts: Counts, stage: string): number {
  return counts.filter((row) => row.stage === stage).reduce((sum, { count }) => sum + count, 0);
}

/** Before the first count they are counted here, once. */
async function readPeople(database: Database, tenantId: string, now: Date): Promise<Overview["people"]> {
  const [kept] = await database.once<PeopleRow & { counted_at: Date }>(
    tenantId,
    sql`SELECT admitted, shut_out, counted_at FROM people_count WHERE tenant_id = ${tenantId}`,
  );
  if (kept !== undefined) return { shutOut: kept.shut_out, admitted: kept.admitted, countedAt: kept.counted_at };
  const [counted] = await database.once<PeopleRow>(tenantId, peopleNow(tenantId));
  return { shutOut: counted?.shut_out ?? 0, admitted: counted?.admitted ?? 0, countedAt: now };
}

async function countOpenAlerts(database: Database, tenantId: string): Promise<number> {
  const [row] = await database.once<{ open: number }>(
    tenantId,
    sql`SELECT count(*) AS open FROM alert WHERE tenant_id = ${tenantId} AND resolved_at IS NULL`,
  );
  return row?.open ?? 0;
}

/** Whoever has been silent for an hour is gone, and neither follows nor is blind. */
function readGateways(database: Database, tenantId: string, staleSec: number): Promise<readonly GatewayRow[]> {
  return database.once(
    tenantId,
    sql`SELECT count(*) FILTER (WHERE ${isSighted(staleSec)}) AS following, count(*) FILTER (WHERE NOT ${isSighted(staleSec)}) AS blind
      FROM receipt WHERE tenant_id = ${tenantId} AND received_at > now() - ${goneSec} * interval '1 second'`,
  );
}

function readConnections(database: Database, tenantId: string): Promise<readonly ConnectionRow[]> {
  return database.once(
    tenantId,
    sql`SELECT connection.slug, pulse.last_event_at AS last FROM connection
      LEFT JOIN connection_pulse AS pulse ON pulse.connection_id = connection.id
      WHERE connection.tenant_id = ${tenantId} AND connection.removed_at IS NULL ORDER BY connection.slug LIMIT 200`,
  );
}
