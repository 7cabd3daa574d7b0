import type { Connection, SubjectKind } from "../domain/index.ts";
import { compareGroups } from "./compare-groups.ts";
import { compareStrangers } from "./compare-strangers.ts";
import { type Compared, compareUsers } from "./compare-users.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

/** Users and groups by their ids, whether the directory has them or not. */
export type NamedSubjects = { readonly users: readonly string[]; readonly groups: readonly string[] };

/** The tenant's connections by their ids. */
export async function readCompared(transaction: Transaction): Promise<ReadonlyMap<string, Connection>> {
  const rows = await transaction.query<ConnectionRow>(sql`SELECT ${connectionColumns} FROM connection ORDER BY id`);
  return new Map(rows.map((row) => [row.id, toConnection(row)]));
}

/** Compares subjects that are named, one by one. */
export async function compareSubjects(
  transaction: Transaction,
  connections: ReadonlyMap<string, Connection>,
  { users, groups }: NamedSubjects,
): Promise<Compared> {
  const found = [
    await compareUsers(transaction, connections, users),
    await compareStrangers(transaction, users),
    ...(groups.length === 0 ? [] : [await compareGroups(transaction, groups)]),
  ];
  return {
    differences: found.flatMap(({ differences }) => differences),
    waiting: found.flatMap(({ waiting }) => waiting),
  };
}

/** The ids of a connection's users or groups behind one and up to another. */
export async function readPiece(
  transaction: Transaction,
  kind: SubjectKind,
  connectionId: string,
  after: string | undefined,
  last: string,
): Promise<readonly string[]> {
  const subjects = kind === "user" ? sql`directory_user` : sql`directory_group`;
  const rows = await transaction.query<{ id: string }>(sql`
    SELECT id FROM ${subjects} WHERE connection_id = ${connectionId} AND ${placesAfter(sql`id`, after)} AND id <= ${last} ORDER BY id`);
  return rows.map(({ id }) => id);
}

/** The directory users who are one person. */
export async function readTied(transaction: Transaction, userId: string): Promise<readonly string[]> {
  const rows = await transaction.query<{ id: string }>(sql`
    SELECT id FROM (SELECT ${userId}::uuid AS id UNION SELECT directory_user_id FROM link WHERE user_id = ${userId}) AS tied ORDER BY id`);
  return rows.map(({ id }) => id);
}
