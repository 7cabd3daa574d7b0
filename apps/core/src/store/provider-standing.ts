import { openAlert, resolveAlerts } from "./alerts.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** Whose provider something is to be done for now. */
export type ProviderDuty = {
  readonly tenantId: string;
  readonly connectionId: string;
  /** It is to be asked what has changed. */
  readonly changes: boolean;
  /** An admin waits for what becomes of trying it. */
  readonly test: boolean;
};

const testedWithinSec = 60;

export async function providerDuties(database: Database): Promise<readonly ProviderDuty[]> {
  return database.house<ProviderDuty>(sql`
    SELECT tenant_id AS "tenantId", connection_id AS "connectionId", coalesce(changes_at <= now(), false) AS changes,
      test_asked_at IS NOT NULL AND (tested_at IS NULL OR tested_at < test_asked_at) AS test
    FROM provider
    WHERE changes_at <= now()
      OR (test_asked_at > now() - ${testedWithinSec} * interval '1 second' AND (tested_at IS NULL OR tested_at < test_asked_at))`);
}

/** Takes the question of what has changed, for so long; another asks when that is over. Answers whether it was to be had. */
export async function takeChanges(
  database: Database,
  tenantId: string,
  connectionId: string,
  heldMs: number,
): Promise<boolean> {
  const rows = await database.once(
    tenantId,
    sql`UPDATE provider SET changes_at = now() + ${heldMs} * interval '1 millisecond' WHERE connection_id = ${connectionId} AND changes_at <= now()
      RETURNING connection_id`,
  );
  return rows.length > 0;
}

/** Keeps where the next question about changes goes on, once everything before it has been taken in. */
export async function keepMark(
  database: Database,
  tenantId: string,
  connectionId: string,
  kept: { readonly mark: string | undefined; readonly version: string; readonly nextMs: number },
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE provider SET mark = coalesce(${kept.mark ?? null}, mark), changes_at = now() + ${kept.nextMs} * interval '1 millisecond'
      WHERE connection_id = ${connectionId} AND updated_at = ${kept.version}::timestamptz`,
  );
}

/** Has a provider asked now what has changed, where it can say. */
export async function hurryChanges(database: Database, tenantId: string, connectionId: string): Promise<void> {
  await database.once(
    tenantId,
    sql`WITH hurried AS (
        UPDATE provider SET changes_at = now() WHERE connection_id = ${connectionId} AND changes_at > now()
      ) SELECT pg_notify('rollcall_read_back', ${tenantId})`,
  );
}

/** It has answered: what was wrong is over. */
export async function noteProviderAnswer(database: Database, tenantId: string, connectionId: string): Promise<void> {
  const [before] = await database.once<{ failing: boolean }>(
    tenantId,
    sql`WITH before AS (SELECT failing_since FROM provider WHERE connection_id = ${connectionId})
      UPDATE provider SET answered_at = now(), last_error = NULL, failing_since = NULL WHERE connection_id = ${connectionId}
      RETURNING (SELECT failing_since IS NOT NULL FROM before) AS failing`,
  );
  if (before?.failing === true) await resolveAlerts(database, tenantId, "provider_unreachable", [connectionId]);
}

/** It has failed: after a while, or where only a person can help, somebody is told. The reason never holds data. */
export async function noteProviderFailure(
  database: Database,
  tenantId: string,
  connectionId: string,
  failure: { readonly error: string; readonly alertAfterMs: number; readonly alertId: string },
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<{ since: Date; late: boolean }>(sql`
      UPDATE provider SET last_error = ${failure.error}, failing_since = coalesce(failing_since, now()) WHERE connection_id = ${connectionId}
      RETURNING failing_since AS since, failing_since <= now() - ${failure.alertAfterMs} * interval '1 millisecond' AS late`);
    if (row?.late !== true) return;
    await openAlert(transaction, tenantId, {
      id: failure.alertId,
      kind: "provider_unreachable",
      key: connectionId,
      detail: { connection: connectionId, since: row.since.toISOString(), error: failure.error },
    });
  });
}
