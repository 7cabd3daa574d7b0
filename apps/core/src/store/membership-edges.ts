import { isId, type MemberChange } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** The users whose membership changed; `parked` where an edge changed that names nobody known yet. */
export type ChangedEdges = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly parked: boolean;
};

type Edge = { readonly member: string; readonly memberId: string | null; readonly kind: "User" | "Group" | null };
type EdgeRow = { member_id: string | null; kind: "User" | "Group" | null };

/**
 * Applies member changes to one group's edges, in order, each as a set. Adding a present member and
 * removing an absent one change nothing. The caller holds the group's lock.
 */
export async function changeEdges(
  transaction: Transaction,
  tenantId: string,
  connectionId: string,
  groupId: string,
  changes: readonly MemberChange[],
): Promise<ChangedEdges> {
  const added: EdgeRow[] = [];
  const removed: EdgeRow[] = [];
  for (const change of changes) {
    if (change.values.length === 0 && change.kind !== "replace") continue;
    const edges = await resolve(transaction, connectionId, change.values);
    if (change.kind !== "add") removed.push(...(await removeEdges(transaction, groupId, change.kind, edges)));
    if (change.kind !== "remove") added.push(...(await addEdges(transaction, tenantId, groupId, edges)));
  }
  return {
    added: usersOf(added),
    removed: usersOf(removed),
    parked: [...added, ...removed].some((edge) => edge.kind !== "User"),
  };
}

/**
 * Finds whom each value names: an id of this connection, else an externalId of it, else nobody yet.
 * Who is found cannot be deleted until we commit, so that no edge outlives its member.
 */
async function resolve(
  transaction: Transaction,
  connectionId: string,
  values: readonly string[],
): Promise<readonly Edge[]> {
  const ids = values.filter(isId);
  const named = sql`connection_id = ${connectionId} AND deleted_at IS NULL AND (id = ANY(${ids}::uuid[]) OR external_id = ANY(${values}::text[])) ORDER BY id FOR KEY SHARE`;
  const rows = await transaction.query<{ id: string; external_id: string | null; kind: "User" | "Group" }>(sql`
    SELECT id, external_id, 'User' AS kind FROM (SELECT id, external_id FROM directory_user WHERE ${named}) AS usr
    UNION ALL
    SELECT id, external_id, 'Group' FROM (SELECT id, external_id FROM directory_group WHERE ${named}) AS grp`);
  const byExternalId = new Map(rows.map((row) => [row.external_id, row]));
  const byId = new Map(rows.map((row) => [row.id, row]));
  const edges = new Map<string, Edge>();
  for (const value of values) {
    const known = byId.get(value) ?? byExternalId.get(value);
    const edge =
      known === undefined
        ? { member: value, memberId: null, kind: null }
        : { member: known.id, memberId: known.id, kind: known.kind };
    edges.set(edge.member, edge);
  }
  return [...edges.values()];
}

async function addEdges(
  transaction: Transaction,
  tenantId: string,
  groupId: string,
  edges: readonly Edge[],
): Promise<readonly EdgeRow[]> {
  return transaction.query<EdgeRow>(sql`
    INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind)
    SELECT ${tenantId}, ${groupId}, edge.member, edge.member_id, edge.kind
    FROM unnest(${edges.map((edge) => edge.member)}::text[], ${edges.map((edge) => edge.memberId)}::uuid[], ${edges.map((edge) => edge.kind)}::text[])
      AS edge(member, member_id, kind)
    ON CONFLICT DO NOTHING
    RETURNING member_id, kind`);
}

async function removeEdges(
  transaction: Transaction,
  groupId: string,
  kind: "remove" | "replace",
  edges: readonly Edge[],
): Promise<readonly EdgeRow[]> {
  const named = edges.map((edge) => edge.member);
  const gone = kind === "remove" ? sql`member = ANY(${named}::text[])` : sql`NOT member = ANY(${named}::text[])`;
  return transaction.query<EdgeRow>(
    sql`DELETE FROM directory_member WHERE group_id = ${groupId} AND ${gone} RETURNING member_id, kind`,
  );
}

function usersOf(edges: readonly EdgeRow[]): readonly string[] {
  return edges.flatMap((edge) => (edge.kind === "User" && edge.member_id !== null ? [edge.member_id] : []));
}
