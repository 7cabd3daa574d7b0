import {
  canonicalName,
  type DirectoryGroup,
  DirectoryError,
  type EventKind,
  type Filter,
  type GroupAttributes,
  type Member,
  type Page,
  type PageRequest,
} from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { filterSql, groupColumns } from "./directory-filter.ts";
import type { GroupDirectory, Sender, Written } from "./directory-store.ts";
import { changeEdges, type ChangedEdges } from "./membership-edges.ts";
import { refusalOf } from "./refusal.ts";
import { type Sql, sql } from "./sql.ts";

type GroupRow = { id: string; attributes: GroupAttributes; version: number; created_at: Date; updated_at: Date };
type Scope = { readonly tenantId: string; readonly sender: Sender };

const columns = sql`id, attributes, version, created_at, updated_at`;

export function createGroupDirectory(database: Database, newId: () => string): GroupDirectory {
  const changing = async <Result>(
    tenantId: string,
    work: (transaction: Transaction) => Promise<Result>,
  ): Promise<Result> => {
    try {
      return await database.inTenant(tenantId, work);
    } catch (error) {
      throw refusalOf(error);
    }
  };
  return {
    create: (tenantId, sender, attributes, members) =>
      changing(tenantId, async (transaction) => {
        const scope = { tenantId, sender };
        const group = await insertGroup(transaction, scope, newId(), attributes);
        const changed = await changeEdges(transaction, tenantId, sender.connectionId, group.id, [
          { kind: "add", values: members },
        ]);
        return {
          resource: toGroup(group),
          lanes: await recordEvents(transaction, scope, "group.created", group.id, changed),
        };
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
      changing(tenantId, (transaction) => changeGroup(transaction, { tenantId, sender }, id, change)),
    remove: (tenantId, sender, id, expectedVersion) =>
      changing(tenantId, async (transaction) => {
        await lockGroup(transaction, sender.connectionId, id, expectedVersion, sql`FOR UPDATE`);
        await transaction.query(
          sql`UPDATE directory_group SET deleted_at = now(), updated_at = now(), version = version + 1 WHERE id = ${id}`,
        );
        await transaction.query(sql`DELETE FROM directory_member WHERE group_id = ${id} OR member_id = ${id}`);
        const lanes = await recordEvents(transaction, { tenantId, sender }, "group.deleted", id, {
          added: [],
          removed: [],
          parked: false,
        });
        return { resource: undefined, lanes };
      }),
    list: (tenantId, connectionId, filter, page) => listGroups(database, tenantId, connectionId, filter, page),
  };
}

async function changeGroup(
  transaction: Transaction,
  scope: Scope,
  id: string,
  change: Parameters<GroupDirectory["change"]>[3],
): Promise<Written<DirectoryGroup>> {
  const { tenantId, sender } = scope;
  const before = await lockGroup(transaction, sender.connectionId, id, change.expectedVersion, sql`FOR NO KEY UPDATE`);
  const changed = await changeEdges(transaction, tenantId, sender.connectionId, id, change.members);
  if (change.attributes === undefined && changed.added.length + changed.removed.length === 0 && !changed.parked) {
    return { resource: toGroup(before), lanes: [] };
  }
  const after = await updateGroup(transaction, id, change.attributes ?? before.attributes);
  const kind = change.attributes === undefined ? undefined : "group.updated";
  return { resource: toGroup(after), lanes: await recordEvents(transaction, scope, kind, id, changed) };
}

async function listGroups(
  database: Database,
  tenantId: string,
  connectionId: string,
  filter: Filter | undefined,
  page: PageRequest,
): Promise<Page<DirectoryGroup>> {
  const condition = sql`connection_id = ${connectionId} AND deleted_at IS NULL${filter === undefined ? sql`` : sql` AND ${filterSql(filter, groupColumns)}`}`;
  const [resources, [count]] = await database.inTenant(tenantId, (transaction) =>
    Promise.all([
      transaction.query<GroupRow>(
        sql`SELECT ${columns} FROM directory_group WHERE ${condition} ORDER BY id LIMIT ${page.count} OFFSET ${page.startIndex - 1}`,
      ),
      transaction.query<{ total: number }>(sql`SELECT count(*) AS total FROM directory_group WHERE ${condition}`),
    ]),
  );
  return { total: count?.total ?? 0, resources: resources.map(toGroup) };
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

/** One event for the group where it changed itself, and one for each user whose membership did. */
async function recordEvents(
  transaction: Transaction,
  { tenantId, sender }: Scope,
  kind: EventKind | undefined,
  groupId: string,
  changed: ChangedEdges,
): Promise<readonly number[]> {
  const events = [
    ...(kind === undefined ? [] : [{ kind, subjectKind: "group", id: groupId }]),
    ...changed.added.map((id) => ({ kind: "membership.added", subjectKind: "user", id })),
    ...changed.removed.map((id) => ({ kind: "membership.removed", subjectKind: "user", id })),
  ];
  if (events.length === 0) return [];
  const rows = await transaction.query<{ lane: number }>(sql`
    INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
    SELECT ${tenantId}, ${sender.connectionId}, 'scim', ${sender.requestId} || ':' || row_number() OVER (), event.kind, event.subject_kind, event.id, false, rollcall_lane(event.id)
    FROM unnest(${events.map((event) => event.kind)}::text[], ${events.map((event) => event.subjectKind)}::text[], ${events.map((event) => event.id)}::uuid[])
      AS event(kind, subject_kind, id)
    RETURNING lane`);
  return [...new Set(rows.map((row) => row.lane))];
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
