import {
  canonicalName,
  type DirectoryGroup,
  DirectoryError,
  type GroupAttributes,
  type Member,
} from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import type { GroupDirectory, Sender, Written } from "./directory-store.ts";
import { deleteEdges } from "./edge-deletion.ts";
import { type GroupEvent, membershipEvents, recordGroupEvents } from "./group-events.ts";
import { type ChangedEdges, holdMembers, writeEdges } from "./membership-edges.ts";
import { refusalNamingHolder } from "./name-holder.ts";
import { checkNesting } from "./nesting.ts";
import { type Sql, sql } from "./sql.ts";

type GroupRow = { id: string; attributes: GroupAttributes; version: number; created_at: Date; updated_at: Date };
type Scope = { readonly tenantId: string; readonly sender: Sender };

const columns = sql`id, attributes, version, created_at, updated_at`;

export function createGroupDirectory(database: Database, newId: () => string): GroupDirectory {
  const changing = async <Result>(
    tenantId: string,
    { connectionId }: Sender,
    work: (transaction: Transaction, wants: (attributes: GroupAttributes) => void) => Promise<Result>,
  ): Promise<Result> => {
    let attributes: GroupAttributes | undefined;
    const wants = (wanted: GroupAttributes): void => {
      attributes = wanted;
    };
    try {
      return await unlessDeadlocked(() => database.inTenant(tenantId, (transaction) => work(transaction, wants)));
    } catch (error) {
      throw await refusalNamingHolder(database, tenantId, error, {
        kind: "group",
        connectionId,
        attributes: attributes ?? {},
      });
    }
  };
  return {
    create: (tenantId, sender, attributes, members) =>
      changing(tenantId, sender, (transaction, wants) => {
        wants(attributes);
        return createGroup(transaction, { tenantId, sender }, newId(), attributes, members);
      }),
    find: async (tenantId, connectionId, id) => {
      const [row] = await database.once<GroupRow>(
        tenantId,
        sql`SELECT ${columns} FROM directory_group WHERE ${living(connectionId, id)}`,
      );
      return row && toGroup(row);
    },
    members: (tenantId, connectionId, groupIds) => members(database, tenantId, connectionId, groupIds),
    change: (tenantId, sender, id, change) =>
      changing(tenantId, sender, (transaction, wants) =>
        changeGroup(transaction, { tenantId, sender }, id, change, wants),
      ),
    remove: (tenantId, sender, id, expectedVersion) =>
      changing(tenantId, sender, (transaction) => removeGroup(transaction, { tenantId, sender }, id, expectedVersion)),
    wasRemoved: async (tenantId, connectionId, id) => {
      const rows = await database.once(
        tenantId,
        sql`SELECT FROM directory_group WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NOT NULL`,
      );
      return rows.length > 0;
    },
  };
}

/** Members first, then the group, then its edges: whoever takes these locks takes them in this order. */
async function createGroup(
  transaction: Transaction,
  { tenantId, sender }: Scope,
  id: string,
  attributes: GroupAttributes,
  members: readonly string[],
): Promise<Written<DirectoryGroup>> {
  const { connectionId } = sender;
  const changes = [{ kind: "add", values: members }] as const;
  const named = await holdMembers(transaction, connectionId, changes);
  const group = await insertGroup(transaction, { tenantId, sender }, id, attributes);
  const changed = await writeEdges(transaction, { tenantId, connectionId, groupId: id }, changes, named);
  const holders = await takeIn(transaction, connectionId, id, attributes.externalId);
  await checkNewNesting(transaction, id, changed, holders);
  const events = [groupEvent("group.created", id), ...membershipEvents(changed), ...joinedEvents(id, holders)];
  return {
    resource: toGroup(group),
    lanes: await recordGroupEvents(transaction, tenantId, sender, events),
    denying: false,
  };
}

async function changeGroup(
  transaction: Transaction,
  { tenantId, sender }: Scope,
  id: string,
  change: Parameters<GroupDirectory["change"]>[3],
  wants: (attributes: GroupAttributes) => void,
): Promise<Written<DirectoryGroup>> {
  const { connectionId } = sender;
  const named = await holdMembers(transaction, connectionId, change.members);
  // On their way together, for edges are written to a living group of this connection only.
  const [before, changed] = await Promise.all([
    lockGroup(transaction, connectionId, id, change.expectedVersion, sql`FOR NO KEY UPDATE`),
    writeEdges(transaction, { tenantId, connectionId, groupId: id }, change.members, named),
  ]);
  const attributes = change.attributes?.(before.attributes);
  if (attributes === undefined && changed.added.length + changed.removed.length === 0)
    return { resource: toGroup(before), lanes: [], denying: false };

  if (attributes !== undefined) wants(attributes);
  const update = updateGroup(transaction, id, attributes ?? before.attributes);
  const isNewName = attributes !== undefined && attributes.externalId !== before.attributes.externalId;
  // What is asked in between would fail for its failure, and hide it.
  if (isNewName || changed.added.some((end) => end?.kind === "Group")) await update;
  const holders = isNewName ? await takeIn(transaction, connectionId, id, attributes.externalId) : [];
  await checkNewNesting(transaction, id, changed, holders);
  const own = attributes === undefined ? [] : [groupEvent("group.updated", id)];
  const events = [...own, ...membershipEvents(changed), ...joinedEvents(id, holders)];
  const [after, lanes] = await Promise.all([update, recordGroupEvents(transaction, tenantId, sender, events)]);
  return { resource: toGroup(after), lanes, denying: false };
}

/** Leaves the edges to the group's members to its worker: deleting a group costs nothing for whoever is in it. */
async function removeGroup(
  transaction: Transaction,
  { tenantId, sender }: Scope,
  id: string,
  expectedVersion: number | undefined,
): Promise<Written<undefined>> {
  await lockGroup(transaction, sender.connectionId, id, expectedVersion, sql`FOR UPDATE`);
  const [, holders] = await Promise.all([
    transaction.query(
      sql`UPDATE directory_group SET deleted_at = now(), updated_at = now(), version = version + 1 WHERE id = ${id}`,
    ),
    transaction.query(sql`${deleteEdges(sql`member_id = ${id}`)} RETURNING group_id`),
  ]);
  // Known for good as one that was within another: its members are told of its end one by one.
  const left = holders.length === 0 ? [] : [groupEvent("membership.removed", id)];
  const events = [groupEvent("group.deleted", id), ...left];
  return { resource: undefined, lanes: await recordGroupEvents(transaction, tenantId, sender, events), denying: false };
}

/** The groups that waited for a group under its externalId, and now hold it. */
async function takeIn(
  transaction: Transaction,
  connectionId: string,
  id: string,
  externalId: string | undefined,
): Promise<readonly string[]> {
  if (externalId === undefined) return [];
  const rows = await transaction.query<{ holder: string }>(
    sql`SELECT unnest(rollcall_take_in(${connectionId}, ${id}, 'Group', ARRAY[${externalId}])) AS holder`,
  );
  return rows.map(({ holder }) => holder);
}

async function checkNewNesting(
  transaction: Transaction,
  id: string,
  { added }: ChangedEdges,
  holders: readonly string[],
): Promise<void> {
  const held = added.flatMap((end) => (end?.kind === "Group" ? [end.id] : []));
  await checkNesting(transaction, [id], held);
  await checkNesting(transaction, holders, [id]);
}

function joinedEvents(id: string, holders: readonly string[]): readonly GroupEvent[] {
  return holders.length === 0 ? [] : [groupEvent("membership.added", id)];
}

function groupEvent(kind: GroupEvent["kind"], id: string): GroupEvent {
  return { kind, subjectKind: "group", id };
}

function living(connectionId: string, id: string): Sql {
  return sql`id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NULL`;
}

async function insertGroup(
  transaction: Transaction,
  { tenantId, sender }: Scope,
  id: string,
  attributes: GroupAttributes,
): Promise<GroupRow> {
  const [row] = await transaction.query<GroupRow>(sql`
    INSERT INTO directory_group (id, tenant_id, connection_id, display_name, display_name_key, external_id, attributes)
    VALUES (${id}, ${tenantId}, ${sender.connectionId}, ${attributes.displayName}, ${canonicalName("displayName", attributes.displayName)},
      ${attributes.externalId ?? null}, ${JSON.stringify(attributes)})
    RETURNING ${columns}`);
  if (row === undefined) throw new Error("a group was neither created nor refused");
  return row;
}

/** Changes to one group queue here, so that each sees the edges that the one before it left; its end waits for groups that take it in. */
async function lockGroup(
  transaction: Transaction,
  connectionId: string,
  id: string,
  expectedVersion: number | undefined,
  strength: Sql,
): Promise<GroupRow> {
  const [row] = await transaction.query<GroupRow>(
    sql`SELECT ${columns} FROM directory_group WHERE ${living(connectionId, id)} ${strength}`,
  );
  if (row === undefined) throw new DirectoryError("not_found", `no group ${id}`);
  if (expectedVersion !== undefined && row.version !== expectedVersion) {
    throw new DirectoryError("version_conflict", `group ${id} has changed since it was read`);
  }
  return row;
}

async function updateGroup(transaction: Transaction, id: string, attributes: GroupAttributes): Promise<GroupRow> {
  const [row] = await transaction.query<GroupRow>(sql`
    UPDATE directory_group
    SET display_name = ${attributes.displayName}, display_name_key = ${canonicalName("displayName", attributes.displayName)},
      external_id = ${attributes.externalId ?? null}, attributes = ${JSON.stringify(attributes)}, version = version + 1, updated_at = now()
    WHERE id = ${id}
    RETURNING ${columns}`);
  if (row === undefined) throw new Error("a locked group is gone");
  return row;
}

async function members(
  database: Database,
  tenantId: string,
  connectionId: string,
  groupIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Member[]>> {
  if (groupIds.length === 0) return new Map();
  const rows = await database.once<{
    group_id: string;
    member: string;
    kind: "User" | "Group" | null;
    display: string | null;
  }>(
    tenantId,
    sql`SELECT edge.group_id, edge.member, edge.kind, coalesce(usr.attributes ->> 'displayName', usr.user_name, nested.display_name) AS display
      FROM directory_member AS edge
      JOIN directory_group AS grp ON grp.id = edge.group_id AND grp.connection_id = ${connectionId}
      LEFT JOIN directory_user AS usr ON usr.id = edge.member_id AND edge.kind = 'User'
      LEFT JOIN directory_group AS nested ON nested.id = edge.member_id AND edge.kind = 'Group'
      WHERE edge.group_id = ANY(${groupIds}::uuid[])
      ORDER BY edge.group_id, edge.member`,
  );
  const edges = rows.map((row) => ({
    groupId: row.group_id,
    value: row.member,
    kind: row.kind ?? undefined,
    ...(row.display === null ? {} : { display: row.display }),
  }));
  return Map.groupBy(edges, ({ groupId }) => groupId);
}

function toGroup(row: GroupRow): DirectoryGroup {
  return {
    id: row.id,
    attributes: row.attributes,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
