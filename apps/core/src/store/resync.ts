import { DirectoryError } from "../domain/index.ts";
import { userIdOf } from "./admin-users.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

export type ResyncScope =
  | { readonly scope: "user"; readonly userId: string }
  | { readonly scope: "connection"; readonly connectionId: string }
  | { readonly scope: "tenant" };

export type ResyncRun = {
  readonly id: string;
  readonly scope: ResyncScope;
  readonly connectionIds: readonly string[];
  readonly total: number;
};

export type ResyncProgress = {
  readonly id: string;
  readonly scope: "user" | "connection" | "tenant";
  readonly total: number;
  /** Subjects whose event is written. */
  readonly enqueued: number;
  readonly applied: number;
  /** Subjects whose event was given up; their reasons are in the dead letters. */
  readonly dead: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
};

export type ResyncPace = {
  /** Tells the workers that these lanes have work. */
  wake(lanes: readonly number[]): void;
  wait(ms: number): Promise<void>;
  /** The process is shutting down. */
  isStopped(): boolean;
};

const chunkMax = 5_000;
// A resync never fills the lanes: what happens meanwhile must not wait behind a million subjects.
const waitingMax = 2 * chunkMax;
const paceMs = 50;

/** Opens a run and counts what it will cover. Throws `not_found`. Its events are written by `enqueueResync`. */
export async function startResync(
  database: Database,
  tenantId: string,
  runId: string,
  scope: ResyncScope,
  actor: string,
): Promise<ResyncRun> {
  return database.inTenant(tenantId, async (transaction) => {
    const connectionIds = await connectionsOf(transaction, scope);
    const subjectId = scope.scope === "user" ? await userIdOf(transaction, scope.userId) : undefined;
    if (scope.scope === "user" && subjectId === undefined)
      throw new DirectoryError("not_found", `no user ${scope.userId}`);
    const resolved: ResyncScope = subjectId === undefined ? scope : { scope: "user", userId: subjectId };
    let total = 0;
    for (const connectionId of connectionIds) {
      for (const subjects of subjectsOf(resolved)) {
        const [row] = await transaction.query<{ count: number }>(
          sql`SELECT count(*) AS count FROM ${subjects.table} WHERE connection_id = ${connectionId} AND ${subjects.which}`,
        );
        total += row?.count ?? 0;
      }
    }
    await transaction.query(sql`
      INSERT INTO reconcile_run (id, tenant_id, connection_id, scope, subject_id, total)
      VALUES (${runId}, ${tenantId}, ${scope.scope === "connection" ? scope.connectionId : null}, ${scope.scope}, ${subjectId ?? null}, ${total})`);
    await recordAudit(transaction, tenantId, {
      actor,
      action: "resync.start",
      target: runId,
      detail: { scope: scope.scope, total },
    });
    return { id: runId, scope: resolved, connectionIds, total };
  });
}

/**
 * Writes one event for each subject of the run, in chunks, and goes no faster than the workers apply
 * them. Written twice, an event is the same one. Ends early when the process stops: the run then
 * stays unfinished, and another resync does what it left.
 */
export async function enqueueResync(
  database: Database,
  tenantId: string,
  run: ResyncRun,
  pace: ResyncPace,
): Promise<void> {
  for (const connectionId of run.connectionIds) {
    for (const subjects of subjectsOf(run.scope)) {
      let after: string | undefined;
      do {
        const chunk = await writeChunk(database, tenantId, run.id, connectionId, subjects, after);
        if (chunk.lanes.length > 0) pace.wake(chunk.lanes);
        after = chunk.last;
        while (after !== undefined && !pace.isStopped() && (await waiting(database, tenantId, run.id)) >= waitingMax)
          await pace.wait(paceMs);
        if (pace.isStopped()) return;
      } while (after !== undefined);
    }
  }
}

/** How far a run has come. Notes its end the first time that it is seen. */
export async function readResync(
  database: Database,
  tenantId: string,
  runId: string,
): Promise<ResyncProgress | undefined> {
  const [row] = await database.once<ProgressRow>(
    tenantId,
    sql`WITH run AS (SELECT id, scope, total, started_at, finished_at FROM reconcile_run WHERE id = ${runId} AND scope IN ('user', 'connection', 'tenant')),
      event AS (
        SELECT count(*) AS enqueued, count(applied_at) AS applied, count(dead_at) AS dead FROM run, lifecycle_event
        WHERE ${ofRun(tenantId, runId)}
      ), finished AS (
        UPDATE reconcile_run SET finished_at = now() FROM event
        WHERE reconcile_run.id = ${runId} AND reconcile_run.finished_at IS NULL
          AND event.enqueued >= reconcile_run.total AND event.applied + event.dead = event.enqueued
        RETURNING reconcile_run.finished_at
      )
      SELECT run.id, run.scope, greatest(run.total, event.enqueued) AS total, event.enqueued, event.applied, event.dead, run.started_at,
        coalesce(run.finished_at, (SELECT finished_at FROM finished)) AS finished_at
      FROM run, event`,
  );
  return (
    row && {
      id: row.id,
      scope: row.scope,
      total: row.total,
      enqueued: row.enqueued,
      applied: row.applied,
      dead: row.dead,
      startedAt: row.started_at,
      finishedAt: row.finished_at ?? undefined,
    }
  );
}

type ProgressRow = {
  id: string;
  scope: ResyncProgress["scope"];
  total: number;
  enqueued: number;
  applied: number;
  dead: number;
  started_at: Date;
  finished_at: Date | null;
};

type Subjects = { readonly kind: "user" | "group"; readonly table: Sql; readonly which: Sql; readonly denying: Sql };

function subjectsOf(scope: ResyncScope): readonly Subjects[] {
  const users = (which: Sql): Subjects => ({
    kind: "user",
    table: sql`directory_user`,
    which,
    denying: sql`NOT active OR deleted_at IS NOT NULL`,
  });
  if (scope.scope === "user") {
    return [
      users(sql`(id = ${scope.userId} OR id IN (SELECT directory_user_id FROM link WHERE user_id = ${scope.userId}))`),
    ];
  }
  return [users(sql`true`), { kind: "group", table: sql`directory_group`, which: sql`true`, denying: sql`false` }];
}

async function connectionsOf(transaction: Transaction, scope: ResyncScope): Promise<readonly string[]> {
  const which = scope.scope === "connection" ? sql`id = ${scope.connectionId}` : sql`true`;
  const rows = await transaction.query<{ id: string }>(sql`SELECT id FROM connection WHERE ${which} ORDER BY id`);
  if (scope.scope === "connection" && rows.length === 0)
    throw new DirectoryError("not_found", `no connection ${scope.connectionId}`);
  return rows.map((row) => row.id);
}

async function writeChunk(
  database: Database,
  tenantId: string,
  runId: string,
  connectionId: string,
  subjects: Subjects,
  after: string | undefined,
): Promise<{ readonly last: string | undefined; readonly lanes: readonly number[] }> {
  const [row] = await database.once<{ last: string | null; size: number; lanes: number[] }>(
    tenantId,
    sql`WITH page AS (
        SELECT id, ${subjects.denying} AS denying FROM ${subjects.table}
        WHERE connection_id = ${connectionId} AND (${after ?? null}::uuid IS NULL OR id > ${after ?? null}::uuid) AND ${subjects.which}
        ORDER BY id LIMIT ${chunkMax}
      ), event AS (
        INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
        SELECT ${tenantId}, ${connectionId}, 'resync', ${runId}::text || ':' || id, ${`${subjects.kind}.resync`}, ${subjects.kind}, id, denying, rollcall_lane(id)
        FROM page
        ON CONFLICT DO NOTHING
        RETURNING lane
      )
      SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM page) AS size, ARRAY(SELECT DISTINCT lane::int FROM event) AS lanes`,
  );
  const full = row !== undefined && row.size === chunkMax;
  return { last: full ? (row.last ?? undefined) : undefined, lanes: row?.lanes ?? [] };
}

async function waiting(database: Database, tenantId: string, runId: string): Promise<number> {
  const [row] = await database.once<{ count: number }>(
    tenantId,
    sql`SELECT count(*) AS count FROM (SELECT started_at FROM reconcile_run WHERE id = ${runId}) AS run, lifecycle_event
      WHERE ${ofRun(tenantId, runId)} AND applied_at IS NULL AND dead_at IS NULL`,
  );
  return row?.count ?? 0;
}

/** The run's events, by their ids; the time keeps the search within what came after the run began. */
function ofRun(tenantId: string, runId: string): Sql {
  return sql`lifecycle_event.tenant_id = ${tenantId} AND lifecycle_event.accepted_at >= run.started_at
    AND lifecycle_event.source = 'resync' AND starts_with(lifecycle_event.source_event_id, ${runId}::text)`;
}
