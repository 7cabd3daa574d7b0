import { type Connection, foldCase, isId, subjectKey } from "../domain/index.ts";
import { isNoCanary } from "./canary.ts";
import { readConnectionsNaming, subjectKeys } from "./subject-holders.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { firstOf, joinEach } from "./index-condition.ts";
import { placesAfter } from "./keyset-place.ts";

/** One directory user and the application's user that it is tied to. */
export type UserSummary = {
  /** The application's user id. */
  readonly id: string;
  readonly directoryUserId: string;
  readonly connectionId: string;
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly active: boolean;
  readonly deletedAt: Date | undefined;
  /** The directory has changed since the user store was last converged. */
  readonly behind: boolean;
  /** Why the user is refused; empty for a user who may enter. */
  readonly denials: readonly string[];
  /** When an admin linked it to another user than its own. */
  readonly linkedAt: Date | undefined;
};

/** By what an admin looks for a user; every criterion given must match. */
export type UserQuery = {
  readonly id?: string | undefined;
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  readonly userName?: string | undefined;
  readonly externalId?: string | undefined;
};

type SummaryRow = {
  id: string;
  directory_user_id: string;
  connection_id: string;
  user_name: string;
  external_id: string | null;
  active: boolean;
  deleted_at: Date | null;
  behind: boolean;
  denials: string[];
  linked_at: Date | null;
};

/** Why the application's user is refused: the one that a directory user is tied to, or else its own. */
export function denialsOf(tiedId: Sql, ownId: Sql): Sql {
  return sql`ARRAY(SELECT reason FROM denial WHERE denial.user_id = ${firstOf(tiedId, ownId)} ORDER BY since, reason)`;
}

const summaryColumns = sql`coalesce(link.user_id, usr.id) AS id, usr.id AS directory_user_id, usr.connection_id, usr.user_name, usr.external_id, usr.active,
  usr.deleted_at, coalesce(link.applied_version, 0) < usr.version AS behind,
  ${denialsOf(sql`link.user_id`, sql`usr.id`)} AS denials, link.linked_at`;

/** Users in the order of their directory ids. A criterion that could be nobody's finds nobody. */
export async function findUsers(
  database: Database,
  tenantId: string,
  query: UserQuery,
  page: KeysetRequest,
): Promise<Keyset<UserSummary>> {
  return database.inTenant(tenantId, async (transaction) => {
    const criteria = await criteriaOf(transaction, query);
    if (criteria === "nobody") return { items: [], next: undefined };
    // Each connection is read in the order of its index, so a page costs the same at ten users and at a million.
    const rows = await transaction.query<SummaryRow>(sql`
      SELECT ${summaryColumns}
      FROM connection CROSS JOIN LATERAL (
        SELECT * FROM directory_user AS candidate
        WHERE candidate.connection_id = connection.id AND ${placesAfter(sql`candidate.id`, page.after)} AND ${isNoCanary(sql`candidate.id`)}${criteria}
        ORDER BY candidate.id LIMIT ${page.limit + 1}
      ) AS usr ${joinEach(sql`link`, sql`SELECT user_id, applied_version, linked_at FROM link AS tie WHERE tie.directory_user_id = usr.id`)}
      ORDER BY usr.id LIMIT ${page.limit + 1}`);
    return keyset(rows.map(toSummary), page.limit, ({ directoryUserId }) => directoryUserId);
  });
}

async function criteriaOf(transaction: Transaction, query: UserQuery): Promise<Sql | "nobody"> {
  let criteria = sql``;
  if (query.id !== undefined) {
    if (!isId(query.id)) return "nobody";
    criteria = sql`${criteria} AND (candidate.id = ${query.id} OR candidate.id IN (SELECT directory_user_id FROM link WHERE user_id = ${query.id}))`;
  }
  if (query.userName !== undefined)
    criteria = sql`${criteria} AND candidate.user_name_key = ${foldCase(query.userName)}`;
  if (query.externalId !== undefined) criteria = sql`${criteria} AND candidate.external_id = ${query.externalId}`;
  if (query.sub !== undefined) {
    const ids = await identityUsers(transaction, query.iss, query.sub);
    if (ids.length === 0) return "nobody";
    criteria = sql`${criteria} AND candidate.id IN (SELECT directory_user_id FROM link WHERE user_id = ANY(${ids}::uuid[]))`;
  }
  return criteria;
}

async function identityUsers(
  transaction: Transaction,
  iss: string | undefined,
  sub: string,
): Promise<readonly string[]> {
  const keys = [...new Set([sub, foldCase(sub)])];
  const rows = await transaction.query<{ user_id: string }>(sql`
    SELECT DISTINCT identity.user_id FROM identity
    JOIN directory_user AS usr ON usr.id = identity.directory_user_id JOIN connection ON connection.id = usr.connection_id
    WHERE identity.sub_key = ANY(${keys}::text[]) AND (connection.subject_compare = 'casefold' OR identity.sub_key = ${sub})
      AND identity.iss = coalesce(${iss ?? null}::text, identity.iss)`);
  return rows.map((row) => row.user_id);
}

/** The application's user of an id that an admin gave: its own, or a directory user's that is tied to it. */
export async function userIdOf(transaction: Transaction, id: string): Promise<string | undefined> {
  if (!isId(id)) return undefined;
  const [row] = await transaction.query<{ user_id: string }>(sql`
    SELECT user_id FROM (
      SELECT 0 AS rank, user_id FROM link WHERE user_id = ${id}
      UNION ALL SELECT 1, user_id FROM link WHERE directory_user_id = ${id}
      UNION ALL SELECT 2, id FROM directory_user WHERE id = ${id}
      UNION ALL SELECT 3, id FROM app_user WHERE id = ${id}
    ) AS found ORDER BY rank LIMIT 1`);
  return row?.user_id;
}

/** The user that holds a subject, with the keys under which the feed knows the subject. */
export async function subjectOwner(
  transaction: Transaction,
  iss: string,
  sub: string,
): Promise<{ readonly keys: readonly string[]; readonly userId: string | undefined; readonly issuerKnown: boolean }> {
  const connections = await readConnectionsNaming(transaction, iss);
  const keys = subjectKeys(connections, sub);
  const rows = await transaction.query<{ user_id: string; sub_key: string; connection_id: string }>(sql`
    SELECT identity.user_id, identity.sub_key, usr.connection_id
    FROM identity JOIN directory_user AS usr ON usr.id = identity.directory_user_id
    WHERE identity.iss = ${iss} AND identity.sub_key = ANY(${keys}::text[])
    ORDER BY identity.alias, identity.sub_key`);
  const byId = new Map(connections.map((connection) => [connection.id, connection]));
  const own = rows.find((row) => row.sub_key === keyFor(byId.get(row.connection_id), sub));
  return { keys, userId: own?.user_id, issuerKnown: connections.length > 0 };
}

function keyFor(connection: Connection | undefined, sub: string): string {
  return subjectKey(connection?.subjectCompare ?? "exact", sub);
}

function toSummary(row: SummaryRow): UserSummary {
  return {
    id: row.id,
    directoryUserId: row.directory_user_id,
    connectionId: row.connection_id,
    userName: row.user_name,
    externalId: row.external_id ?? undefined,
    active: row.active,
    deletedAt: row.deleted_at ?? undefined,
    behind: row.behind,
    denials: row.denials,
    linkedAt: row.linked_at ?? undefined,
  };
}
