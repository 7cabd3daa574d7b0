import {
  type Connection,
  foldCase,
  type GatewayFact,
  isId,
  type RevocationFact,
  type SubjectFacts,
} from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import { readCandidates } from "./explain-candidates.ts";
import { enforcedBy, readHouseEnforcement } from "./enforcement.ts";
import { readProvisioningFact } from "./explain-provisioning.ts";
import { type Asked, readRevocationFacts, type StandingFact } from "./explain-revocations.ts";
import { houseFeedId } from "./feeds.ts";
import { listGateways } from "./gateways.ts";
import { type Sql, sql } from "./sql.ts";
import { findHolders, subjectKeys } from "./subject-holders.ts";

const candidatesMax = 20;
const gatewaysMax = 100;

type Question = Omit<Asked, "sub"> & {
  readonly sub: unknown;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
};
type Gathered = Pick<SubjectFacts, "connections" | "candidates" | "identities"> & {
  readonly standing: readonly StandingFact[];
};

/** Gathers what the checklist asks about a subject of one tenant. Reads only; a subject that is no text has no facts. */
export async function readSubjectFacts(
  database: Database,
  tenantId: string,
  asked: Question,
  staleSec: number,
): Promise<SubjectFacts> {
  const { iss, sub } = asked;
  const { standing, ...facts } = await database.inTenant(tenantId, async (transaction) => {
    const all = await readAllConnections(transaction);
    const connections = iss === undefined ? all : all.filter(({ issuers }) => issuers.includes(iss));
    // A NUL stands in no column, and no claim of that length is a subject.
    const known = typeof sub === "string" && sub !== "" && sub.length <= 1_024 && !sub.includes("\0");
    return known
      ? aboutSubject(transaction, all, connections, { ...asked, sub }, { tenantId, staleSec })
      : { connections, candidates: [], identities: [], standing: [] };
  });
  const makes = iss !== undefined && typeof sub === "string" && facts.connections.length > 0;
  return {
    ...facts,
    revocations: await enforcementOf(database, tenantId, standing, staleSec),
    gateways: [
      ...(await gatewaysOf(database, tenantId, staleSec, "tenant")),
      ...(await gatewaysOf(database, houseFeedId, staleSec, "all")),
    ],
    provisioning: makes
      ? await readProvisioningFact(database, tenantId, facts.connections, { ...asked, iss, sub })
      : undefined,
    otherTenants: [],
  };
}

/** With how far the gateways are that follow all tenants. */
async function enforcementOf(
  database: Database,
  tenantId: string,
  standing: readonly StandingFact[],
  staleSec: number,
): Promise<readonly RevocationFact[]> {
  const keys = standing.map(({ key, fact }) => ({ ...key, seq: fact.seq }));
  const inHouse = await readHouseEnforcement(database, tenantId, keys, staleSec);
  return standing.map(({ fact, own }, at) => {
    const house = inHouse[at];
    return { ...fact, houseSeq: house?.seq, enforcedAt: enforcedBy(house === undefined ? [own] : [own, house]) };
  });
}

async function gatewaysOf(
  database: Database,
  feedId: string,
  staleSec: number,
  follows: GatewayFact["follows"],
): Promise<readonly GatewayFact[]> {
  const { items } = await listGateways(database, feedId, staleSec, { after: undefined, limit: gatewaysMax });
  return items.map(({ name, standing, seq, seqAt, behind, asOfAgeMs, heardAgeMs }) => ({
    name,
    follows,
    // Who is heard and is blind all the same says itself that what it holds is old.
    standing: standing === "blind" && heardAgeMs <= 2_000 * staleSec ? "stale" : standing,
    seq,
    seqAt,
    behind,
    asOfAgeMs,
  }));
}

async function aboutSubject(
  transaction: Transaction,
  all: readonly Connection[],
  connections: readonly Connection[],
  asked: Asked,
  feed: { readonly tenantId: string; readonly staleSec: number },
): Promise<Gathered> {
  const { iss, sub } = asked;
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
    standing: await readRevocationFacts(transaction, asked, keys, candidates, feed),
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
