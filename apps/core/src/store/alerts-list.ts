import { DirectoryError, type Json } from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesBefore } from "./keyset-place.ts";

export type Alert = {
  readonly id: string;
  readonly kind: string;
  readonly subjectId: string | null;
  /** What it is about, where it is about one thing and open once for it. */
  readonly key: string | null;
  /** 1 needs somebody, 2 needs them now. */
  readonly level: 1 | 2;
  readonly detail: Json;
  readonly raisedAt: Date;
  /** When applications were last told that it is open. */
  readonly toldAt: Date;
  readonly acknowledgedAt: Date | null;
  /** The credential of whoever did. */
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
  readonly resolvedAt: Date | null;
};

const columns = sql`id, kind, subject_id AS "subjectId", key, level, detail, raised_at AS "raisedAt", told_at AS "toldAt",
  acknowledged_at AS "acknowledgedAt", acknowledged_by AS "acknowledgedBy", note, resolved_at AS "resolvedAt"`;

/** The newest alert first: those that are open, or all that there ever were. */
export async function listAlerts(
  database: Database,
  tenantId: string,
  state: "open" | "all",
  page: KeysetRequest,
): Promise<Keyset<Alert>> {
  const open = state === "open" ? sql`resolved_at IS NULL` : sql`true`;
  const rows = await database.once<Alert>(
    tenantId,
    sql`SELECT ${columns} FROM alert
      WHERE tenant_id = ${tenantId} AND ${open} AND ${placesBefore(sql`id`, page.after)} ORDER BY id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

/** Undefined for another tenant's and for none alike. */
export async function findAlert(database: Database, tenantId: string, id: string): Promise<Alert | undefined> {
  const [row] = await database.once<Alert>(
    tenantId,
    sql`SELECT ${columns} FROM alert WHERE tenant_id = ${tenantId} AND id = ${id}`,
  );
  return row;
}

/**
 * Notes that somebody has seen an alert: while it stays as bad as it is, nobody is told of it again. Said twice, the
 * first word stands. Throws `not_found`.
 */
export async function acknowledgeAlert(
  database: Database,
  tenantId: string,
  id: string,
  by: { readonly actor: string; readonly note: string | undefined },
): Promise<Alert> {
  return database.inTenant(tenantId, async (transaction) => {
    const [before] = await transaction.query<Alert>(
      sql`SELECT ${columns} FROM alert WHERE tenant_id = ${tenantId} AND id = ${id} FOR UPDATE`,
    );
    if (before === undefined) throw new DirectoryError("not_found", "no such alert");
    // One that was over a moment before is nobody's mistake, and nothing is left to say of it.
    if (before.acknowledgedAt !== null || before.resolvedAt !== null) return before;
    const [after] = await transaction.query<Alert>(sql`
      UPDATE alert SET acknowledged_at = now(), acknowledged_by = ${by.actor}, note = ${by.note ?? null} WHERE id = ${id} RETURNING ${columns}`);
    if (after === undefined) throw new Error("an alert was neither acknowledged nor refused");
    await recordAudit(transaction, tenantId, {
      actor: by.actor,
      action: "alert.acknowledge",
      target: id,
      detail: {
        kind: after.kind,
        key: after.key,
        level: after.level,
        ...(by.note === undefined ? {} : { note: by.note }),
      },
    });
    return after;
  });
}
