import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

/** A group and all that it holds, however deep, as a query of `id`. UNION walks through a circle once. */
export function groupsWithin(groupId: string): Sql {
  return sql`WITH RECURSIVE within (id) AS (
      SELECT ${groupId}::uuid
      UNION
      SELECT edge.member_id FROM within JOIN directory_member AS edge ON edge.group_id = within.id AND edge.kind = 'Group' AND edge.member_id IS NOT NULL
    ) SELECT id FROM within`;
}

/** The ids of a group and all that it holds, in their order. */
export async function readGroupsWithin(transaction: Transaction, groupId: string): Promise<readonly string[]> {
  const rows = await transaction.query<{ id: string }>(
    sql`SELECT id FROM (${groupsWithin(groupId)}) AS within ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}

export type MemberPiece = { readonly ids: readonly string[]; readonly next: string | undefined };

/** A piece of those who are in one group, by the directory or by the user store, in the order of their ids. */
export async function readMemberPiece(
  transaction: Transaction,
  groupId: string,
  after: string | undefined,
  size: number,
): Promise<MemberPiece> {
  const rows = await transaction.query<{ id: string }>(sql`
    SELECT id FROM (
      (SELECT member_id AS id FROM directory_member
        WHERE group_id = ${groupId} AND kind = 'User' AND ${placesAfter(sql`member_id`, after)} ORDER BY member_id LIMIT ${size})
      UNION
      (SELECT directory_user_id FROM app_group_member
        WHERE group_id = ${groupId} AND ${placesAfter(sql`directory_user_id`, after)} ORDER BY directory_user_id LIMIT ${size})
    ) AS member ORDER BY id LIMIT ${size}`);
  const ids = rows.map(({ id }) => id);
  return { ids, next: ids.length < size ? undefined : ids.at(-1) };
}
