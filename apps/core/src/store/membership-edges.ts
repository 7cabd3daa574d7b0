import { isId, type MemberChange } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { deleteEdges } from "./edge-deletion.ts";
import { type Sql, sql } from "./sql.ts";

/** The user or group that an edge leads to. */
export type EdgeEnd = { readonly id: string; readonly kind: "User" | "Group" };

/** Whom each value names; one that names nobody yet is left out. */
export type NamedMembers = ReadonlyMap<string, EdgeEnd>;

/** The edges that were written and deleted; the end is undefined where an edge names nobody yet. */
export type ChangedEdges = {
  readonly added: readonly (EdgeEnd | undefined)[];
  readonly removed: readonly (EdgeEnd | undefined)[];
};

/** The group whose edges are written: it need not exist. */
type Holder = { readonly tenantId: string; readonly connectionId: string; readonly groupId: string };

type EdgeRow = { member_id: string | null; kind: "User" | "Group" | null };

/**
 * Finds whom each value names: an id of this connection, else an externalId of it, else nobody yet.
 * Who is found cannot be deleted until the transaction ends, so that no edge outlives its member;
 * who is not cannot arrive, so that no edge waits for somebody who is there. Before the group is
 * locked, for whoever arrives holds its own name when it waits for the group.
 */
export async function holdMembers(
  transaction: Transaction,
  connectionId: string,
  changes: readonly MemberChange[],
): Promise<NamedMembers> {
  const values = [...new Set(changes.flatMap((change) => change.values))];
  const named = values.length === 0 ? [] : await find(transaction, connectionId, values);
  const known = new Map(named);
  const unknown = values.filter((value) => !known.has(value));
  if (unknown.length === 0) return known;
  const [, late] = await Promise.all([
    transaction.query(sql`SELECT rollcall_lock_names(${connectionId}, ${unknown}::text[])`),
    find(transaction, connectionId, unknown),
  ]);
  return new Map([...named, ...late]);
}

/**
 * Applies member changes to one group's edges, as if one after the other, in two statements however
 * many there are. Adding a present member and removing an absent one change nothing. The caller
 * holds the members and then the group.
 */
export async function writeEdges(
  transaction: Transaction,
  group: Holder,
  changes: readonly MemberChange[],
  named: NamedMembers,
): Promise<ChangedEdges> {
  const outcome = outcomeOf(changes, named);
  const present = [...outcome.present];
  const [removed, added] = await Promise.all([
    removeEdges(transaction, group, outcome, present),
    present.length === 0 ? [] : addEdges(transaction, group, present),
  ]);
  return { added: added.map(endOf), removed: removed.map(endOf) };
}

async function find(
  transaction: Transaction,
  connectionId: string,
  values: readonly string[],
): Promise<readonly (readonly [string, EdgeEnd])[]> {
  const ids = values.filter(isId);
  const named = sql`connection_id = ${connectionId} AND deleted_at IS NULL AND (id = ANY(${ids}::uuid[]) OR external_id = ANY(${values}::text[])) ORDER BY id FOR KEY SHARE`;
  const rows = await transaction.query<{ id: string; external_id: string | null; kind: "User" | "Group" }>(sql`
    SELECT id, external_id, 'User' AS kind FROM (SELECT id, external_id FROM directory_user WHERE ${named}) AS usr
    UNION ALL
    SELECT id, external_id, 'Group' FROM (SELECT id, external_id FROM directory_group WHERE ${named}) AS grp`);
  const byId = new Map(rows.map((row) => [row.id, row]));
  // Where both a user and a group have it, a member is a user.
  const byExternalId = new Map(rows.toReversed().map((row) => [row.external_id, row]));
  return values.flatMap((value) => {
    const row = byId.get(value) ?? byExternalId.get(value);
    return row === undefined ? [] : [[value, { id: row.id, kind: row.kind }]];
  });
}

/** What is to be so in the end: who is in, and who is out, or everybody else where `replaced`. */
type Outcome = {
  readonly replaced: boolean;
  readonly present: ReadonlyMap<string, EdgeEnd | undefined>;
  readonly absent: ReadonlySet<string>;
};

function outcomeOf(changes: readonly MemberChange[], named: NamedMembers): Outcome {
  let replaced = false;
  let present = new Map<string, EdgeEnd | undefined>();
  let absent = new Set<string>();
  for (const { kind, values } of changes) {
    if (kind === "replace") {
      replaced = true;
      present = new Map();
      absent = new Set();
    }
    for (const value of values) {
      const end = named.get(value);
      const member = end?.id ?? value;
      if (kind === "remove") {
        present.delete(member);
        absent.add(member);
      } else {
        present.set(member, end);
        absent.delete(member);
      }
    }
  }
  return { replaced, present, absent };
}

async function removeEdges(
  transaction: Transaction,
  group: Holder,
  { replaced, absent }: Outcome,
  present: readonly (readonly [string, EdgeEnd | undefined])[],
): Promise<readonly EdgeRow[]> {
  if (!replaced && absent.size === 0) return [];
  // By a hashed subquery: compared with an array, each of a hundred thousand edges would walk through all of it.
  const gone = replaced
    ? sql`member NOT IN (SELECT unnest(${present.map(([member]) => member)}::text[]))`
    : sql`member = ANY(${[...absent]}::text[])`;
  return transaction.query<EdgeRow>(
    sql`${deleteEdges(sql`group_id = (${livingGroup(group)}) AND ${gone}`)} RETURNING member_id, kind`,
  );
}

async function addEdges(
  transaction: Transaction,
  group: Holder,
  present: readonly (readonly [string, EdgeEnd | undefined])[],
): Promise<readonly EdgeRow[]> {
  return transaction.query<EdgeRow>(sql`
    INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind)
    SELECT ${group.tenantId}, grp.id, edge.member, edge.member_id, edge.kind
    FROM (${livingGroup(group)}) AS grp, unnest(${present.map(([member]) => member)}::text[], ${present.map(([, end]) => end?.id ?? null)}::uuid[], ${present.map(([, end]) => end?.kind ?? null)}::text[])
      AS edge(member, member_id, kind)
    ON CONFLICT DO NOTHING
    RETURNING member_id, kind`);
}

/** Read when an edge is written, behind the lock of its group. */
function livingGroup({ connectionId, groupId }: Holder): Sql {
  return sql`SELECT id FROM directory_group WHERE id = ${groupId} AND connection_id = ${connectionId} AND deleted_at IS NULL`;
}

function endOf({ member_id: id, kind }: EdgeRow): EdgeEnd | undefined {
  return id === null || kind === null ? undefined : { id, kind };
}
