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
  readonly detail: Json;
  readonly raisedAt: Date;
  readonly resolvedAt: Date | null;
};

export type Revocation = {
  readonly iss: string;
  readonly sub: string;
  readonly scope: string;
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly origin: string;
  readonly reason: string;
  readonly acceptedAt: Date;
  readonly appliedAt: Date;
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
    sql`SELECT id, kind, subject_id AS "subjectId", detail, raised_at AS "raisedAt", resolved_at AS "resolvedAt"
      FROM alert WHERE ${page.after ?? null}::uuid IS NULL OR id < ${page.after ?? null}::uuid ORDER BY id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

/** The keys that gateways are told about, in the order of issuer and subject; `next` is the last key, for `after`. */
export async function listRevocations(
  database: Database,
  tenantId: string,
  after: { readonly iss: string; readonly sub: string } | undefined,
  limit: number,
): Promise<{
  readonly items: readonly Revocation[];
  readonly next: { readonly iss: string; readonly sub: string } | undefined;
}> {
  const rows = await database.once<Revocation>(
    tenantId,
    sql`SELECT iss, sub, scope, deny, nbf, origin, reason, accepted_at AS "acceptedAt", applied_at AS "appliedAt"
      FROM revocation
      WHERE tenant_id = ${tenantId} AND scope = 'sub' AND (deny OR nbf IS NOT NULL)
        AND (${after?.iss ?? null}::text IS NULL OR (iss, sub) > (${after?.iss ?? null}::text, ${after?.sub ?? null}::text))
      ORDER BY iss, sub LIMIT ${limit + 1}`,
  );
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? { iss: last.iss, sub: last.sub } : undefined };
}
