import {
  type AttributeTimes,
  canonicalName,
  type Connection,
  foldCase,
  type IdAttribute,
  type NamedUser,
  type SubjectNames,
  subjectKey,
  type UserAttributes,
} from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { findHolders } from "./subject-holders.ts";

/** Whom a provider means, with the row locked until the transaction ends. */
export type LockedUser = NamedUser & { readonly id: string; readonly version: number };

type LockedRow = {
  id: string;
  version: number;
  attributes: UserAttributes;
  deleted: boolean;
  stated_at: Date | null;
  attribute_times: AttributeTimes | null;
  updated_at: Date;
};

/**
 * The connection's user of these names; undefined where there is none, or where it could be two. The
 * provider's own id decides where the directory knows it: a name goes from person to person, and what
 * is said of its old owner must not strike the new one. The living come before tombstones.
 */
export async function lockNamedUser(
  transaction: Transaction,
  connection: Connection,
  names: SubjectNames,
  idAttribute: IdAttribute,
): Promise<LockedUser | undefined> {
  const which = await conditionOf(transaction, connection, names, idAttribute);
  if (which === undefined) return undefined;
  const [row] = await transaction.query<LockedRow>(sql`
    SELECT id, version, attributes, deleted_at IS NOT NULL AS deleted, stated_at, attribute_times, updated_at FROM directory_user
    WHERE connection_id = ${connection.id} AND ${which}
    ORDER BY deleted_at DESC NULLS FIRST LIMIT 1 FOR UPDATE`);
  return (
    row && {
      id: row.id,
      version: row.version,
      attributes: row.attributes,
      deleted: row.deleted,
      statedAt: row.stated_at ?? undefined,
      attributeTimes: row.attribute_times ?? undefined,
      updatedAt: row.updated_at,
    }
  );
}

/** The same user's version at this moment, without holding them. */
export async function seeNamedUser(
  transaction: Transaction,
  connection: Connection,
  names: SubjectNames,
  idAttribute: IdAttribute,
): Promise<Pick<LockedUser, "id" | "version"> | undefined> {
  const which = await conditionOf(transaction, connection, names, idAttribute);
  if (which === undefined) return undefined;
  const [row] = await transaction.query<Pick<LockedUser, "id" | "version">>(sql`
    SELECT id, version FROM directory_user WHERE connection_id = ${connection.id} AND ${which}
    ORDER BY deleted_at DESC NULLS FIRST LIMIT 1`);
  return row;
}

async function conditionOf(
  transaction: Transaction,
  connection: Connection,
  names: SubjectNames,
  idAttribute: IdAttribute,
): Promise<Sql | undefined> {
  if (names.id !== undefined && idAttribute === "externalId") {
    const named = names.userName === undefined ? undefined : nameKey(names.userName);
    // Whoever has no externalId yet is told by name alone.
    return sql`(external_id = ${names.id} OR (external_id IS NULL AND user_name_key = ${named ?? null}::text))`;
  }
  if (names.token !== undefined) return tokenCondition(transaction, connection, names.token);
  const key = names.userName === undefined ? undefined : nameKey(names.userName);
  if (key !== undefined) return sql`user_name_key = ${key}`;
  if (names.email === undefined) return undefined;
  return sql`id IN (
    SELECT (min(user_id::text))::uuid FROM directory_email
    WHERE directory_email.connection_id = ${connection.id} AND email_key = (SELECT rollcall_key(${foldCase(names.email)}))
    HAVING count(*) = 1)`;
}

async function tokenCondition(
  transaction: Transaction,
  connection: Connection,
  { iss, sub }: NonNullable<SubjectNames["token"]>,
): Promise<Sql | undefined> {
  if (!connection.issuers.includes(iss)) return undefined;
  const holders = await findHolders(transaction, [connection], sub);
  const key = subjectKey(connection.subjectCompare, sub);
  return sql`id IN (
    SELECT directory_user_id FROM identity WHERE identity.tenant_id = ${connection.tenantId} AND iss = ${iss} AND sub_key = ${key}
    UNION SELECT unnest(${holders.map(({ directoryUserId }) => directoryUserId)}::uuid[]))`;
}

/** Undefined for what can be nobody's name. */
function nameKey(userName: string): string | undefined {
  try {
    return canonicalName("userName", userName);
  } catch {
    return undefined;
  }
}
