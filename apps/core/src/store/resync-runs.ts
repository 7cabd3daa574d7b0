import { DirectoryError, type DriftCounts, driftCounts } from "../domain/index.ts";
import { userIdOf } from "./admin-users.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { groupsWithin } from "./compare-members.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesBefore } from "./keyset-place.ts";

export type ResyncScope =
  | { readonly scope: "user"; readonly userId: string }
  | { readonly scope: "group"; readonly groupId: string }
  | { readonly scope: "connection"; readonly connectionId: string }
  | { readonly scope: "tenant" };

/** Whose events a run writes: nobody's in a dry run, theirs who differ, or everybody's. */
export type ResyncHeals = "none" | "differing" | "all";
export type ResyncState = "queued" | "running" | "finished" | "cancelled" | "failed";

/** Where a run goes on. */
export type ResyncCursor = {
  readonly part:
    | "users"
    | "groups"
    | "ghosts"
    | "orphans"
    | "user"
    | "group"
    | "members"
    | "apply"
    | "settle"
    | "verify"
    | "standing";
  readonly connectionId?: string;
  readonly groupId?: string;
  readonly after?: string;
  readonly iss?: string;
};

export type ResyncRun = {
  readonly id: string;
  readonly scope: ResyncScope["scope"];
  readonly connectionId: string | undefined;
  readonly subjectId: string | undefined;
  readonly cause: "admin" | "schedule";
  readonly heals: ResyncHeals;
  readonly appliesId: string | undefined;
  readonly state: ResyncState;
  readonly cursor: ResyncCursor | undefined;
  readonly total: number;
  readonly compared: number;
  /** Subjects of which nothing could be said because an event of theirs waits: they are behind. */
  readonly waiting: number;
  readonly found: DriftCounts;
  readonly enqueued: number;
  readonly applied: number;
  /** Events that were given up; their reasons are in the dead letters. */
  readonly dead: number;
  readonly healed: number;
  readonly error: string | undefined;
  readonly startedAt: Date;
  readonly begunAt: Date | undefined;
  readonly finishedAt: Date | undefined;
};

export type NewResync = {
  readonly id: string;
  readonly scope: ResyncScope;
  readonly heals: ResyncHeals;
  readonly actor: string;
};

const openMax = 20;

/** Asks for a run, which a reconciler begins at once. Throws `not_found`, `too_many`. */
export async function startResync(database: Database, tenantId: string, resync: NewResync): Promise<ResyncRun> {
  return database.inTenant(tenantId, async (transaction) => {
    const { id, heals, actor } = resync;
    const scope = await resolved(transaction, resync.scope);
    await refuseMore(transaction, tenantId);
    const total = await totalOf(transaction, scope);
    const subjectId = scope.scope === "user" ? scope.userId : scope.scope === "group" ? scope.groupId : undefined;
    const connectionId = scope.scope === "connection" ? scope.connectionId : undefined;
    const run = { id, scope: scope.scope, connectionId, subjectId, cause: "admin", heals, total } as const;
    const made = await insertRun(transaction, tenantId, run);
    const detail = { scope: scope.scope, heals, total };
    await recordAudit(transaction, tenantId, { actor, action: "resync.start", target: id, detail });
    return made;
  });
}

/** Has what a finished dry run found healed where it still differs. Throws `not_found`, `value_invalid`, `too_many`. */
export async function applyResync(
  database: Database,
  tenantId: string,
  dryRunId: string,
  { id, actor }: Pick<NewResync, "id" | "actor">,
): Promise<ResyncRun> {
  return database.inTenant(tenantId, async (transaction) => {
    const [dry] = await transaction.query<Row>(sql`SELECT ${columns} FROM reconcile_run WHERE id = ${dryRunId}`);
    if (dry === undefined) throw new DirectoryError("not_found", "no such resync");
    if (dry.heals !== "none" || dry.state !== "finished")
      throw new DirectoryError("value_invalid", "only a dry run that has finished can be applied");
    await refuseMore(transaction, tenantId);
    const [row] = await transaction.query<{ total: number }>(
      sql`SELECT count(DISTINCT subject_id) AS total FROM drift WHERE run_id = ${dryRunId}`,
    );
    const { scope } = dry;
    const [connectionId, subjectId] = [dry.connection_id ?? undefined, dry.subject_id ?? undefined];
    const made = await insertRun(transaction, tenantId, {
      id,
      scope,
      connectionId,
      subjectId,
      cause: "admin",
      heals: "differing",
      appliesId: dryRunId,
      total: row?.total ?? 0,
    });
    await recordAudit(transaction, tenantId, {
      actor,
      action: "resync.apply",
      target: id,
      detail: { dryRun: dryRunId, total: made.total },
    });
    return made;
  });
}

/** Ends a run before its next step; what it has written is applied all the same. One that has ended stays as it is. Throws `not_found`. */
export async function cancelResync(
  database: Database,
  tenantId: string,
  id: string,
  actor: string,
): Promise<ResyncRun> {
  return database.inTenant(tenantId, async (transaction) => {
    const [cancelled] = await transaction.query<Row>(sql`
      UPDATE reconcile_run SET state = 'cancelled', finished_at = now() WHERE id = ${id} AND state IN ('queued', 'running') RETURNING ${columns}`);
    if (cancelled !== undefined) {
      const detail = { compared: cancelled.compared, enqueued: cancelled.enqueued };
      await recordAudit(transaction, tenantId, { actor, action: "resync.cancel", target: id, detail });
      return toRun(cancelled);
    }
    const [row] = await transaction.query<Row>(sql`SELECT ${columns} FROM reconcile_run WHERE id = ${id}`);
    if (row === undefined) throw new DirectoryError("not_found", "no such resync");
    return toRun(row);
  });
}

export async function readResync(database: Database, tenantId: string, id: string): Promise<ResyncRun | undefined> {
  const [row] = await database.once<Row>(tenantId, sql`SELECT ${columns} FROM reconcile_run WHERE id = ${id}`);
  return row && toRun(row);
}

/** The newest first. */
export async function listResyncs(
  database: Database,
  tenantId: string,
  page: KeysetRequest,
): Promise<Keyset<ResyncRun>> {
  const rows = await database.once<Row>(
    tenantId,
    sql`SELECT ${columns} FROM reconcile_run
      WHERE tenant_id = ${tenantId} AND ${placesBefore(sql`id`, page.after)} ORDER BY id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows.map(toRun), page.limit, ({ id }) => id);
}

type Inserted = Pick<ResyncRun, "id" | "scope" | "connectionId" | "subjectId" | "cause" | "heals" | "total"> & {
  readonly appliesId?: string;
};

export async function insertRun(transaction: Transaction, tenantId: string, run: Inserted): Promise<ResyncRun> {
  const [row] = await transaction.query<Row>(sql`
    INSERT INTO reconcile_run (id, tenant_id, connection_id, scope, subject_id, cause, heals, applies_id, total)
    VALUES (${run.id}, ${tenantId}, ${run.connectionId ?? null}, ${run.scope}, ${run.subjectId ?? null}, ${run.cause}, ${run.heals}, ${run.appliesId ?? null}, ${run.total})
    RETURNING ${columns}`);
  // In the transaction that it speaks of: it arrives with the commit, or not at all.
  await transaction.query(sql`SELECT pg_notify('rollcall_resync', ${tenantId})`);
  if (row === undefined) throw new Error("a run was not written");
  return toRun(row);
}

async function refuseMore(transaction: Transaction, tenantId: string): Promise<void> {
  const [row] = await transaction.query<{ count: number }>(sql`
    SELECT count(*) AS count FROM reconcile_run WHERE tenant_id = ${tenantId} AND cause = 'admin' AND state IN ('queued', 'running')`);
  if ((row?.count ?? 0) >= openMax)
    throw new DirectoryError("too_many", `at most ${openMax} resyncs may be open: wait for one, or cancel it`);
}

/** With the user that is meant, by its own id or a linked one's. Throws `not_found`. */
async function resolved(transaction: Transaction, scope: ResyncScope): Promise<ResyncScope> {
  switch (scope.scope) {
    case "user": {
      const userId = await userIdOf(transaction, scope.userId);
      if (userId === undefined) throw new DirectoryError("not_found", `no user ${scope.userId}`);
      return { scope: "user", userId };
    }
    case "group": {
      const [row] = await transaction.query(sql`SELECT FROM directory_group WHERE id = ${scope.groupId}`);
      if (row === undefined) throw new DirectoryError("not_found", `no group ${scope.groupId}`);
      return scope;
    }
    case "connection": {
      const [row] = await transaction.query(sql`SELECT FROM connection WHERE id = ${scope.connectionId}`);
      if (row === undefined) throw new DirectoryError("not_found", `no connection ${scope.connectionId}`);
      return scope;
    }
    case "tenant":
      return scope;
  }
}

/** How many subjects a run is about. */
export async function totalOf(transaction: Transaction, scope: ResyncScope): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(sql`SELECT ${counted(scope)} AS count`);
  return row?.count ?? 0;
}

function counted(scope: ResyncScope): Sql {
  switch (scope.scope) {
    case "user":
      return sql`(SELECT count(*) FROM directory_user WHERE id = ${scope.userId} OR id IN (SELECT directory_user_id FROM link WHERE user_id = ${scope.userId}))`;
    case "group":
      // Whoever is in several of the groups is come to in each.
      return sql`(SELECT count(*) FROM (${groupsWithin(scope.groupId)}) AS within) + (SELECT count(*) FROM (
          SELECT group_id, member_id FROM directory_member WHERE kind = 'User' AND group_id IN (${groupsWithin(scope.groupId)})
          UNION SELECT group_id, directory_user_id FROM app_group_member WHERE group_id IN (${groupsWithin(scope.groupId)})
        ) AS member)`;
    case "connection":
    case "tenant": {
      const which = scope.scope === "connection" ? sql`id = ${scope.connectionId}` : sql`true`;
      // Each connection by its index, and not all of the table for its sake.
      return sql`(SELECT coalesce(sum(each.count), 0)::bigint FROM (SELECT id FROM connection WHERE ${which}) AS named, LATERAL (
          SELECT (SELECT count(*) FROM directory_user WHERE connection_id = named.id) + (SELECT count(*) FROM directory_group WHERE connection_id = named.id) AS count
        ) AS each)`;
    }
  }
}

export type Row = {
  id: string;
  scope: ResyncScope["scope"];
  connection_id: string | null;
  subject_id: string | null;
  cause: "admin" | "schedule";
  heals: ResyncHeals;
  applies_id: string | null;
  state: ResyncState;
  cursor: ResyncCursor | null;
  total: number;
  compared: number;
  waiting: number;
  found: Partial<DriftCounts>;
  enqueued: number;
  applied: number;
  dead: number;
  healed: number;
  last_error: string | null;
  started_at: Date;
  begun_at: Date | null;
  finished_at: Date | null;
};

export const columns: Sql = sql`id, scope, connection_id, subject_id, cause, heals, applies_id, state, cursor, total, compared, waiting, found, enqueued, applied, dead, healed,
  last_error, started_at, begun_at, finished_at`;

export function toRun(row: Row): ResyncRun {
  return {
    id: row.id,
    scope: row.scope,
    connectionId: row.connection_id ?? undefined,
    subjectId: row.subject_id ?? undefined,
    cause: row.cause,
    heals: row.heals,
    appliesId: row.applies_id ?? undefined,
    state: row.state,
    cursor: row.cursor ?? undefined,
    total: row.total,
    compared: row.compared,
    waiting: row.waiting,
    found: driftCounts(row.found),
    enqueued: row.enqueued,
    applied: row.applied,
    dead: row.dead,
    healed: row.healed,
    error: row.last_error ?? undefined,
    startedAt: row.started_at,
    begunAt: row.begun_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
  };
}
