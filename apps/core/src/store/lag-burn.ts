import {
  boundAtLeast,
  bucketOf,
  type BurnWindows,
  type LagStage,
  lagStages,
  type WindowCount,
} from "../domain/index.ts";
import type { Database } from "./database.ts";
import type { StageObjective } from "./objectives.ts";
import { type Sql, sql } from "./sql.ts";

export type BurnCount = { readonly stage: LagStage; readonly windows: BurnWindows };

type BurnRow = {
  stage: LagStage;
  five: number;
  five_late: number;
  half: number;
  half_late: number;
  hour: number;
  hour_late: number;
  six: number;
  six_late: number;
};

/** The tenants of whom anything was ever heard: what is silent is watched as well. */
export async function tenantsHeard(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`
    SELECT tenant_id FROM connection_pulse
    UNION SELECT tenant_id FROM lag_histogram WHERE step_sec = 7200 AND at > now() - interval '8 hours'`);
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

/**
 * How much passed each stage, and how much of it later than the objective says, in the windows of the burn rates. The
 * short windows are counted by minutes and the long ones by quarters of an hour; an objective counts by the bucket
 * that begins at it or next to it. What passed at an unknown distance is neither in time nor late.
 */
export async function burnCounts(
  database: Database,
  tenantId: string,
  objectives: readonly StageObjective[],
): Promise<readonly BurnCount[]> {
  const rows = await database.once<BurnRow>(
    tenantId,
    sql`WITH wanted AS (
        SELECT * FROM unnest(${objectives.map(({ stage }) => stage)}::text[], ${objectives.map(({ p99Ms }) => bucketOf(boundAtLeast(p99Ms)))}::int[]) AS wanted(stage, late_from)
      ), counted AS (
        SELECT stage, step_sec, at, count, CASE WHEN bucket >= late_from THEN count ELSE 0 END AS late FROM lag_histogram JOIN wanted USING (stage)
        WHERE tenant_id = ${tenantId} AND bucket >= 0
          AND (step_sec = 60 AND at >= now() - interval '31 minutes' OR step_sec = 900 AND at >= now() - interval '375 minutes')
      )
      SELECT stage, ${windowOf(60, sql`'6 minutes'`, "five")}, ${windowOf(60, sql`'31 minutes'`, "half")},
        ${windowOf(900, sql`'75 minutes'`, "hour")}, ${windowOf(900, sql`'375 minutes'`, "six")}
      FROM counted GROUP BY stage`,
  );
  const byStage = new Map(rows.map((row) => [row.stage, row]));
  return lagStages.map((stage) => ({ stage, windows: toWindows(byStage.get(stage)) }));
}

const columns = {
  five: [sql`five`, sql`five_late`],
  half: [sql`half`, sql`half_late`],
  hour: [sql`hour`, sql`hour_late`],
  six: [sql`six`, sql`six_late`],
} as const;

/** The step that has just begun counts with those before it. */
function windowOf(stepSec: number, back: Sql, name: keyof typeof columns): Sql {
  const [all, late] = columns[name];
  const inside = sql`FILTER (WHERE step_sec = ${stepSec} AND at > now() - interval ${back})`;
  return sql`coalesce(sum(count) ${inside}, 0)::bigint AS ${all}, coalesce(sum(late) ${inside}, 0)::bigint AS ${late}`;
}

function toWindows(row: BurnRow | undefined): BurnWindows {
  const of = (total = 0, late = 0): WindowCount => ({ total, late });
  return {
    fiveMinutes: of(row?.five, row?.five_late),
    halfHour: of(row?.half, row?.half_late),
    hour: of(row?.hour, row?.hour_late),
    sixHours: of(row?.six, row?.six_late),
  };
}
