import {
  type Connection,
  type ExplainCandidate,
  foldCase,
  isId,
  type RevocationFact,
  type SubjectFacts,
} from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import { readCandidates } from "./explain-candidates.ts";
import { listGateways } from "./receipts.ts";
import { type Sql, sql } from "./sql.ts";
import { findHolders, subjectKeys } from "./subject-holders.ts";
import { subjectTarget } from "./subject-revocations.ts";

const candidatesMax = 20;
const gatewaysMax = 100;

/** Gathers what the checklist asks about a subject of one tenant. Reads only; a subject that is no text has no facts. */
export async function readSubjectFacts(
  database: Database,
  tenantId: string,
  iss: string | undefined,
  sub: unknown,
): Promise<SubjectFacts> {
  const gateways = await listGateways(database, tenantId, { after: undefined, limit: gatewaysMax });
  const facts = await database.inTenant(tenantId, async (transaction) => {
    const all = await readAllConnections(transaction);
    const connections = iss === undefined ? all : all.filter(({ issuers }) => issuers.includes(iss));
    // A NUL stands in no column, and no claim of that length is a subject.
    const known = typeof sub === "string" && sub !== "" && sub.length <= 1_024 && !sub.includes("\0");
    return known
      ? aboutSubject(transaction, all, connections, iss, sub)
      : { connections, candidates: [], identities: [], revocations: [] };
  });
  return {
    ...facts,
    gateways: gateways.items.map(({ name, behind, asOfAgeMs }) => ({ name, behind, asOfAgeMs })),
    otherTenants: [],
  };
}

async function aboutSubject(
  transaction: Transaction,
  all: readonly Connection[],
  connections: readonly Connection[],
  iss: string | undefined,
  sub: string,
): Promise<Omit<SubjectFacts, "gateways" | "otherTenants">> {
  const keys = subjectKeys(connections, sub);
  const identities = await readIdentities(transaction, iss, keys);
  const holders = await findHolders(transaction, connections, sub);
  const near = await nearIds(transaction, sub);
  const ids = [...new Set([...holders, ...identities].map(({ directoryUserId }) => directoryUserId).concat(near))];
  // Only an admin's question for a subject that no index knows is worth reading every user.
  const found = ids.length > 0 ? ids : await scannedIds(transaction, sub);
  const byId = new Map(all.map((connection) => [connection.id, connection]));
  const candidates = await readCandidates(transaction, byId, found.slice(0, candidatesMax));
  return {
    connections,
    candidates,
    identities,
    revocations: await readRevocations(transaction, iss, keys, candidates),
  };
}

async function readAllConnections(transaction: Transaction): Promise<readonly Connection[]> {
  const rows = await transaction.query<ConnectionRow>(sql`SELECT ${connectionColumns} FROM connection ORDER BY id`);
  return rows.map(toConnection);
}

async function readIdentities(
  transaction: Transaction,
  iss: string | undefined,
  keys: readonly string[],
): Promise<SubjectFacts["identities"]> {
  return transaction.query<SubjectFacts["identities"][number]>(sql`
    SELECT iss, sub, user_id AS "userId", directory_user_id AS "directoryUserId", alias FROM identity
    WHERE sub_key = ANY(${keys}::text[]) AND iss = coalesce(${iss ?? null}::text, iss) ORDER BY alias, iss LIMIT ${candidatesMax}`);
}

/** Users whose name, external id or id the subject nearly is: what a wrong rule, a wrong case or a stray blank looks like. */
async function nearIds(transaction: Transaction, sub: string): Promise<readonly string[]> {
  const trimmed = sub.trim();
  const id = trimmed.toLowerCase();
  const byId: Sql = isId(id)
    ? sql`UNION SELECT ${id}::uuid WHERE EXISTS (SELECT FROM directory_user WHERE id = ${id}) UNION SELECT directory_user_id FROM link WHERE user_id = ${id}`
    : sql``;
  const rows = await transaction.query<{ id: string }>(sql`
    SELECT id FROM (
      SELECT usr.id FROM connection JOIN directory_user AS usr ON usr.connection_id = connection.id AND usr.user_name_key = ${foldCase(trimmed)}
      UNION SELECT usr.id FROM connection JOIN directory_user AS usr ON usr.connection_id = connection.id AND usr.external_id = ANY(${[sub, trimmed, id]}::text[])
      ${byId}
    ) AS near LIMIT ${candidatesMax}`);
  return rows.map((row) => row.id);
}

/** Users with an attribute, of whatever name, that the subject equals but for case and blanks. */
async function scannedIds(transaction: Transaction, sub: string): Promise<readonly string[]> {
  const quoted = JSON.stringify(sub.trim()).slice(1, -1).toLowerCase();
  const rows = await transaction.query<{ id: string }>(sql`
    SELECT id FROM directory_user WHERE position(${quoted} IN lower(attributes::text)) > 0 ORDER BY deleted_at IS NULL DESC, id LIMIT ${candidatesMax}`);
  return rows.map((row) => row.id);
}

type RevocationRow = {
  iss: string;
  sub: string;
  deny: boolean;
  nbf: number | null;
  reason: string;
  since: Date;
  published: boolean;
  by: string | null;
};

async function readRevocations(
  transaction: Transaction,
  iss: string | undefined,
  keys: readonly string[],
  candidates: readonly ExplainCandidate[],
): Promise<readonly RevocationFact[]> {
  const targets = candidates
    .map(({ userId }) => userId)
    .concat(iss === undefined ? [] : keys.map((key) => subjectTarget(iss, key)));
  const rows = await transaction.query<RevocationRow>(sql`
    SELECT revocation.iss, revocation.sub, deny, nbf, reason, applied_at AS since,
      NOT EXISTS (SELECT FROM feed_pending AS pending WHERE pending.scope = 'sub' AND pending.iss = revocation.iss AND pending.sub = revocation.sub) AS published,
      CASE WHEN reason LIKE 'admin%' THEN (
        SELECT actor FROM audit WHERE target = ANY(${targets}::text[]) AND (action LIKE 'revocation.%' OR action = 'user.suspend') ORDER BY id DESC LIMIT 1
      ) END AS by
    FROM revocation
    WHERE scope = 'sub' AND sub = ANY(${keys}::text[]) AND iss = coalesce(${iss ?? null}::text, iss) AND (deny OR nbf IS NOT NULL)
    ORDER BY deny DESC, iss, sub LIMIT ${candidatesMax}`);
  return rows.map((row) => ({
    deny: row.deny,
    nbf: row.nbf ?? undefined,
    reason: row.reason,
    since: row.since,
    by: row.by ?? undefined,
    published: row.published,
  }));
}

/** Those of the tenants whose directory or user store knows the subject. For operators of the house alone. */
export async function tenantsKnowing(
  database: Database,
  tenantIds: readonly string[],
  sub: string,
): Promise<readonly string[]> {
  const knowing: string[] = [];
  for (const tenantId of tenantIds) {
    const [row] = await database.once<{ known: boolean }>(
      tenantId,
      sql`SELECT EXISTS (SELECT FROM identity WHERE tenant_id = ${tenantId} AND sub_key = ANY(${[sub, foldCase(sub)]}::text[]))
        OR EXISTS (SELECT FROM directory_user WHERE tenant_id = ${tenantId} AND user_name_key = ${foldCase(sub)}) AS known`,
    );
    if (row?.known === true) knowing.push(tenantId);
  }
  return knowing;
}
