import {
  attributeAt,
  type Connection,
  foldCase,
  isId,
  type Json,
  type JsonObject,
  subjectKey,
} from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** A directory user, named by the subject that its connection's rule reads from it. */
export type Holder = {
  readonly directoryUserId: string;
  readonly userId: string;
  readonly connectionId: string;
  readonly userName: string;
  readonly active: boolean;
  readonly deleted: boolean;
};

type HolderRow = {
  id: string;
  user_id: string;
  connection_id: string;
  user_name: string;
  active: boolean;
  deleted: boolean;
  attributes: JsonObject | null;
};

const columns = sql`usr.id, coalesce(link.user_id, usr.id) AS user_id, usr.connection_id, usr.user_name, usr.active, usr.deleted_at IS NOT NULL AS deleted`;
const from = sql`FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id`;

// Users whose change waits are few next to all users, but an import can make them many.
const waitingMax = 10_000;
const holdersMax = 100;

/** The tenant's connections whose users carry tokens of this issuer. */
export async function readConnectionsNaming(transaction: Transaction, iss: string): Promise<readonly Connection[]> {
  const rows = await transaction.query<ConnectionRow>(
    sql`SELECT ${connectionColumns} FROM connection WHERE ${iss} = ANY(issuers) ORDER BY id`,
  );
  return rows.map(toConnection);
}

/** Every form under which these connections may know a subject; itself where none says how to compare. */
export function subjectKeys(connections: readonly Connection[], sub: string): readonly string[] {
  return [...new Set([sub, ...connections.map((connection) => subjectKey(connection.subjectCompare, sub))])];
}

/** The directory users of these connections whose subject, by the directory's present state, is `sub`; tombstones too. */
export async function findHolders(
  transaction: Transaction,
  connections: readonly Connection[],
  sub: string,
): Promise<readonly Holder[]> {
  const found = await Promise.all(connections.map((connection) => holdersOf(transaction, connection, sub)));
  return found.flat();
}

async function holdersOf(transaction: Transaction, connection: Connection, sub: string): Promise<readonly Holder[]> {
  switch (connection.subjectRule) {
    case "federated":
      return [];
    case "direct":
      return isId(sub)
        ? read(transaction, connection, sql`(usr.id = ${sub} OR link.user_id = ${sub})`).then((rows) =>
            rows.filter(({ userId }) => userId === sub),
          )
        : [];
    case "attribute":
      return attributeHolders(transaction, connection, sub);
  }
}

async function attributeHolders(
  transaction: Transaction,
  connection: Connection,
  sub: string,
): Promise<readonly Holder[]> {
  const { subjectAttribute, subjectCompare } = connection;
  if (subjectAttribute === "userName") {
    const exact = subjectCompare === "exact" ? sql` AND usr.user_name = ${sub}` : sql``;
    return read(transaction, connection, sql`usr.user_name_key = ${foldCase(sub)}${exact}`);
  }
  if (subjectAttribute === "externalId" && subjectCompare === "exact")
    return read(transaction, connection, sql`usr.external_id = ${sub}`);
  return waitingHolders(transaction, connection, sub);
}

async function read(transaction: Transaction, connection: Connection, which: Sql): Promise<readonly Holder[]> {
  const rows = await transaction.query<HolderRow>(sql`
    SELECT ${columns} ${from} WHERE usr.connection_id = ${connection.id} AND ${which} ORDER BY usr.deleted_at IS NULL DESC, usr.id LIMIT ${holdersMax}`);
  return rows.map(toHolder);
}

/**
 * For attributes without an index: whoever has converged is found by identity, so only users with a
 * change that waits are read, newest first, and compared here as the worker will compare them.
 */
async function waitingHolders(
  transaction: Transaction,
  connection: Connection,
  sub: string,
): Promise<readonly Holder[]> {
  const head = headOf(connection.subjectAttribute);
  const rows = await transaction.query<HolderRow>(sql`
    SELECT ${columns}, jsonb_build_object(${head}::text, usr.attributes -> ${head}::text) AS attributes
    FROM (
      SELECT DISTINCT subject_id FROM (
        SELECT subject_id FROM lifecycle_event
        WHERE applied_at IS NULL AND dead_at IS NULL AND connection_id = ${connection.id} AND subject_kind = 'user' ORDER BY id DESC LIMIT ${waitingMax}
      ) AS newest
    ) AS waiting
    JOIN directory_user AS usr ON usr.id = waiting.subject_id LEFT JOIN link ON link.directory_user_id = usr.id
    WHERE usr.connection_id = ${connection.id}`);
  const key = subjectKey(connection.subjectCompare, sub);
  const matches = (value: Json | undefined): boolean =>
    typeof value === "string" && value !== "" && subjectKey(connection.subjectCompare, value) === key;
  return rows.filter((row) => matches(attributeAt(row.attributes ?? {}, connection.subjectAttribute))).map(toHolder);
}

/** The first part of an attribute's path: what must be read to know the rest. */
function headOf(path: string): string {
  if (path.startsWith("urn:")) return path.slice(0, path.lastIndexOf(":"));
  return path.split(/[.[]/)[0] ?? path;
}

function toHolder(row: HolderRow): Holder {
  return {
    directoryUserId: row.id,
    userId: row.user_id,
    connectionId: row.connection_id,
    userName: row.user_name,
    active: row.active,
    deleted: row.deleted,
  };
}
