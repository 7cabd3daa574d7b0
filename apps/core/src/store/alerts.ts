import type { Json } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** Something about one thing that a person should look at, open once until it is over. */
export type NewAlert = {
  readonly id: string;
  readonly kind:
    | "gateway_blind"
    | "compaction_stopped"
    | "feed_restored"
    | "delivery_dead"
    | "source_conflict"
    | "provider_unreachable"
    | "answer_refused"
    | "mass_change_braked"
    | "canary_failed"
    | "source_silent"
    | "lag"
    | "connection_silent"
    | "refusal_spike";
  /** What it is about. */
  readonly key: string;
  /** How bad it is: 1, which it is where nothing is said, needs somebody, and 2 needs them now. */
  readonly level?: 1 | 2;
  readonly detail: { readonly [name: string]: Json };
};

/**
 * Opens an alert; where it is open already, its detail is brought up to date. One that is worse than it was is told
 * anew, also to whoever had acknowledged it as it was.
 */
export async function openAlert(transaction: Transaction, tenantId: string, alert: NewAlert): Promise<void> {
  await transaction.query(sql`
    INSERT INTO alert (id, tenant_id, kind, key, level, detail)
    VALUES (${alert.id}, ${tenantId}, ${alert.kind}, ${alert.key}, ${alert.level ?? 1}, ${JSON.stringify(alert.detail)}::jsonb)
    ON CONFLICT (tenant_id, kind, key) WHERE resolved_at IS NULL AND key IS NOT NULL DO UPDATE SET detail = excluded.detail,
      level = greatest(alert.level, excluded.level),
      told_at = CASE WHEN excluded.level > alert.level THEN clock_timestamp() ELSE alert.told_at END,
      acknowledged_at = CASE WHEN excluded.level > alert.level THEN NULL ELSE alert.acknowledged_at END,
      acknowledged_by = CASE WHEN excluded.level > alert.level THEN NULL ELSE alert.acknowledged_by END,
      note = CASE WHEN excluded.level > alert.level THEN NULL ELSE alert.note END`);
}

/** The keys of a kind's open alerts, each with how bad it was told to be. */
export async function openAlertLevels(
  database: Database,
  tenantId: string,
  kind: NewAlert["kind"],
): Promise<ReadonlyMap<string, 1 | 2>> {
  const rows = await database.once<{ key: string; level: 1 | 2 }>(
    tenantId,
    sql`SELECT key, level FROM alert WHERE tenant_id = ${tenantId} AND kind = ${kind} AND key IS NOT NULL AND resolved_at IS NULL`,
  );
  return new Map(rows.map(({ key, level }) => [key, level]));
}

/** The keys of a kind's open alerts. */
export async function openAlertKeys(
  database: Database,
  tenantId: string,
  kind: NewAlert["kind"],
): Promise<readonly string[]> {
  return [...(await openAlertLevels(database, tenantId, kind)).keys()];
}

/** Closes open alerts that are over; one that is closed stays closed. */
export async function resolveAlerts(
  database: Database,
  tenantId: string,
  kind: NewAlert["kind"],
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return;
  await database.once(
    tenantId,
    sql`UPDATE alert SET resolved_at = now() WHERE tenant_id = ${tenantId} AND kind = ${kind} AND key = ANY(${keys}::text[]) AND resolved_at IS NULL`,
  );
}

/** The tenants that have an open alert which nobody has acknowledged and which was last told so long ago. */
export async function tenantsToRemind(database: Database, afterSec: number): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`
    SELECT DISTINCT tenant_id FROM alert
    WHERE resolved_at IS NULL AND acknowledged_at IS NULL AND told_at < now() - ${afterSec} * interval '1 second'`);
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

/** Tells again of what nobody has acknowledged. Answers how many alerts that are. */
export async function remindOfAlerts(database: Database, tenantId: string, afterSec: number): Promise<number> {
  const rows = await database.once(
    tenantId,
    sql`UPDATE alert SET told_at = now()
      WHERE tenant_id = ${tenantId} AND resolved_at IS NULL AND acknowledged_at IS NULL AND told_at < now() - ${afterSec} * interval '1 second' RETURNING id`,
  );
  return rows.length;
}
