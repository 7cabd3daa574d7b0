import type { Listed, Listing, ListedPart } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { filterSql, isLookup } from "./directory-filter.ts";
import { type ListedRow, toListed } from "./listed-row.ts";
import { tables } from "./resource-columns.ts";
import { type Sql, sql } from "./sql.ts";
import { type MembershipRow, membershipsByUser, membershipsStatement } from "./user-memberships.ts";

/** What a provider asks before it creates somebody: one kind, by one of few attributes, from the beginning. */
export type Lookup = { readonly part: ListedPart; readonly base: string; readonly withMemberships: boolean };

/** Undefined for a list that is none. */
export function lookupIn({ parts, sort, base, withMemberships = false }: Listing): Lookup | undefined {
  const [part, ...others] = parts;
  if (part?.filter === undefined || others.length > 0 || sort !== undefined || !isLookup(part.filter)) return undefined;
  return { part, base, withMemberships };
}

/**
 * All whom a look-up finds, in the order of their ids and with their memberships where asked for, in
 * one round trip; undefined where there are more than `most`, who are to be counted and paged.
 */
export async function lookUp(
  database: Database,
  tenantId: string,
  connectionId: string,
  lookup: Lookup,
  most: number,
): Promise<readonly Listed[] | undefined> {
  const { kind } = lookup.part;
  const found = matching(connectionId, lookup, sql`id, attributes, version, created_at, updated_at`, most);
  const statement = sql`SELECT ${kind}::text AS kind, found.* FROM (${found}) AS found`;
  const rows =
    kind === "User" && lookup.withMemberships
      ? await withMemberships(database, tenantId, connectionId, lookup, statement, most)
      : await database.once<ListedRow>(tenantId, statement);
  return rows.length > most
    ? undefined
    : rows.map(toListed).toSorted((a, b) => (a.resource.id < b.resource.id ? -1 : 1));
}

async function withMemberships(
  database: Database,
  tenantId: string,
  connectionId: string,
  lookup: Lookup,
  statement: Sql,
  most: number,
): Promise<readonly ListedRow[]> {
  const ids = sql`ARRAY(${matching(connectionId, lookup, sql`id`, most)})`;
  const [rows, edges] = await database.pair<ListedRow, MembershipRow>(
    tenantId,
    statement,
    membershipsStatement(connectionId, ids),
  );
  const memberships = membershipsByUser(edges);
  return rows.map((row) => ({ ...row, memberships: memberships.get(row.id) ?? [] }));
}

// One more than wanted tells that there are too many. Planned apart from that limit, so that the filter's own index is taken.
function matching(connectionId: string, { part, base }: Lookup, columns: Sql, most: number): Sql {
  const { kind, filter } = part;
  const condition = filter === undefined ? sql`true` : filterSql(filter, { kind, connectionId, base });
  return sql`WITH matching AS MATERIALIZED (
      SELECT ${columns} FROM ${tables[kind]} WHERE connection_id = ${connectionId} AND deleted_at IS NULL AND ${condition}
    ) SELECT * FROM matching LIMIT ${most + 1}`;
}
