import { countDrift, type Difference, type DriftCounts, type SubjectKind } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { keepDifferences, noteHealed } from "./drift-rows.ts";
import { columns, type ResyncCursor, type ResyncRun, type Row, toRun } from "./resync-runs.ts";
import { sql } from "./sql.ts";

/** Which runs a process looks for: one that is short must not wait behind one that is long, nor one that somebody waits for behind the schedule's. */
export type ResyncLine = "short" | "asked" | "scheduled";

export type TakenResync = { readonly tenantId: string; readonly run: ResyncRun };

/** What one step of a run has come to. */
export type ResyncStep = {
  /** How many subjects it has looked at that the run is about. */
  readonly compared: number;
  readonly waiting: number;
  readonly differences: readonly Difference[];
  /** Whose events are to be written. */
  readonly events: readonly { readonly kind: SubjectKind; readonly ids: readonly string[] }[];
  /** Subjects that were looked at for the sake of what had been found before. */
  readonly again?: { readonly ids: readonly string[]; readonly differences: readonly Difference[] };
  /** Where the next one goes on; undefined after the last. */
  readonly cursor: ResyncCursor | undefined;
};

export type RecordedStep = { readonly run: ResyncRun; readonly lanes: readonly number[] };

// A process that was killed in the middle of a step is followed by another after it.
const heldSec = 10;
/** A step that nobody survives so many times is nobody's bad luck. */
const attemptsMax = 20;

/** Takes a run in hand that nobody is at, the oldest first. */
export async function takeResync(database: Database, line: ResyncLine): Promise<TakenResync | undefined> {
  const which = {
    short: sql`scope IN ('user', 'group')`,
    asked: sql`scope IN ('connection', 'tenant') AND cause = 'admin'`,
    scheduled: sql`scope IN ('connection', 'tenant') AND cause = 'schedule'`,
  }[line];
  const open = await database.house<{ id: string; tenant_id: string }>(sql`
    SELECT id, tenant_id FROM reconcile_run
    WHERE state IN ('queued', 'running') AND (taken_until IS NULL OR taken_until < now()) AND ${which} ORDER BY started_at LIMIT 10`);
  for (const { id, tenant_id: tenantId } of open) {
    const [row] = await database.once<Row & { attempts: number }>(
      tenantId,
      sql`UPDATE reconcile_run SET state = CASE WHEN attempts < ${attemptsMax} THEN 'running' ELSE 'failed' END, begun_at = coalesce(begun_at, now()),
          taken_until = now() + ${heldSec} * interval '1 second', attempts = attempts + 1, finished_at = CASE WHEN attempts >= ${attemptsMax} THEN now() END
        WHERE id = ${id} AND state IN ('queued', 'running') AND (taken_until IS NULL OR taken_until < now()) RETURNING ${columns}, attempts`,
    );
    if (row !== undefined && row.state === "running") return { tenantId, run: toRun(row) };
  }
  return undefined;
}

/**
 * Records a step, with everything that follows from it, in one transaction: a process that is killed
 * has done all of it or nothing, and whoever goes on begins with it or behind it. Undefined where the
 * run was cancelled, or somebody else has gone on with it.
 */
export async function recordStep(
  database: Database,
  tenantId: string,
  run: ResyncRun,
  step: ResyncStep,
): Promise<RecordedStep | undefined> {
  return database.inTenant(tenantId, async (transaction) => {
    if (!(await holdRun(transaction, run))) return undefined;
    await keepDifferences(transaction, tenantId, run.id, step.differences);
    const { again } = step;
    const healed = again === undefined ? 0 : await noteHealed(transaction, run.id, again.ids, again.differences);
    const lanes: number[] = [];
    for (const { kind, ids } of step.events) lanes.push(...(await writeEvents(transaction, tenantId, run, kind, ids)));
    const found: DriftCounts = countDrift(run.found, step.differences);
    const [row] = await transaction.query<Row>(sql`
      UPDATE reconcile_run SET cursor = ${jsonOf(step.cursor)}::jsonb, compared = compared + ${step.compared}, waiting = waiting + ${step.waiting},
        found = ${JSON.stringify(found)}::jsonb, enqueued = enqueued + ${lanes.length}, healed = healed + ${healed},
        taken_until = now() + ${heldSec} * interval '1 second', attempts = 0,
        state = CASE WHEN ${step.cursor === undefined} THEN 'finished' ELSE state END, finished_at = CASE WHEN ${step.cursor === undefined} THEN now() END
      WHERE id = ${run.id} RETURNING ${columns}`);
    return row && { run: toRun(row), lanes: [...new Set(lanes)] };
  });
}

/** Counts what has become of the run's events, and says that it goes on. Undefined where it does not. */
export async function followEvents(
  database: Database,
  tenantId: string,
  run: ResyncRun,
): Promise<{ readonly run: ResyncRun; readonly waiting: number } | undefined> {
  return database.inTenant(tenantId, async (transaction) => {
    if (!(await holdRun(transaction, run))) return undefined;
    const of = sql`tenant_id = ${tenantId} AND accepted_at >= ${run.startedAt} AND source = 'resync' AND starts_with(source_event_id, ${run.id}::text)`;
    const [count] = await transaction.query<{ waiting: number; dead: number }>(sql`
      SELECT (SELECT count(*) FROM lifecycle_event WHERE ${of} AND applied_at IS NULL AND dead_at IS NULL) AS waiting,
        (SELECT count(*) FROM lifecycle_event WHERE ${of} AND dead_at IS NOT NULL) AS dead`);
    const { waiting = 0, dead = 0 } = count ?? {};
    const [row] = await transaction.query<Row>(sql`
      UPDATE reconcile_run SET applied = enqueued - ${waiting}::int - ${dead}::int, dead = ${dead}, taken_until = now() + ${heldSec} * interval '1 second', attempts = 0
      WHERE id = ${run.id} RETURNING ${columns}`);
    return row && { run: toRun(row), waiting };
  });
}

/** Lets go of a run that is to be gone on with later; the reason names the fault, never the data. */
export async function releaseResync(
  database: Database,
  tenantId: string,
  runId: string,
  delayMs: number,
  reason?: string,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE reconcile_run SET taken_until = now() + ${delayMs} * interval '1 millisecond', last_error = coalesce(${reason ?? null}, last_error)
      WHERE id = ${runId} AND state = 'running'`,
  );
}

/** Whether the run is still as this process knows it; locked, so that it stays so. */
async function holdRun(transaction: Transaction, run: ResyncRun): Promise<boolean> {
  const [held] = await transaction.query(sql`
    SELECT FROM reconcile_run WHERE id = ${run.id} AND state = 'running' AND cursor IS NOT DISTINCT FROM ${jsonOf(run.cursor)}::jsonb FOR UPDATE`);
  return held !== undefined;
}

function jsonOf(cursor: ResyncCursor | undefined): string | null {
  return cursor === undefined ? null : JSON.stringify(cursor);
}

/**
 * Writes one event for each subject, and answers its lane. Written twice, an event is the same one.
 * What the directory has never had goes by the tenant's first connection, and is denying: it is to be
 * shut out.
 */
async function writeEvents(
  transaction: Transaction,
  tenantId: string,
  { id: runId, heals }: Pick<ResyncRun, "id" | "heals">,
  kind: SubjectKind,
  ids: readonly string[],
): Promise<readonly number[]> {
  if (ids.length === 0) return [];
  // Of everybody, most are denied already and wait for nothing: what happens meanwhile goes before them.
  const isDenied = sql`(${heals === "all"}::boolean AND EXISTS (
    SELECT FROM denial WHERE denial.origin_id = subject.id AND reason IN ('idp_inactive', 'idp_deleted')))`;
  const [subject, denying] =
    kind === "user"
      ? [
          sql`directory_user`,
          sql`subject.id IS NULL OR (NOT subject.active OR subject.deleted_at IS NOT NULL) AND NOT ${isDenied}`,
        ]
      : [sql`directory_group`, sql`false`];
  const rows = await transaction.query<{ lane: number }>(sql`
    INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
    SELECT ${tenantId}, named.connection_id, 'resync', ${runId}::text || ':' || named.id, ${`${kind}.resync`}, ${kind}, named.id, named.denying, rollcall_lane(named.id)
    FROM (
      SELECT DISTINCT id.id, coalesce(subject.connection_id, (SELECT id FROM connection ORDER BY id LIMIT 1)) AS connection_id, ${denying} AS denying
      FROM unnest(${ids}::uuid[]) AS id(id) LEFT JOIN ${subject} AS subject ON subject.id = id.id
    ) AS named WHERE named.connection_id IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING lane`);
  return rows.map(({ lane }) => lane);
}
