import type { Database } from "./database.ts";
import { joinSql, type Sql, sql } from "./sql.ts";

/** A member that a group names and that is neither a user nor a group of its connection yet. */
export type ParkedMember = {
  readonly groupId: string;
  readonly groupName: string;
  readonly connectionId: string;
  /** What the identity provider sent: an id or an externalId. */
  readonly value: string;
  readonly since: Date;
  readonly ageMs: number;
};

export type ParkedPage = {
  readonly items: readonly ParkedMember[];
  /** How many wait in all. */
  readonly total: number;
  readonly next: { readonly groupId: string; readonly value: string } | undefined;
};

export type ParkedQuery = {
  readonly connectionId?: string | undefined;
  readonly groupId?: string | undefined;
  readonly after?: { readonly groupId: string; readonly value: string } | undefined;
  readonly limit: number;
};

/** The members that wait for their user or group, in the order of their values. */
export async function listParkedMembers(
  database: Database,
  tenantId: string,
  { connectionId, groupId, after, limit }: ParkedQuery,
): Promise<ParkedPage> {
  const conditions = [
    sql`edge.tenant_id = ${tenantId} AND edge.member_id IS NULL`,
    ...(connectionId === undefined ? [] : [sql`grp.connection_id = ${connectionId}`]),
    ...(groupId === undefined ? [] : [sql`edge.group_id = ${groupId}`]),
  ];
  const parked = (which: readonly Sql[]): Sql =>
    sql`directory_member AS edge JOIN directory_group AS grp ON grp.id = edge.group_id AND grp.deleted_at IS NULL WHERE ${joinSql(which, " AND ")}`;
  const behind =
    after === undefined ? [] : [sql`(edge.member, edge.group_id) > (${after.value}, ${after.groupId}::uuid)`];
  const [rows, [count]] = await database.inTenant(tenantId, (transaction) =>
    Promise.all([
      transaction.query<ParkedMember>(sql`
        SELECT edge.group_id AS "groupId", grp.display_name AS "groupName", grp.connection_id AS "connectionId", edge.member AS value,
          edge.created_at AS since, floor(extract(epoch FROM now() - edge.created_at) * 1000)::double precision AS "ageMs"
        FROM ${parked([...conditions, ...behind])} ORDER BY edge.member, edge.group_id LIMIT ${limit + 1}`),
      transaction.query<{ total: number }>(sql`SELECT count(*) AS total FROM ${parked(conditions)}`),
    ]),
  );
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, total: count?.total ?? 0, next: rows.length > limit ? last : undefined };
}

/** Whether the tenant has a group of this id, and its provider still does. */
export async function hasGroup(database: Database, tenantId: string, id: string): Promise<boolean> {
  const rows = await database.once(tenantId, sql`SELECT FROM directory_group WHERE id = ${id} AND deleted_at IS NULL`);
  return rows.length > 0;
}
