import { type AdminRole, DirectoryError } from "../domain/index.ts";
import { type AuditEntry, auditStatement, recordAudit } from "./audit.ts";
import type { Credentials, NewCredential, Purpose, StreamScope } from "./credentials.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";

/** What may be known of a credential: everything but its digest. */
export type CredentialInfo = {
  readonly id: string;
  readonly purpose: Purpose;
  readonly connectionId: string | undefined;
  /** The one user that it speaks for. */
  readonly userId: string | undefined;
  /** For the feed: it reads subjects by their hashes alone. */
  readonly hashed: boolean;
  /** For SSF: the application that it is for, and what it may do. */
  readonly receiver: string | undefined;
  readonly scopes: readonly StreamScope[];
  /** For an admin: what it may do in its tenant. */
  readonly role: AdminRole | undefined;
  readonly label: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
  readonly revokedAt: Date | undefined;
  readonly lastUsedAt: Date | undefined;
};

type CredentialInfoRow = {
  id: string;
  purpose: Purpose;
  connection_id: string | null;
  user_id: string | null;
  hashed: boolean;
  receiver: string | null;
  scopes: StreamScope[];
  role: AdminRole;
  label: string;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  last_used_at: Date | null;
};

const columns = sql`id, purpose, connection_id, user_id, hashed, receiver, scopes, role, label, created_at, expires_at, revoked_at, last_used_at`;

/** Issues a token and answers it only once its audit row is durable; without one the token is revoked and never shown. */
export async function issueAudited(
  database: Database,
  credentials: Credentials,
  credential: NewCredential,
  actor: string,
): Promise<{ readonly id: string; readonly token: string }> {
  const issued = await credentials.issue(credential);
  const after = {
    purpose: credential.purpose,
    label: credential.label,
    connectionId: credential.connectionId ?? null,
    userId: credential.userId ?? null,
    ...(credential.hashed === true ? { hashed: true } : {}),
    ...(credential.purpose === "admin" ? { role: credential.role ?? "admin" } : {}),
    ...(credential.receiver === undefined
      ? {}
      : { receiver: credential.receiver, scopes: [...(credential.scopes ?? [])] }),
  };
  try {
    await database.house(
      auditStatement(credential.tenantId, { actor, action: "credential.issue", target: issued.id, after }),
    );
  } catch (error) {
    await database.house(sql`UPDATE credential SET revoked_at = now() WHERE id = ${issued.id}`);
    throw error;
  }
  return issued;
}

/** The tenant's credentials, or the house operators' where no tenant is named. */
export async function listCredentials(
  database: Database,
  tenantId: string | undefined,
  page: KeysetRequest,
): Promise<Keyset<CredentialInfo>> {
  const statement = (which: Sql): Sql =>
    sql`SELECT ${columns} FROM credential WHERE ${which} AND id COLLATE "C" > ${page.after ?? ""} ORDER BY id COLLATE "C" LIMIT ${page.limit + 1}`;
  const rows =
    tenantId === undefined
      ? await database.house<CredentialInfoRow>(statement(sql`tenant_id IS NULL`))
      : await database.once<CredentialInfoRow>(tenantId, statement(sql`tenant_id = ${tenantId}`));
  return keyset(rows.map(toInfo), page.limit, ({ id }) => id);
}

/** Ends a credential; it is refused everywhere within a second. Doing it twice changes nothing. Throws `not_found`. */
export async function revokeCredential(
  database: Database,
  tenantId: string | undefined,
  id: string,
  actor: string,
): Promise<void> {
  const entry = {
    actor,
    action: "credential.revoke",
    target: id,
    before: { revoked: false },
    after: { revoked: true },
  };
  if (tenantId === undefined) {
    const rows = await database.house(sql`
      WITH known AS (SELECT id, revoked_at FROM credential WHERE id = ${id} AND tenant_id IS NULL FOR UPDATE),
      revoked AS (UPDATE credential SET revoked_at = now() FROM known WHERE credential.id = known.id AND known.revoked_at IS NULL RETURNING credential.id),
      audited AS (${auditStatement(undefined, entry, sql`FROM revoked`)})
      SELECT id FROM known`);
    if (rows.length === 0) throw new DirectoryError("not_found", `no credential ${id}`);
    return;
  }
  await database.inTenant(tenantId, (transaction) => revokeInTenant(transaction, tenantId, id, entry));
}

async function revokeInTenant(
  transaction: Transaction,
  tenantId: string,
  id: string,
  entry: AuditEntry,
): Promise<void> {
  const [known] = await transaction.query<{ revoked_at: Date | null }>(
    sql`SELECT revoked_at FROM credential WHERE id = ${id} FOR UPDATE`,
  );
  if (known === undefined) throw new DirectoryError("not_found", `no credential ${id}`);
  if (known.revoked_at !== null) return;
  await transaction.query(sql`UPDATE credential SET revoked_at = now() WHERE id = ${id}`);
  await recordAudit(transaction, tenantId, entry);
}

function toInfo(row: CredentialInfoRow): CredentialInfo {
  return {
    id: row.id,
    purpose: row.purpose,
    connectionId: row.connection_id ?? undefined,
    userId: row.user_id ?? undefined,
    hashed: row.hashed,
    receiver: row.receiver ?? undefined,
    scopes: row.scopes,
    role: row.purpose === "admin" ? row.role : undefined,
    label: row.label,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
