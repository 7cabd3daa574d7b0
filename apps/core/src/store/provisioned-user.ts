import { type DirectoryUser, subjectKey, subjectOf, type UserAttributes } from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** Whoever makes the user of one subject of a connection, from a token or by a create, does it one after the other. */
export async function lockProvisioning(transaction: Transaction, connectionId: string, key: string): Promise<void> {
  await transaction.query(sql`SELECT pg_advisory_xact_lock(7305611, hashtext(${`${connectionId} ${key}`}))`);
}

/**
 * A condition that no connection meets which has ever made users from tokens: only such a
 * connection's creates have somebody to look for, and only they pay for the looking.
 */
export function neverProvisions(connectionId: string): Sql {
  return sql`NOT EXISTS (SELECT FROM connection WHERE id = ${connectionId} AND just_in_time IS NOT NULL)`;
}

/**
 * The user who was made from a token of the person that is being created, and of whom the provider
 * has not spoken yet; locked, and the subject with them until the transaction ends.
 */
export async function findProvisioned(
  transaction: Transaction,
  connectionId: string,
  attributes: UserAttributes,
): Promise<Pick<DirectoryUser, "id" | "version"> | undefined> {
  const [row] = await transaction.query<ConnectionRow>(
    sql`SELECT ${connectionColumns} FROM connection WHERE id = ${connectionId}`,
  );
  if (row === undefined) return undefined;
  const connection = toConnection(row);
  // Only the rule `direct` reads the id, and under it nobody is made from a token.
  const sub = subjectOf(connection, "", attributes);
  if (sub === undefined) return undefined;
  const key = subjectKey(connection.subjectCompare, sub);
  await lockProvisioning(transaction, connectionId, key);
  const [user] = await transaction.query<Pick<DirectoryUser, "id" | "version">>(sql`
    SELECT id, version FROM directory_user
    WHERE connection_id = ${connectionId} AND provisioned_sub = ${key} AND version = 1 AND deleted_at IS NULL
    FOR NO KEY UPDATE`);
  return user;
}
