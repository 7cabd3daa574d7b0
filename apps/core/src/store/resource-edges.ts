import type { Column, Searched } from "./resource-columns.ts";
import { type Sql, sql } from "./sql.ts";

/** The attribute of a resource that is not held but made of membership edges. */
export type Edges = {
  readonly attribute: "groups" | "members";
  /** The resource's own, as rows named `edge`. */
  readonly rows: Sql;
  /** The order in which they are shown. */
  readonly order: Sql;
  column(path: string): Column | undefined;
  /** The resources with an edge that meets a condition on its column `path`, found from the other end. */
  from(path: string, condition: (column: Column) => Sql): Sql | undefined;
};

export function edgesOf(searched: Searched): Edges {
  return searched.kind === "User" ? groupEdges(searched) : memberEdges(searched);
}

const plain = (value: Sql): Column => ({ kind: "text", value, folded: false });

/** A user's groups (RFC 7643 §4.1.2): those whose edges name them, and those that hold such a group. */
function groupEdges({ connectionId, base }: Searched): Edges {
  const group = (alias: { readonly id: Sql; readonly name: Sql }, path: string): Column | undefined => {
    switch (path) {
      case "value":
        return plain(sql`${alias.id}::text`);
      case "display":
        return plain(alias.name);
      case "$ref":
        return plain(sql`(${`${base}/Groups/`}::text || ${alias.id}::text)`);
      default:
        return undefined;
    }
  };
  const living = sql`grp.connection_id = ${connectionId} AND grp.deleted_at IS NULL`;
  return {
    attribute: "groups",
    rows: sql`(
      WITH RECURSIVE around (group_id, direct) AS (
        SELECT direct.group_id, true FROM directory_member AS direct WHERE direct.member_id = directory_user.id AND direct.kind = 'User'
        UNION
        SELECT holder.group_id, false FROM around CROSS JOIN LATERAL (
          SELECT group_id FROM directory_member WHERE member_id = around.group_id OFFSET 0
        ) AS holder
      )
      SELECT grp.id, grp.display_name, bool_or(around.direct) AS direct FROM around JOIN directory_group AS grp ON grp.id = around.group_id
      WHERE ${living} GROUP BY grp.id, grp.display_name
    ) AS edge`,
    order: sql`edge.id`,
    column: (path) =>
      path === "type"
        ? plain(sql`CASE WHEN edge.direct THEN 'direct' ELSE 'indirect' END`)
        : group({ id: sql`edge.id`, name: sql`edge.display_name` }, path),
    from: (path, condition) => {
      const column = group({ id: sql`grp.id`, name: sql`grp.display_name` }, path);
      return (
        column &&
        sql`directory_user.id IN (
          WITH RECURSIVE within (group_id) AS (
            SELECT grp.id FROM directory_group AS grp WHERE ${living} AND ${condition(column)}
            UNION
            SELECT held.member_id FROM within CROSS JOIN LATERAL (
              SELECT member_id FROM directory_member WHERE group_id = within.group_id AND kind = 'Group' OFFSET 0
            ) AS held
          )
          SELECT edge.member_id FROM within JOIN directory_member AS edge ON edge.group_id = within.group_id AND edge.kind = 'User'
        )`
      );
    },
  };
}

/** A group's members. One that nobody knows yet has a value and nothing else. */
function memberEdges({ base }: Searched): Edges {
  const column = (path: string): Column | undefined => {
    switch (path) {
      case "value":
        return plain(sql`edge.member`);
      case "display":
        return plain(
          sql`CASE edge.kind WHEN 'User' THEN (SELECT coalesce(usr.attributes ->> 'displayName', usr.user_name) FROM directory_user AS usr WHERE usr.id = edge.member_id)
            WHEN 'Group' THEN (SELECT nested.display_name FROM directory_group AS nested WHERE nested.id = edge.member_id) END`,
        );
      case "type":
        return plain(sql`edge.kind`);
      case "$ref":
        return plain(sql`(${`${base}/`}::text || edge.kind || 's/' || edge.member)`);
      default:
        return undefined;
    }
  };
  return {
    attribute: "members",
    rows: sql`(SELECT member, member_id, kind FROM directory_member WHERE group_id = directory_group.id) AS edge`,
    order: sql`edge.member`,
    column,
    from: () => undefined,
  };
}
