import type { Json } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** Something about one thing that a person should look at, open once until it is over. */
export type NewAlert = {
  readonly id: string;
  readonly kind: "gateway_blind" | "compaction_stopped" | "feed_restored" | "delivery_dead";
  /** What it is about. */
  readonly key: string;
  readonly detail: { readonly [name: string]: Json };
};

/** Opens an alert; where it is open already, its detail is brought up to date. */
export async function openAlert(transaction: Transaction, tenantId: string, alert: NewAlert): Promise<void> {
  await transaction.query(sql`
    INSERT INTO alert (id, tenant_id, kind, key, detail)
    VALUES (${alert.id}, ${tenantId}, ${alert.kind}, ${alert.key}, ${JSON.stringify(alert.detail)}::jsonb)
    ON CONFLICT (tenant_id, kind, key) WHERE resolved_at IS NULL AND key IS NOT NULL DO UPDATE SET detail = excluded.detail`);
}

/** The keys of a kind's open alerts. */
export async function openAlertKeys(
  database: Database,
  tenantId: string,
  kind: NewAlert["kind"],
): Promise<readonly string[]> {
  const rows = await database.once<{ key: string }>(
    tenantId,
    sql`SELECT key FROM alert WHERE tenant_id = ${tenantId} AND kind = ${kind} AND key IS NOT NULL AND resolved_at IS NULL`,
  );
  return rows.map(({ key }) => key);
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
