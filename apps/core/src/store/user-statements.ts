import { canonicalName, type UserAttributes } from "../domain/index.ts";
import type { Sender } from "./directory-store.ts";
import { deleteEdges } from "./edge-deletion.ts";
import { neverProvisions } from "./provisioned-user.ts";
import { type Sql, sql } from "./sql.ts";

export type UserRow = { id: string; attributes: UserAttributes; version: number; created_at: Date; updated_at: Date };
export type WrittenRow = UserRow & { lane: number; denying: boolean };
export type CreatedRow = WrittenRow & { joined: boolean };

const columns = sql`id, attributes, version, created_at, updated_at`;

/** Creates the user where there is nobody to look for first: no tombstone of the same person, and nobody made from a token. */
export function createStatement(tenantId: string, sender: Sender, id: string, attributes: UserAttributes): Sql {
  return sql`
    WITH written AS (
      ${insertion(tenantId, sender, id, attributes)}
      WHERE ${neverProvisions(sender.connectionId)} AND NOT EXISTS (${tombstoneOf(sender, attributes)})
      RETURNING ${columns}
    ), ${eventOf(tenantId, sender, sql`'user.created'::text`, sql`${!attributes.active}::boolean`)}
    SELECT written.*, event.lane, event.denying,
      -- Of a new id nobody knows, but it may be waited for under its externalId.
      cardinality(rollcall_take_in(${sender.connectionId}, written.id, 'User', array_remove(ARRAY[${attributes.externalId ?? null}::text], NULL))) > 0 AS joined
    FROM written, event`;
}

export function reviveStatement(tenantId: string, sender: Sender, id: string, attributes: UserAttributes): Sql {
  const { connectionId } = sender;
  const externalId = attributes.externalId ?? null;
  return sql`
    WITH tombstone AS (
      ${tombstoneOf(sender, attributes)} ORDER BY deleted_at DESC LIMIT 1 FOR NO KEY UPDATE
    ), revived AS (
      UPDATE directory_user
      SET user_name = ${attributes.userName}, user_name_key = ${keyOf(attributes)}, external_id = ${externalId}::text, active = ${attributes.active},
        attributes = ${JSON.stringify(attributes)}::jsonb, version = version + 1, created_at = now(), updated_at = now(), deleted_at = NULL,
        stated_at = ${sender.statedAt ?? null}::timestamptz, attribute_times = ${timesOf(sender)}::jsonb
      WHERE id = (SELECT id FROM tombstone)
      RETURNING ${columns}
    ), created AS (
      -- Somebody else has revived it since.
      ${insertion(tenantId, sender, id, attributes)}
      WHERE NOT EXISTS (SELECT FROM tombstone)
      RETURNING ${columns}
    ), written AS (
      SELECT * FROM revived UNION ALL SELECT * FROM created
    ), ${eventOf(tenantId, sender, sql`'user.created'::text`, sql`${!attributes.active}::boolean`)}
    SELECT written.*, event.lane, event.denying,
      -- Of an id that is revived a group may know.
      rollcall_take_in(${connectionId}, written.id, 'User', array_remove(ARRAY[${externalId}::text, (SELECT id::text FROM tombstone)], NULL))
    FROM written, event`;
}

/**
 * Fails where the person of a create has a tombstone, and takes the create back. A create that waited for
 * somebody's end to be committed did not see the tombstone that came of it; sent behind the
 * create, this does. Else one person would come to be two, and a ban would stay with the first.
 */
export function noTombstoneStatement(sender: Sender, attributes: UserAttributes): Sql {
  return sql`SELECT 1 / (CASE WHEN EXISTS (${tombstoneOf(sender, attributes)}) THEN 0 ELSE 1 END) AS none`;
}

/** Whether that is why a create failed. */
export function metTombstone(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === divisionByZero;
}

const divisionByZero = "22012";

// The same person is told by externalId, and by userName only where neither has one: a userName
// that went to somebody else since must not bring the old owner back.
function tombstoneOf({ connectionId }: Sender, attributes: UserAttributes): Sql {
  const { externalId } = attributes;
  const person =
    externalId === undefined
      ? sql`user_name_key = ${keyOf(attributes)} AND external_id IS NULL`
      : sql`external_id = ${externalId}`;
  return sql`SELECT id FROM directory_user WHERE connection_id = ${connectionId} AND deleted_at IS NOT NULL AND ${person}`;
}

function insertion(tenantId: string, sender: Sender, id: string, attributes: UserAttributes): Sql {
  return sql`INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes, stated_at, attribute_times)
      SELECT ${id}, ${tenantId}, ${sender.connectionId}, ${attributes.userName}, ${keyOf(attributes)}, ${attributes.externalId ?? null}::text, ${attributes.active},
        ${JSON.stringify(attributes)}::jsonb, ${sender.statedAt ?? null}::timestamptz, ${timesOf(sender)}::jsonb`;
}

function timesOf({ attributeTimes }: Sender): string | null {
  return attributeTimes === undefined ? null : JSON.stringify(attributeTimes);
}

function keyOf({ userName }: UserAttributes): string {
  return canonicalName("userName", userName);
}

export function replaceStatement(
  tenantId: string,
  sender: Sender,
  id: string,
  expectedVersion: number,
  attributes: UserAttributes,
): Sql {
  const { connectionId, requestId } = sender;
  const externalId = attributes.externalId ?? null;
  return sql`
    WITH before AS (
      SELECT id, active, external_id FROM directory_user
      WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NULL AND version = ${expectedVersion}
      FOR NO KEY UPDATE
    ), written AS (
      UPDATE directory_user
      SET user_name = ${attributes.userName}, user_name_key = ${keyOf(attributes)}, external_id = ${externalId}::text, active = ${attributes.active},
        attributes = ${JSON.stringify(attributes)}::jsonb, version = version + 1, updated_at = now(),
        -- What a sender without times changes is dated by nobody's clock but ours.
        stated_at = coalesce(${sender.statedAt ?? null}::timestamptz, CASE WHEN active = ${attributes.active} THEN stated_at END),
        attribute_times = coalesce(${timesOf(sender)}::jsonb, attribute_times)
      WHERE id = (SELECT id FROM before)
      RETURNING ${columns}
    ), joined AS (
      -- Who comes to bear an externalId may be waited for under it.
      SELECT written.id FROM written, before
      WHERE CASE WHEN ${externalId}::text <> coalesce(before.external_id, '')
        THEN cardinality(rollcall_take_in(${connectionId}, written.id, 'User', ARRAY[${externalId}::text])) > 0 ELSE false END
    ), noted AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
      SELECT ${tenantId}, ${connectionId}, 'scim', ${requestId} || ':joined', 'membership.added', 'user', id, false, rollcall_lane(id) FROM joined
    ), ${eventOf(
      tenantId,
      sender,
      sql`CASE WHEN (SELECT active FROM before) = ${attributes.active} THEN 'user.updated' WHEN ${attributes.active} THEN 'user.activated' ELSE 'user.deactivated' END`,
      sql`(SELECT active FROM before) AND NOT ${attributes.active}`,
    )}
    SELECT written.*, event.lane, event.denying FROM written, event`;
}

export function removeStatement(
  tenantId: string,
  sender: Sender,
  id: string,
  expectedVersion: number | undefined,
): Sql {
  return sql`
    WITH written AS (
      UPDATE directory_user SET deleted_at = now(), updated_at = now(), version = version + 1, stated_at = ${sender.statedAt ?? null}::timestamptz
      WHERE id = ${id} AND connection_id = ${sender.connectionId} AND deleted_at IS NULL
        AND version = coalesce(${expectedVersion ?? null}::bigint, version)
      RETURNING id
    ), edges AS (
      ${deleteEdges(sql`member_id = (SELECT id FROM written)`)}
    ), tokens AS (
      -- For good: whoever is created under this id again gets new ones.
      UPDATE credential SET revoked_at = now() WHERE user_id = (SELECT id FROM written) AND revoked_at IS NULL
    ), ${eventOf(tenantId, sender, sql`'user.deleted'::text`, sql`true`)}
    SELECT lane FROM event`;
}

/** The lifecycle event of the row in `written`, in the same transaction: a change without its event cannot exist. */
function eventOf(tenantId: string, sender: Sender, kind: Sql, denying: Sql): Sql {
  return sql`event AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, occurred_at)
      SELECT ${tenantId}, ${sender.connectionId}, ${sender.source ?? "scim"}::text, ${sender.requestId}, ${kind}, 'user', id, ${denying}, rollcall_lane(id), ${sender.occurredAt ?? null}::timestamptz
      FROM written
      RETURNING lane, denying
    )`;
}

export function findStatement(connectionId: string, id: string): Sql {
  return sql`SELECT ${columns} FROM directory_user WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NULL`;
}
