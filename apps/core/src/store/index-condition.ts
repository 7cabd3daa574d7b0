import { type Sql, sql } from "./sql.ts";

/**
 * `coalesce()` where an index is to serve the condition: row-level security lets no condition be looked up in an
 * index of which PostgreSQL does not know that it tells nothing, and its own coalesce() is one of those.
 */
export function firstOf(value: Sql, otherwise: Sql): Sql {
  return sql`CASE WHEN ${value} IS NULL THEN ${otherwise} ELSE ${value} END`;
}

/**
 * Joins what belongs to each row, or nothing, one row at a time. A plan that is made for any number of rows expects
 * thousands, or was made while the tables were empty, and would read the whole of the other table.
 */
export function joinEach(name: Sql, belonging: Sql): Sql {
  return sql`LEFT JOIN LATERAL (${belonging} OFFSET 0) AS ${name} ON true`;
}
