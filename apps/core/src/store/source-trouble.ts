import { openAlert, resolveAlerts } from "./alerts.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** Notes why a source says nothing any more, and tells a person of it; null where it speaks again. */
export async function noteSourceTrouble(
  database: Database,
  tenantId: string,
  { id, connectionId }: { readonly id: string; readonly connectionId: string },
  trouble: string | null,
  alertId: string,
): Promise<void> {
  if (trouble === null) await resolveAlerts(database, tenantId, "source_silent", [id]);
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`UPDATE event_source SET last_error = ${trouble} WHERE id = ${id}`);
    if (trouble === null) return;
    await openAlert(transaction, tenantId, {
      id: alertId,
      kind: "source_silent",
      key: id,
      detail: { source: id, connection: connectionId, error: trouble },
    });
  });
}
