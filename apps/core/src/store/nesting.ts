import { DirectoryError } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { Sql, sql } from "./sql.ts";

// Each user of a nested group gets a row for every group above it.
const levelsMax = 32;
const groupsAboveMax = 1_000;
const groupsBelowMax = 10_000;

/**
 * Which groups these directory users belong to, as a query of `member_id`, `group_id` and whether the
 * membership is `direct`: those whose edges name them, and those that hold such a group, however
 * deep. Groups that hold each other have the same members; UNION walks through a circle once.
 */
export function belonging(directoryUserIds: readonly string[] | Sql): Sql {
  const ids = directoryUserIds instanceof Sql ? directoryUserIds : sql`${directoryUserIds}::uuid[]`;
  return sql`
    WITH RECURSIVE direct AS MATERIALIZED (
      SELECT member_id, group_id FROM directory_member WHERE member_id = ANY(${ids}) AND kind = 'User'
    ), around (base, group_id) AS (
      SELECT DISTINCT group_id, group_id FROM direct
      UNION
      SELECT around.base, holder.group_id FROM around CROSS JOIN LATERAL (
        SELECT group_id FROM directory_member WHERE member_id = around.group_id
        OFFSET 0 -- looked up one by one, whatever the planner believes of the table's size
      ) AS holder
    )
    SELECT direct.member_id, around.group_id, bool_or(around.base = around.group_id) AS direct
    FROM direct JOIN around ON around.base = direct.group_id
    GROUP BY direct.member_id, around.group_id`;
}

/**
 * Throws `too_many` where groups that were just put into others nest too deep, or where one has too
 * many around it. A circle is none: RFC 7643 §4.2 does not forbid it, directories that providers
 * mirror hold some, and a refusal would lose the rest of the request.
 */
export async function checkNesting(
  transaction: Transaction,
  holderIds: readonly string[],
  heldIds: readonly string[],
): Promise<void> {
  if (holderIds.length === 0 || heldIds.length === 0) return;
  const above = await levelsFrom(transaction, holderIds, groupsAboveMax, (ids) => ({
    found: sql`group_id`,
    which: sql`member_id = ANY(${ids}::uuid[])`,
  }));
  const below = await levelsFrom(transaction, heldIds, groupsBelowMax, (ids) => ({
    found: sql`member_id`,
    which: sql`group_id = ANY(${ids}::uuid[]) AND kind = 'Group'`,
  }));
  if (above + below > levelsMax) throw tooDeep();
}

type Step = (ids: readonly string[]) => { readonly found: Sql; readonly which: Sql };

/** How many levels of groups there are in one direction, the first of them included. Each group is looked at once. */
async function levelsFrom(
  transaction: Transaction,
  ids: readonly string[],
  groupsMax: number,
  step: Step,
): Promise<number> {
  const seen = new Set(ids);
  let frontier = ids;
  for (let levels = 0; ; levels += 1) {
    if (frontier.length === 0) return levels;
    if (levels >= levelsMax) throw tooDeep();
    if (seen.size > groupsMax + ids.length)
      throw new DirectoryError("too_many", `a group may have at most ${groupsMax} groups around it on one side`);
    const { found, which } = step(frontier);
    const rows = await transaction.query<{ id: string }>(
      sql`SELECT DISTINCT ${found} AS id FROM directory_member WHERE ${which}`,
    );
    frontier = rows.flatMap(({ id }) => (seen.has(id) ? [] : [id]));
    for (const id of frontier) seen.add(id);
  }
}

function tooDeep(): DirectoryError {
  return new DirectoryError("too_many", `groups may be nested at most ${levelsMax} deep`);
}
