import type { Json } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** What an admin did. It carries settings, reasons and counts, never a person's data nor a secret. */
export type AuditEntry = {
  /** The credential's id, or `person:` and a person's. */
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  /** The settings that were changed, as they were and as they are. */
  readonly before?: { readonly [name: string]: Json };
  readonly after?: { readonly [name: string]: Json };
  readonly detail?: { readonly [name: string]: Json };
};

/** Records what was done in the transaction that does it: neither can exist without the other. */
export async function recordAudit(transaction: Transaction, tenantId: string, entry: AuditEntry): Promise<void> {
  await transaction.query(auditStatement(tenantId, entry));
}

/** The same as a statement, for a `WITH` of the house, which works in single statements. */
export function auditStatement(tenantId: string | undefined, entry: AuditEntry, source: Sql = sql``): Sql {
  return sql`INSERT INTO audit (tenant_id, actor, action, target, detail)
    SELECT ${tenantId ?? null}::uuid, ${entry.actor}::text, ${entry.action}::text, ${entry.target}::text, ${detailOf(entry)}::jsonb ${source}`;
}

function detailOf({ before, after, detail }: AuditEntry): string | null {
  if (before === undefined && after === undefined && detail === undefined) return null;
  return JSON.stringify({ ...detail, ...(before && { before }), ...(after && { after }) });
}
