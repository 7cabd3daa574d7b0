import type { EventKind, Json, SubjectKind } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";

/** An event that was given up, with the fault and none of the data. */
export type DeadLetter = {
  readonly id: number;
  readonly connectionId: string;
  readonly kind: EventKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly attempts: number;
  readonly reason: string | null;
  readonly acceptedAt: Date;
  readonly deadAt: Date;
};

export type Alert = {
  readonly id: string;
  readonly kind: string;
  readonly subjectId: string | null;
  /** What it is about, where it is about one thing and open once for it. */
  readonly key: string | null;
  readonly detail: Json;
  readonly raisedAt: Date;
  readonly resolvedAt: Date | null;
};

/** The newest event first. */
export async function listDeadLetters(
  database: Database,
  tenantId: string,
  page: KeysetRequest,
): Promise<Keyset<DeadLetter>> {
  const after = page.after === undefined ? null : Number(page.after);
  const rows = await database.once<DeadLetter>(
    tenantId,
    sql`SELECT id, connection_id AS "connectionId", kind, subject_kind AS "subjectKind", subject_id AS "subjectId", denying, attempts, last_error AS reason,
        accepted_at AS "acceptedAt", dead_at AS "deadAt"
      FROM lifecycle_event WHERE tenant_id = ${tenantId} AND dead_at IS NOT NULL AND (${after}::bigint IS NULL OR id < ${after}::bigint)
      ORDER BY id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => String(id));
}

/** The newest alert first. */
export async function listAlerts(database: Database, tenantId: string, page: KeysetRequest): Promise<Keyset<Alert>> {
  const rows = await database.once<Alert>(
    tenantId,
    sql`SELECT id, kind, subject_id AS "subjectId", key, detail, raised_at AS "raisedAt", resolved_at AS "resolvedAt"
      FROM alert WHERE ${page.after ?? null}::uuid IS NULL OR id < ${page.after ?? null}::uuid ORDER BY id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}
