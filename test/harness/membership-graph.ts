import { sql } from "@rollcall/core/store";
import type { House } from "./house.ts";

/** Who is in which group, as `group user` pairs of ids, sorted. */
export type Pairs = readonly string[];

/** What the directory's edges come to: every group that a user can be reached from, worked out here and not by the house. */
export async function readClosure({ database }: Pick<House, "database">, tenantId: string): Promise<Pairs> {
  const edges = await database.once<{ group_id: string; member_id: string; kind: "User" | "Group" }>(
    tenantId,
    sql`SELECT edge.group_id, edge.member_id, edge.kind FROM directory_member AS edge
      JOIN directory_group AS grp ON grp.id = edge.group_id AND grp.deleted_at IS NULL WHERE edge.member_id IS NOT NULL`,
  );
  const held = Map.groupBy(edges, ({ group_id: groupId }) => groupId);
  const pairs = [...held.keys()].flatMap((root) => {
    const seen = new Set([root]);
    const users = new Set<string>();
    const pending = [root];
    for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
      for (const { member_id: id, kind } of held.get(group) ?? []) {
        if (kind === "User") users.add(id);
        else if (!seen.has(id)) pending.push(id);
        if (kind === "Group") seen.add(id);
      }
    }
    return [...users].map((user) => `${root} ${user}`);
  });
  return pairs.toSorted();
}

/** What the application believes. */
export async function readAssignments({ database }: Pick<House, "database">, tenantId: string): Promise<Pairs> {
  const rows = await database.once<{ pair: string }>(
    tenantId,
    sql`SELECT group_id || ' ' || directory_user_id AS pair FROM app_group_member`,
  );
  return rows.map(({ pair }) => pair).toSorted();
}
