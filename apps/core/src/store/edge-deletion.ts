import { type Sql, sql } from "./sql.ts";

/**
 * Deletes the edges that a condition finds. They are locked in one order, the same for all: two who
 * each held an edge that the other wants would both wait. And they are deleted by where they lie,
 * which is good for one statement: a join with the table would leave it to the planner to read all of it.
 */
export function deleteEdges(which: Sql): Sql {
  return sql`DELETE FROM directory_member WHERE ctid = ANY(ARRAY(SELECT ctid FROM directory_member WHERE ${which} ORDER BY group_id, member FOR UPDATE))`;
}
