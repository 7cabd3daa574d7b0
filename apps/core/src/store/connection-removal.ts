import { type Connection, DirectoryError } from "../domain/index.ts";
import { type Act, joined } from "./admin-denials.ts";
import { recordAudit } from "./audit.ts";
import { connectionColumns, connectionNamed, type ConnectionRow, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import { livingCount } from "./directory-counts.ts";
import type { Expectation } from "./expectation.ts";
import { cancelPulls } from "./pull-lease.ts";
import { sql } from "./sql.ts";

/** What goes with a connection: how many users, and the lanes that have work for it. */
export type Removal = { readonly users: number; readonly groups: number; readonly lanes: readonly number[] };

// What one transaction carries within the time that a statement may take.
const usersMax = 200_000;

/**
 * Ends a connection for good, at once and as a whole: its tokens, its sources and its provider die, and
 * every living user of it is deleted and denied. The provider goes on issuing tokens, for it knows
 * nothing of this, so the denial is ours: it is kept at gateways until an admin lifts it, as a suspension.
 * Throws `not_found`, `connection_in_use` where it has users and nobody said that they are meant, `too_many`.
 */
export async function removeConnection(
  database: Database,
  tenantId: string,
  slugOrId: string,
  removal: Act & { readonly confirmed: string | undefined; readonly requestId: string },
  expected?: Expectation<Connection>,
): Promise<Removal> {
  return database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<ConnectionRow>(
      sql`SELECT ${connectionColumns} FROM connection WHERE ${connectionNamed(slugOrId)} FOR UPDATE`,
    );
    if (row === undefined) throw new DirectoryError("not_found", "no such connection");
    const connection = toConnection(row);
    expected?.(connection);
    await requireMeant(transaction, connection, removal.confirmed === connection.slug);
    await silence(transaction, connection.id, removal.at);
    const users = await denyUsers(transaction, tenantId, connection, removal);
    const groups = await deleteGroups(transaction, tenantId, connection.id, removal.requestId);
    await recordAudit(transaction, tenantId, {
      actor: removal.actor,
      action: "connection.remove",
      target: connection.id,
      before: { slug: connection.slug, name: connection.name, kind: connection.kind, users: users.count },
      detail: {
        denied: users.count,
        groups: groups.count,
        ...(removal.note === undefined ? {} : { note: removal.note }),
      },
    });
    return { users: users.count, groups: groups.count, lanes: [...new Set([...users.lanes, ...groups.lanes])] };
  });
}

async function requireMeant(transaction: Transaction, { id, slug }: Connection, isConfirmed: boolean): Promise<void> {
  const [row] = await transaction.query<{ living: number }>(sql`SELECT ${livingCount(id, "User")} AS living`);
  const living = row?.living ?? 0;
  if (living > usersMax)
    throw new DirectoryError("too_many", `${living} users are more than can be denied at once: at most ${usersMax}`);
  if (living > 0 && !isConfirmed)
    throw new DirectoryError(
      "connection_in_use",
      `${living} living users came by this connection and would all be denied: say confirm=${slug} if that is meant`,
    );
}

/** Nothing comes in by it any more: no token, no source and no provider names it, and nobody is made from tokens for it. */
async function silence(transaction: Transaction, id: string, at: Date): Promise<void> {
  await transaction.query(sql`
    UPDATE connection SET removed_at = ${at}, slug = 'removed-' || id, just_in_time = NULL WHERE id = ${id}`);
  await transaction.query(
    sql`UPDATE credential SET revoked_at = now() WHERE connection_id = ${id} AND revoked_at IS NULL`,
  );
  await transaction.query(sql`DELETE FROM event_source WHERE connection_id = ${id}`);
  await transaction.query(sql`DELETE FROM provider WHERE connection_id = ${id}`);
  await transaction.query(sql`DELETE FROM read_back WHERE connection_id = ${id}`);
  await transaction.query(sql`DELETE FROM parked_event WHERE connection_id = ${id}`);
  await cancelPulls(transaction, id, "its connection was removed");
  await transaction.query(
    sql`UPDATE alert SET resolved_at = now() WHERE resolved_at IS NULL AND (key = ${id} OR detail ->> 'connection' = ${id})`,
  );
}

/**
 * Denies whoever came by a connection while it was being removed: its tokens are believed a second longer,
 * and a create that was under way did not see the removal, nor the removal it.
 */
export async function denyLatecomers(database: Database, newId: () => string): Promise<void> {
  const removed = await database.house<{ id: string; tenant_id: string; removed_at: Date }>(
    sql`SELECT id, tenant_id, removed_at FROM connection WHERE removed_at > now() - interval '1 day'`,
  );
  for (const { id, tenant_id: tenantId, removed_at: at } of removed)
    await database.inTenant(tenantId, (transaction) =>
      denyUsers(transaction, tenantId, { id, slug: id }, { at, requestId: newId() }),
    );
}

type Ended = { readonly count: number; readonly lanes: readonly number[] };

async function denyUsers(
  transaction: Transaction,
  tenantId: string,
  { id, slug }: Pick<Connection, "id" | "slug">,
  { at, requestId }: Pick<Act, "at"> & { readonly requestId: string },
): Promise<Ended> {
  const note = `the connection ${slug} was removed`;
  const [row] = await transaction.query<{ count: number; lanes: number[] | null }>(sql`
    WITH gone AS (
      UPDATE directory_user SET deleted_at = now(), updated_at = now(), version = version + 1, stated_at = NULL
      WHERE connection_id = ${id} AND deleted_at IS NULL RETURNING id
    ), denied AS (
      -- Their workers find it beside the deletion, under the locks that they take.
      INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since)
      SELECT DISTINCT ${tenantId}::uuid, whom.id, 'admin_suspended', whom.id, ${note}::text, ${at}::timestamptz
      FROM gone LEFT JOIN link ON link.directory_user_id = gone.id, LATERAL (SELECT coalesce(link.user_id, gone.id) AS id) AS whom
      -- Whoever is suspended for a time already is not let in after it.
      ${joined}
    ), told AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
      SELECT ${tenantId}::uuid, ${id}::uuid, 'admin', ${requestId} || ':' || id, 'user.deleted', 'user', id, true, rollcall_lane(id) FROM gone RETURNING lane
    )
    SELECT count(*) AS count, array_agg(DISTINCT lane) AS lanes FROM told`);
  return { count: row?.count ?? 0, lanes: row?.lanes ?? [] };
}

async function deleteGroups(
  transaction: Transaction,
  tenantId: string,
  connectionId: string,
  requestId: string,
): Promise<Ended> {
  const [row] = await transaction.query<{ count: number; lanes: number[] | null }>(sql`
    WITH gone AS (
      UPDATE directory_group SET deleted_at = now(), updated_at = now(), version = version + 1
      WHERE connection_id = ${connectionId} AND deleted_at IS NULL RETURNING id
    ), told AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
      SELECT ${tenantId}::uuid, ${connectionId}::uuid, 'admin', ${requestId} || ':' || id, 'group.deleted', 'group', id, false, rollcall_lane(id) FROM gone RETURNING lane
    )
    SELECT count(*) AS count, array_agg(DISTINCT lane) AS lanes FROM told`);
  return { count: row?.count ?? 0, lanes: row?.lanes ?? [] };
}
