import { type Brake, DirectoryError, type PullDifferenceKind, type PullState } from "../domain/index.ts";
import { resolveAlerts } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { isOutdated } from "./pull-lease.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesBefore } from "./keyset-place.ts";

/** How many differences of each kind a listing has found; a kind that is not named has none. */
export type PullFindings = Partial<Readonly<Record<PullDifferenceKind, number>>>;

/** A listing of everybody, as an admin sees it. */
export type Pull = {
  readonly id: string;
  /** The connection's slug. */
  readonly connection: string;
  readonly dryRun: boolean;
  readonly state: PullState;
  readonly listed: number;
  readonly listedGroups: number;
  readonly complete: boolean;
  readonly found: PullFindings;
  /** How many of them were settled. */
  readonly settled: number;
  readonly brake: Brake | null;
  readonly reason: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
};

export type NewPull = {
  readonly id: string;
  readonly dryRun: boolean;
  /** The credential that asks; undefined where the schedule does. */
  readonly actor: string | undefined;
};

const columns = sql`pull_run.id, connection.slug AS connection, dry_run AS "dryRun", state, listed, listed_groups AS "listedGroups", complete, found,
  (SELECT count(*) FROM pull_difference WHERE run_id = pull_run.id AND outcome IS NOT NULL) AS settled,
  pull_run.brake, reason, started_at AS "startedAt", finished_at AS "finishedAt"`;

/** How many ended listings of a connection are kept, with what they found. */
const keptMax = 50;

/** Begins a listing. Throws `not_found` where nobody can be asked, `pull_under_way` where one has not ended, and `value_invalid` where the connection is paused. */
export async function startPull(
  database: Database,
  tenantId: string,
  connectionId: string,
  pull: NewPull,
): Promise<Pull> {
  return database.inTenant(tenantId, async (transaction) => {
    const [provider] = await transaction.query<{ paused: boolean }>(sql`
      SELECT connection.paused_at IS NOT NULL AS paused FROM provider JOIN connection ON connection.id = provider.connection_id WHERE connection.id = ${connectionId}`);
    if (provider?.paused === true && !pull.dryRun)
      throw new DirectoryError("value_invalid", "this connection is paused: resume it, or ask for a dry run");
    if (provider === undefined)
      throw new DirectoryError("not_found", "this connection has no provider that could be asked: set one first");
    const [begun] = await transaction.query(insertion(tenantId, connectionId, pull, sql`true`));
    if (begun === undefined)
      throw new DirectoryError(
        "pull_under_way",
        "a listing of this connection has not ended: wait for it, cancel it, or release it where it was stopped",
      );
    const { actor, dryRun, id } = pull;
    if (actor !== undefined)
      await recordAudit(transaction, tenantId, {
        actor,
        action: "pull.start",
        target: id,
        detail: { connectionId, dryRun },
      });
    await forgetOld(transaction, connectionId);
    return found(await read(transaction, id));
  });
}

/** Begins the listing that a schedule says is due, unless somebody else just has. */
export async function startScheduledPull(
  database: Database,
  tenantId: string,
  connectionId: string,
  id: string,
): Promise<boolean> {
  return database.inTenant(tenantId, async (transaction) => {
    const pull = { id, dryRun: false, actor: undefined };
    const rows = await transaction.query(insertion(tenantId, connectionId, pull, isDue(sql`${connectionId}`)));
    if (rows.length > 0) await forgetOld(transaction, connectionId);
    return rows.length > 0;
  });
}

function insertion(tenantId: string, connectionId: string, pull: NewPull, which: Sql): Sql {
  return sql`WITH begun AS (
      INSERT INTO pull_run (id, tenant_id, connection_id, dry_run, requested_by)
      SELECT ${pull.id}::uuid, ${tenantId}::uuid, connection.id, ${pull.dryRun}::boolean, ${pull.actor ?? null}::text
      FROM connection WHERE connection.id = ${connectionId} AND ${which}
      ON CONFLICT (connection_id) WHERE finished_at IS NULL DO NOTHING
      RETURNING id
    ) SELECT id, pg_notify('rollcall_read_back', ${tenantId}::text) FROM begun`;
}

/** Whether a connection's schedule says so, by when its last listing began: nothing else has to be remembered. */
function isDue(connectionId: Sql): Sql {
  return sql`connection.pull IS NOT NULL AND connection.paused_at IS NULL AND connection.removed_at IS NULL AND NOT EXISTS (
    SELECT FROM pull_run WHERE pull_run.connection_id = ${connectionId} AND (pull_run.finished_at IS NULL
      OR NOT pull_run.dry_run AND pull_run.started_at > now() - (connection.pull->>'everySec')::int * interval '1 second'))`;
}

async function forgetOld(transaction: Transaction, connectionId: string): Promise<void> {
  await transaction.query(sql`
    DELETE FROM pull_run WHERE connection_id = ${connectionId} AND finished_at IS NOT NULL AND NOT staged AND id IN (
      SELECT id FROM pull_run WHERE connection_id = ${connectionId} ORDER BY started_at DESC OFFSET ${keptMax})`);
}

/** What is to be done about listings now. */
export type PullDuty = {
  readonly tenantId: string;
  readonly connectionId: string;
  /** `schedule`: one is to be begun; `run`: one is to go on; `clear`: what an ended one has listed is to be forgotten. */
  readonly duty: "schedule" | "run" | "clear";
  readonly runId: string | null;
};

export async function pullDuties(database: Database): Promise<readonly PullDuty[]> {
  return database.house<PullDuty>(sql`
    SELECT tenant_id AS "tenantId", connection_id AS "connectionId", 'run' AS duty, id AS "runId" FROM pull_run
    WHERE finished_at IS NULL AND state <> 'braked' AND due_at <= now() AND (taken_until IS NULL OR taken_until <= now())
    UNION ALL SELECT tenant_id, connection_id, 'clear', id FROM pull_run
    WHERE staged AND finished_at IS NOT NULL
    UNION ALL SELECT connection.tenant_id, connection.id, 'schedule', NULL
    FROM connection JOIN provider ON provider.connection_id = connection.id WHERE ${isDue(sql`connection.id`)}`);
}

export async function findPull(database: Database, tenantId: string, id: string): Promise<Pull | undefined> {
  return database.inTenant(tenantId, (transaction) => read(transaction, id));
}

/** The newest first. */
export async function listPulls(
  database: Database,
  tenantId: string,
  connectionId: string | undefined,
  page: KeysetRequest,
): Promise<Keyset<Pull>> {
  const rows = await database.once<Pull>(
    tenantId,
    sql`SELECT ${columns} FROM pull_run JOIN connection ON connection.id = pull_run.connection_id
      WHERE (${connectionId ?? null}::uuid IS NULL OR connection_id = ${connectionId ?? null}::uuid)
        AND ${placesBefore(sql`pull_run.id`, page.after)}
      ORDER BY pull_run.id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

/** Lets a braked listing go on. Throws `not_found`, and `value_invalid` for one that was not stopped, or that is too old. */
export async function releasePull(
  database: Database,
  tenantId: string,
  id: string,
  act: { readonly actor: string; readonly note: string },
): Promise<Pull> {
  return endWait(database, tenantId, id, async (transaction, { state, brake }) => {
    if (state !== "braked") throw new DirectoryError("value_invalid", `this listing is ${state}, and waits for nobody`);
    if (await isOutdated(transaction, id))
      throw new DirectoryError(
        "value_invalid",
        "this listing began more than a day ago, and is no word about now any more: cancel it, and list again",
      );
    await transaction.query(
      sql`UPDATE pull_run SET state = 'applying', due_at = now(), taken_until = NULL WHERE id = ${id}`,
    );
    await transaction.query(sql`SELECT pg_notify('rollcall_read_back', ${tenantId})`);
    const detail = { note: act.note, would: brake?.would ?? 0, of: brake?.of ?? 0 };
    await recordAudit(transaction, tenantId, { actor: act.actor, action: "pull.release", target: id, detail });
  });
}

/** Ends a listing where it is: what it has changed stays. Throws `not_found`, and `value_invalid` for one that has ended. */
export async function cancelPull(database: Database, tenantId: string, id: string, actor: string): Promise<Pull> {
  return endWait(database, tenantId, id, async (transaction, { state, finishedAt }) => {
    if (finishedAt !== null) throw new DirectoryError("value_invalid", `this listing has ended: it is ${state}`);
    await transaction.query(
      sql`UPDATE pull_run SET state = 'cancelled', reason = 'an admin has cancelled it', finished_at = now() WHERE id = ${id}`,
    );
    await recordAudit(transaction, tenantId, { actor, action: "pull.cancel", target: id, detail: { before: state } });
  });
}

async function endWait(
  database: Database,
  tenantId: string,
  id: string,
  work: (transaction: Transaction, run: Pull) => Promise<void>,
): Promise<Pull> {
  const run = await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`SELECT FROM pull_run WHERE id = ${id} FOR UPDATE`);
    await work(transaction, found(await read(transaction, id)));
    return found(await read(transaction, id));
  });
  await resolveAlerts(database, tenantId, "mass_change_braked", [id]);
  return run;
}

async function read(transaction: Transaction, id: string): Promise<Pull | undefined> {
  const [row] = await transaction.query<Pull>(
    sql`SELECT ${columns} FROM pull_run JOIN connection ON connection.id = pull_run.connection_id WHERE pull_run.id = ${id}`,
  );
  return row;
}

function found(run: Pull | undefined): Pull {
  if (run === undefined) throw new DirectoryError("not_found", "no such resource");
  return run;
}
