import type { Membership } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { belonging } from "./nesting.ts";
import { type Sql, sql } from "./sql.ts";

export type MembershipRow = { member_id: string; direct: boolean; id: string; display_name: string };

/** The groups of directory users, as `MembershipRow`s in the order of the groups' ids. */
export function membershipsStatement(connectionId: string, userIds: readonly string[] | Sql): Sql {
  return sql`SELECT belonging.member_id, belonging.direct, grp.id, grp.display_name
      FROM (${belonging(userIds)}) AS belonging JOIN directory_group AS grp ON grp.id = belonging.group_id
      WHERE grp.connection_id = ${connectionId} AND grp.deleted_at IS NULL
      ORDER BY grp.id`;
}

export async function membershipsOf(
  database: Database,
  tenantId: string,
  connectionId: string,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Membership[]>> {
  if (userIds.length === 0) return new Map();
  const rows = await database.once<MembershipRow>(tenantId, membershipsStatement(connectionId, userIds));
  return membershipsByUser(rows);
}

/** Users without groups are left out. */
export function membershipsByUser(rows: readonly MembershipRow[]): ReadonlyMap<string, readonly Membership[]> {
  return new Map(
    [...Map.groupBy(rows, (row) => row.member_id)].map(([userId, held]) => [userId, held.map(toMembership)]),
  );
}

export function toMembership({ id, display_name: displayName, direct }: MembershipRow): Membership {
  return { id, displayName, direct };
}
