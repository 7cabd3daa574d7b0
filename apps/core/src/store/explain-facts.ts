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
import { readCandidates, toTie } from "./explain-candidates.ts";
import { enforcedBy, readHouseEnforcement } from "./enforcement.ts";
import { readProvisioningFact } from "./explain-provisioning.ts";
import { type Asked, countNarrowDenials, readRevocationFacts, type StandingFact } from "./explain-revocations.ts";
import { readStandings } from "./explain-standings.ts";
import { houseFeedId } from "./feeds.ts";
import { listGateways } from "./gateways.ts";
import { type Sql, sql } from "./sql.ts";
import { findHolders, subjectKeys } from "./subject-holders.ts";
import { isTransient } from "./transient.ts";

const candidatesMax = 20;
const gatewaysMax = 100;

type Question = Omit<Asked, "sub"> & {
  readonly sub: unknown;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** Many are asked about at once: for none of them is every user read. */
  readonly isOneOfMany?: boolean;
};
type Known = { readonly connections: readonly Connection[]; readonly tenantConnections: readonly Connection[] };
type Gathered = Pick<SubjectFacts, "candidates" | "identities" | "standings" | "narrowDenials"> & {
  readonly standing: readonly StandingFact[];
};

/** Whoever asks wants an answer, and that something is held is one. */
const patience = sql`SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '20s', true)`;

/**
 * Gathers what the checklist asks about a subject of one tenant. Reads only; a subject that is no text has no
 * facts. Where the connections can be read and nothing behind them, the facts say so.
 */
export async function readSubjectFacts(
  database: Database,
  tenantId: string,
  asked: Question,
  staleSec: number,
): Promise<SubjectFacts> {
  const { iss, sub } = asked;
  const tenantConnections = await readAllConnections(database, tenantId);
  const connections =
    iss === undefined ? tenantConnections : tenantConnections.filter(({ issuers }) => issuers.includes(iss));
  const known = { connections, tenantConnections, otherTenants: [] };
  try {
    const { standing, ...facts } = await gather(database, tenantId, asked, { known, staleSec });
    const makes = iss !== undefined && typeof sub === "string" && connections.length > 0;
    return {
      ...known,
      ...facts,
      revocations: await enforcementOf(database, tenantId, standing, staleSec),
      gateways: [
        ...(await gatewaysOf(database, tenantId, staleSec, "tenant")),
        ...(await gatewaysOf(database, houseFeedId, staleSec, "all")),
      ],
      provisioning: makes
        ? await readProvisioningFact(database, tenantId, connections, { ...asked, iss, sub })
        : undefined,
    };
  } catch (error) {
    if (!isTransient(error)) throw error;
    const { code = "no code" } = error as { readonly code?: string };
    const unreachable = `the database did not answer what was asked of it (${code})`;
    return { ...known, candidates: [], identities: [], revocations: [], gateways: [], unreachable };
  }
}

async function gather(
  database: Database,
  tenantId: string,
  asked: Question,
  { known, staleSec }: { readonly known: Known; readonly staleSec: number },
): Promise<Gathered> {
  const { sub } = asked;
  // A NUL stands in no column, and no claim of that length is a subject.
  const isAskable = typeof sub === "string" && sub !== "" && sub.length <= 1_024 && !sub.includes("\0");
  if (!isAskable) return { candidates: [], identities: [], standing: [] };
  return database.inTenant(tenantId, async (transaction) => {
    await transaction.query(patience);
    return aboutSubject(transaction, known, { ...asked, sub }, { tenantId, staleSec });
  });
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
  { connections, tenantConnections }: Known,
  asked: Asked & Pick<Question, "isOneOfMany">,
  feed: { readonly tenantId: string; readonly staleSec: number },
): Promise<Gathered> {
  const { iss, sub } = asked;
  const keys = subjectKeys(connections, sub);
  const identities = await readIdentities(transaction, iss, keys);
  const holders = await findHolders(transaction, connections, sub);
  const near = await nearIds(transaction, sub);
  const ids = [...new Set([...holders, ...identities].map(({ directoryUserId }) => directoryUserId).concat(near))];
  // Only an admin's question for a subject that no index knows is worth reading every user.
  const found = ids.length > 0 || asked.isOneOfMany === true ? ids : await scannedIds(transaction, sub);
  const byId = new Map(tenantConnections.map((connection) => [connection.id, connection]));
  const candidates = await readCandidates(transaction, byId, found.slice(0, candidatesMax));
  const bringing = [
    ...new Set([...connections, ...candidates.map(({ connection }) => connection)].map(({ id }) => id)),
  ];
  return {
    candidates,
    identities,
    standings: await readStandings(transaction, bringing, {
      iss,
      sub,
      candidateIds: candidates.map(({ directoryUserId }) => directoryUserId),
    }),
    narrowDenials: iss === undefined ? 0 : await countNarrowDenials(transaction, iss),
    standing: await readRevocationFacts(transaction, asked, keys, candidates, feed),
  };
}

/** Those that were removed too: their users are known as those whom they brought, and tokens of theirs are nobody's. */
async function readAllConnections(database: Database, tenantId: string): Promise<readonly Connection[]> {
  const rows = await database.once<ConnectionRow & { removed: boolean }>(
    tenantId,
    sql`SELECT ${connectionColumns}, connection.removed_at IS NOT NULL AS removed FROM connection ORDER BY id`,
  );
  return rows.map((row) => ({ ...toConnection(row), ...(row.removed ? { issuers: [] } : {}) }));
}

async function readIdentities(
  transaction: Transaction,
  iss: string | undefined,
  keys: readonly string[],
): Promise<SubjectFacts["identities"]> {
  const rows = await transaction.query<
    Omit<SubjectFacts["identities"][number], "linked"> & { linked_at: Date | null; linked_by: string | null }
  >(sql`
    SELECT iss, sub, user_id AS "userId", directory_user_id AS "directoryUserId", alias, linked_at, linked_by FROM identity
    WHERE sub_key = ANY(${keys}::text[]) AND iss = coalesce(${iss ?? null}::text, iss) ORDER BY alias, iss LIMIT ${candidatesMax}`);
  return rows.map(({ linked_at, linked_by, ...identity }) => ({
    ...identity,
    linked: toTie({ linked_at, linked_by }),
  }));
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
