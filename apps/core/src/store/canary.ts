import type { CanaryStep, CanaryTiming } from "../domain/index.ts";
import { openAlert } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { isFollowed } from "./enforcement.ts";
import { type Sql, sql } from "./sql.ts";

/** A canary as an admin sees it: how its last round went, and how its rounds usually go. */
export type CanaryStanding = {
  /** The connection's slug. */
  readonly connection: string;
  /** Null where it is switched off. */
  readonly everySec: number | null;
  readonly deadlineMs: number;
  readonly nextAt: Date | null;
  readonly last: {
    readonly startedAt: Date;
    readonly finishedAt: Date;
    readonly failedStep: CanaryStep | null;
    readonly steps: readonly CanaryTiming[];
  } | null;
  /** Over the rounds that are kept. */
  readonly usual: readonly {
    readonly step: CanaryStep;
    readonly rounds: number;
    readonly p50Ms: number;
    readonly p99Ms: number;
  }[];
};

/** So many rounds are kept of each. */
const keptMax = 1_000;

/** For whoever counts people: a canary's user is none. `id` is a directory user's, or a user's of the application. */
export function isNoCanary(id: Sql): Sql {
  return sql`NOT EXISTS (SELECT FROM canary WHERE canary.user_id = ${id})`;
}

/** Switches a connection's canary on, or off. */
export async function setCanary(
  database: Database,
  tenantId: string,
  connectionId: string,
  wanted: { readonly everySec: number | null; readonly deadlineMs: number },
  actor: string,
): Promise<CanaryStanding> {
  const { everySec, deadlineMs } = wanted;
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      INSERT INTO canary (connection_id, tenant_id, every_sec, deadline_ms, due_at) VALUES (${connectionId}, ${tenantId}, ${everySec}, ${deadlineMs}, now())
      ON CONFLICT (connection_id) DO UPDATE SET every_sec = excluded.every_sec, deadline_ms = excluded.deadline_ms, due_at = now(), updated_at = now()`);
    const action = everySec === null ? "canary.stop" : "canary.start";
    await recordAudit(transaction, tenantId, { actor, action, target: connectionId, detail: wanted });
    // One that is switched off says nothing any more, and nothing is wrong with it.
    if (everySec === null)
      await transaction.query(
        sql`UPDATE alert SET resolved_at = now() WHERE kind = 'canary_failed' AND key = ${connectionId} AND resolved_at IS NULL`,
      );
  });
  const [standing] = await listCanaries(database, tenantId, connectionId);
  if (standing === undefined) throw new Error("a canary was not set");
  return standing;
}

/** In the order of the connections' names. */
export async function listCanaries(
  database: Database,
  tenantId: string,
  connectionId?: string,
): Promise<readonly CanaryStanding[]> {
  return database.once<CanaryStanding>(
    tenantId,
    sql`SELECT connection.slug AS connection, every_sec AS "everySec", deadline_ms AS "deadlineMs", CASE WHEN every_sec IS NOT NULL THEN due_at END AS "nextAt",
        (SELECT jsonb_build_object('startedAt', ${instant(sql`started_at`)}, 'finishedAt', ${instant(sql`finished_at`)}, 'failedStep', failed_step, 'steps', steps) FROM canary_run
          WHERE canary_run.connection_id = canary.connection_id AND finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 1) AS last,
        coalesce((SELECT jsonb_agg(to_jsonb(one)) FROM (
          SELECT timing->>'step' AS step, count(*) AS rounds, percentile_disc(0.5) WITHIN GROUP (ORDER BY (timing->>'ms')::float8) AS "p50Ms",
            percentile_disc(0.99) WITHIN GROUP (ORDER BY (timing->>'ms')::float8) AS "p99Ms"
          FROM canary_run, jsonb_array_elements(steps) AS timing WHERE canary_run.connection_id = canary.connection_id AND (timing->>'ok')::boolean
          GROUP BY timing->>'step'
        ) AS one), '[]'::jsonb) AS usual
      FROM canary JOIN connection ON connection.id = canary.connection_id
      WHERE ${connectionId ?? null}::uuid IS NULL OR canary.connection_id = ${connectionId ?? null}::uuid ORDER BY connection.slug`,
  );
}

/** As JSON writes a time elsewhere. */
function instant(at: Sql): Sql {
  return sql`to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

export type CanaryDuty = { readonly tenantId: string; readonly connectionId: string };

export async function canariesDue(database: Database): Promise<readonly CanaryDuty[]> {
  return database.house<CanaryDuty>(sql`
    SELECT tenant_id AS "tenantId", connection_id AS "connectionId" FROM canary WHERE every_sec IS NOT NULL AND due_at <= now()`);
}

/** A round that is this process's to run. */
export type CanaryRound = CanaryDuty & {
  readonly id: string;
  readonly deadlineMs: number;
  /** Its user, where an earlier round has made one. */
  readonly userId: string | null;
};

/** Takes a round; undefined where another process has, or nobody may any more. */
export async function takeCanary(
  database: Database,
  { tenantId, connectionId }: CanaryDuty,
  id: string,
): Promise<CanaryRound | undefined> {
  const [row] = await database.once<Pick<CanaryRound, "deadlineMs" | "userId">>(
    tenantId,
    sql`WITH taken AS (
        UPDATE canary SET due_at = now() + every_sec * interval '1 second' FROM connection
        WHERE canary.connection_id = ${connectionId} AND every_sec IS NOT NULL AND due_at <= now()
          AND connection.id = canary.connection_id AND connection.paused_at IS NULL AND connection.removed_at IS NULL
        RETURNING canary.connection_id, deadline_ms, user_id
      ), begun AS (
        INSERT INTO canary_run (id, tenant_id, connection_id) SELECT ${id}, ${tenantId}, connection_id FROM taken
      )
      SELECT deadline_ms AS "deadlineMs", user_id AS "userId" FROM taken`,
  );
  return row && { id, tenantId, connectionId, ...row };
}

/** Says which user is the canary's, in the transaction that creates it: nobody ever counts it. */
export async function markCanary(
  database: Database,
  { tenantId, connectionId }: CanaryDuty,
  userId: string,
): Promise<void> {
  await database.once(tenantId, sql`UPDATE canary SET user_id = ${userId} WHERE connection_id = ${connectionId}`);
}

export type CanarySight = {
  /** The user store shows what the directory says. */
  readonly applied: boolean;
  /** Something denies them. */
  readonly denied: boolean;
  /** How many subjects are theirs, and how many of those every gateway refuses that can be counted on. */
  readonly subjects: number;
  readonly refused: number;
  /** How many of them the feed refuses. */
  readonly published: number;
};

/** How far what was said of a canary's user has come. */
export async function seeCanary(
  database: Database,
  tenantId: string,
  userId: string,
  staleSec: number,
): Promise<CanarySight | undefined> {
  const [row] = await database.once<CanarySight>(
    tenantId,
    sql`SELECT coalesce(link.applied_version >= usr.version, false) AS applied,
        EXISTS (SELECT FROM denial WHERE denial.user_id = link.user_id) AS denied, entry.*
      FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id
      CROSS JOIN LATERAL (
        SELECT count(*) AS subjects, count(present.seq) AS published,
          count(present.seq) FILTER (WHERE NOT ${isFollowed(tenantId, staleSec)} OR EXISTS (
            SELECT FROM feed_mark WHERE feed_mark.tenant_id = ${tenantId} AND feed_mark.seq >= present.seq)) AS refused
        FROM identity LEFT JOIN feed_entry AS present ON present.tenant_id = identity.tenant_id AND present.scope = 'sub' AND present.iss = identity.iss
          AND present.sub = identity.sub_key AND present.superseded_by IS NULL AND present.op = 'deny'
        WHERE identity.directory_user_id = usr.id AND NOT identity.alias
      ) AS entry
      WHERE usr.id = ${userId}`,
  );
  return row;
}

/** Keeps how a round went, and tells somebody where it failed. */
export async function endCanary(
  database: Database,
  { id, tenantId, connectionId, deadlineMs }: CanaryRound,
  steps: readonly CanaryTiming[],
  alertId: string,
): Promise<void> {
  const failed = steps.find(({ ok }) => !ok)?.step;
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(
      sql`UPDATE canary_run SET steps = ${JSON.stringify(steps)}::jsonb, failed_step = ${failed ?? null}, finished_at = now() WHERE id = ${id}`,
    );
    await transaction.query(sql`
      DELETE FROM canary_run WHERE connection_id = ${connectionId} AND id IN (
        SELECT id FROM canary_run WHERE connection_id = ${connectionId} ORDER BY started_at DESC OFFSET ${keptMax})`);
    if (failed === undefined)
      await transaction.query(
        sql`UPDATE alert SET resolved_at = now() WHERE kind = 'canary_failed' AND key = ${connectionId} AND resolved_at IS NULL`,
      );
    else
      await openAlert(transaction, tenantId, {
        id: alertId,
        kind: "canary_failed",
        key: connectionId,
        detail: { connection: connectionId, step: failed, deadlineMs, steps },
      });
  });
}
