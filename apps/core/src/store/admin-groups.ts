import { foldCase } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { denialsOf } from "./admin-users.ts";
import { joinEach } from "./index-condition.ts";
import { placesAfter } from "./keyset-place.ts";

/** A group as its identity provider last described it, and whether the application believes the same. */
export type AdminGroup = {
  readonly id: string;
  readonly connectionId: string;
  readonly displayName: string;
  readonly externalId: string | null;
  readonly deletedAt: Date | null;
  /** The directory has changed since the user store was last converged. */
  readonly behind: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type AdminGroupShown = AdminGroup & {
  /** Users and groups that it holds itself. */
  readonly members: number;
  /** Members that came before their user or group. */
  readonly parked: number;
  /** Users that the application has in it, whether directly or through groups within it. */
  readonly admitted: number;
};

/** A user or a group that a group holds itself. */
export type AdminGroupMember = {
  readonly id: string;
  readonly kind: "User" | "Group";
  /** The user's userName, or the group's displayName. */
  readonly name: string;
  /** The application's user that it is. */
  readonly userId: string | null;
  /** Why the user is refused; empty for one who may enter, and for groups. */
  readonly denials: readonly string[];
  readonly since: Date;
};

export type GroupQuery = {
  readonly connectionId?: string | undefined;
  /** What the name begins with, in any case. */
  readonly name?: string | undefined;
};

const columns = sql`grp.id, grp.connection_id AS "connectionId", grp.display_name AS "displayName", grp.external_id AS "externalId", grp.deleted_at AS "deletedAt",
  coalesce(app.applied_version, 0) < grp.version AND (grp.deleted_at IS NULL OR app.id IS NOT NULL) AS behind, grp.created_at AS "createdAt", grp.updated_at AS "updatedAt"`;

/** Living groups, in the order of their ids. Each connection is read in the order of its index. */
export async function listGroups(
  database: Database,
  tenantId: string,
  { connectionId, name }: GroupQuery,
  page: KeysetRequest,
): Promise<Keyset<AdminGroup>> {
  const rows = await database.once<AdminGroup>(
    tenantId,
    sql`SELECT ${columns}
      FROM connection CROSS JOIN LATERAL (
        SELECT * FROM directory_group AS candidate
        WHERE candidate.connection_id = connection.id AND candidate.deleted_at IS NULL
          AND ${placesAfter(sql`candidate.id`, page.after)}${beginning(name)}
        ORDER BY candidate.id LIMIT ${page.limit + 1}
      ) AS grp ${joinEach(sql`app`, sql`SELECT id, applied_version FROM app_group WHERE app_group.id = grp.id`)}
      WHERE ${connectionId ?? null}::uuid IS NULL OR connection.id = ${connectionId ?? null}::uuid
      ORDER BY grp.id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

// Compared by bytes, as the index that holds names for this does.
function beginning(name: string | undefined): Sql {
  if (name === undefined) return sql``;
  const key = foldCase(name);
  return sql` AND candidate.display_name_key ~>=~ ${key} AND candidate.display_name_key ~<~ ${`${key}\u{10FFFF}`}`;
}

export async function findGroup(
  database: Database,
  tenantId: string,
  id: string,
): Promise<AdminGroupShown | undefined> {
  const [row] = await database.once<AdminGroupShown>(
    tenantId,
    sql`SELECT ${columns},
        (SELECT count(*) FROM directory_member WHERE group_id = grp.id AND member_id IS NOT NULL) AS members,
        (SELECT count(*) FROM directory_member WHERE group_id = grp.id AND member_id IS NULL) AS parked,
        (SELECT count(DISTINCT user_id) FROM app_group_member WHERE group_id = grp.id) AS admitted
      FROM directory_group AS grp LEFT JOIN app_group AS app ON app.id = grp.id WHERE grp.id = ${id}`,
  );
  return row;
}

/** Whom a group holds itself, in the order of their ids; undefined where there is no such group. */
export async function listGroupMembers(
  database: Database,
  tenantId: string,
  groupId: string,
  page: KeysetRequest,
): Promise<Keyset<AdminGroupMember> | undefined> {
  return database.inTenant(tenantId, async (transaction) => {
    const [known] = await transaction.query(sql`SELECT id FROM directory_group WHERE id = ${groupId}`);
    if (known === undefined) return undefined;
    const rows = await transaction.query<AdminGroupMember>(sql`
      SELECT edge.member_id AS id, edge.kind, coalesce(usr.user_name, nested.display_name, '') AS name, CASE WHEN edge.kind = 'User' THEN coalesce(link.user_id, usr.id) END AS "userId",
        ${denialsOf(sql`link.user_id`, sql`usr.id`)} AS denials, edge.created_at AS since
      FROM (
        SELECT * FROM directory_member WHERE group_id = ${groupId} AND member_id IS NOT NULL AND ${placesAfter(sql`member`, page.after)}
        ORDER BY member LIMIT ${page.limit + 1}
      ) AS edge
        ${joinEach(sql`usr`, sql`SELECT id, user_name FROM directory_user AS own WHERE edge.kind = 'User' AND own.id = edge.member_id`)}
        ${joinEach(sql`link`, sql`SELECT user_id FROM link AS tie WHERE tie.directory_user_id = usr.id`)}
        ${joinEach(sql`nested`, sql`SELECT display_name FROM directory_group AS own WHERE edge.kind = 'Group' AND own.id = edge.member_id`)}
      ORDER BY edge.member`);
    // A member that is known is kept under its id.
    return keyset(rows, page.limit, ({ id }) => id);
  });
}
