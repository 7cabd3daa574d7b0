import { type Sql, sql } from "./sql.ts";

/** Where a walk through rows goes on, as a row where the order has several columns; nothing where it begins. */
type Place = string | number | Sql | null | undefined;

/**
 * The rows of a walk behind a place, in the ascending order of a column that has an index. Two statements
 * rather than one that asks whether there is a place: a plan that serves both walks through all
 * that lies before it.
 */
export function placesAfter(column: Sql, place: Place): Sql {
  return place === null || place === undefined ? sql`true` : sql`${column} > ${place}`;
}

/** The same in the descending order. */
export function placesBefore(column: Sql, place: Place): Sql {
  return place === null || place === undefined ? sql`true` : sql`${column} < ${place}`;
}
