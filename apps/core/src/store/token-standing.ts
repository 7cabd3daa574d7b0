import type { Database, Transaction } from "./database.ts";
import { type ResolvedSubject, resolveSubject } from "./resolve-subject.ts";
import { sql } from "./sql.ts";
import { findHolders, readConnectionsNaming, subjectKeys } from "./subject-holders.ts";

/** What a verified token names that may be struck. */
export type TokenNames = {
  readonly iss: string;
  readonly sub: string;
  readonly sid: string | undefined;
  readonly jti: string | undefined;
  /** Values of claims that may be the token's tenant. */
  readonly tenants: readonly string[];
  /** Seconds, on the issuer's clock; undefined counts as oldest. */
  readonly iat: number | undefined;
};

type Struck = { readonly denied: boolean; readonly notBefore: number | undefined };

/**
 * Whether one token may be used now, and whose it is: as `resolveSubject`, and struck by whatever names
 * the token itself, its session, its issuer or its age. A denial counts from the moment it was accepted,
 * also where it was lifted again before any worker came to it.
 */
export async function resolveToken(
  database: Database,
  tenantId: string,
  token: TokenNames,
): Promise<ResolvedSubject | { readonly status: "struck" }> {
  const [{ denied, notBefore }, resolved] = await Promise.all([
    database.inTenant(tenantId, (transaction) => readStruck(transaction, tenantId, token)),
    resolveSubject(database, tenantId, token.iss, token.sub),
  ]);
  const tooOld = notBefore !== undefined && (token.iat === undefined || token.iat < notBefore);
  return denied || tooOld ? { status: "struck" } : resolved;
}

async function readStruck(transaction: Transaction, tenantId: string, token: TokenNames): Promise<Struck> {
  const { iss, sub, sid, jti, tenants } = token;
  const connections = await readConnectionsNaming(transaction, iss);
  const keys = subjectKeys(connections, sub);
  const holders = await findHolders(transaction, connections, sub);
  const [[entries], waiting] = await Promise.all([
    transaction.query<{ denied: boolean | null; nbf: number | null }>(sql`
      SELECT bool_or(deny AND (expires_at IS NULL OR expires_at > now())) AS denied, max(nbf)::float8 AS nbf FROM revocation
      WHERE tenant_id = ${tenantId} AND iss = ${iss} AND (scope = 'iss'
        OR (scope = 'sub' AND sub = ANY(${keys}::text[])) OR (scope = 'sid' AND sub = ${sid ?? null}::text)
        OR (scope = 'jti' AND sub = ${jti ?? null}::text) OR (scope = 'tenant' AND sub = ANY(${tenants}::text[])))`),
    readWaitingCut(
      transaction,
      iss,
      keys,
      holders.map(({ directoryUserId }) => directoryUserId),
    ),
  ]);
  const cuts = [entries?.nbf ?? undefined, waiting].filter((cut) => cut !== undefined);
  return { denied: entries?.denied === true, notBefore: cuts.length === 0 ? undefined : Math.max(...cuts) };
}

/** The not-before of denials that were accepted and that no worker has applied, as the worker will set it. */
async function readWaitingCut(
  transaction: Transaction,
  iss: string,
  keys: readonly string[],
  directoryUserIds: readonly string[],
): Promise<number | undefined> {
  const [row] = await transaction.query<{ nbf: number | null }>(sql`
    SELECT (floor(extract(epoch FROM max(least(occurred_at, accepted_at)))) + 1)::float8 AS nbf FROM lifecycle_event
    WHERE applied_at IS NULL AND dead_at IS NULL AND subject_kind = 'user' AND kind IN ('user.deactivated', 'user.deleted')
      AND subject_id = ANY(ARRAY(
        WITH named AS (
          SELECT unnest(${directoryUserIds}::uuid[]) AS id
          UNION SELECT directory_user_id FROM identity WHERE iss = ${iss} AND sub_key = ANY(${keys}::text[])
        )
        -- What ends one of a person's directory users ends the tokens of the others.
        SELECT id FROM named UNION SELECT other.directory_user_id FROM named
        JOIN link ON link.directory_user_id = named.id JOIN link AS other ON other.user_id = link.user_id
      ))`);
  return row?.nbf ?? undefined;
}
