import type { Transaction } from "./database.ts";
import { belonging } from "./nesting.ts";
import { sql } from "./sql.ts";

/** Brings the application's groups to the directory's present state; a deleted group, and one that the directory has never had, takes its memberships with it. */
export async function convergeGroups(
  transaction: Transaction,
  tenantId: string,
  ids: readonly string[],
): Promise<void> {
  // A deleted group too: the row that a membership's worker is about to commit is waited for here, and then deleted.
  await transaction.query(sql`
    INSERT INTO app_group (id, tenant_id, connection_id, display_name)
    SELECT id, tenant_id, connection_id, display_name FROM directory_group WHERE id = ANY(${ids}::uuid[]) ORDER BY id
    ON CONFLICT DO NOTHING`);
  await transaction.query(sql`SELECT FROM app_group WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`);
  // Read only now that the lock is held, so that no older state can follow a newer one.
  await transaction.query(sql`
    UPDATE app_group SET display_name = grp.display_name, applied_version = grp.version
    FROM directory_group AS grp
    WHERE app_group.id = ANY(${ids}::uuid[]) AND grp.id = app_group.id
      AND (app_group.applied_version, app_group.display_name) IS DISTINCT FROM (grp.version, grp.display_name)`);
  await deleteDead(transaction, ids);
}

/** Brings the memberships of these directory users to the directory's edges, nested groups included. Their links are locked by the caller. */
export async function convergeMemberships(
  transaction: Transaction,
  tenantId: string,
  directoryUserIds: readonly string[],
): Promise<void> {
  const wanted = sql`
    SELECT belonging.group_id, belonging.member_id, link.user_id, grp.connection_id, grp.display_name
    FROM (${belonging(directoryUserIds)}) AS belonging
    JOIN directory_group AS grp ON grp.id = belonging.group_id AND grp.deleted_at IS NULL
    JOIN link ON link.directory_user_id = belonging.member_id`;
  const made = await transaction.query<{ id: string }>(sql`
    INSERT INTO app_group (id, tenant_id, connection_id, display_name)
    SELECT DISTINCT ON (group_id) group_id, ${tenantId}::uuid, connection_id, display_name FROM (${wanted}) AS wanted ORDER BY group_id
    ON CONFLICT DO NOTHING RETURNING id`);
  // A group that was deleted, and whose event was applied, while we were about to make it must not come back.
  if (made.length > 0)
    await deleteDead(
      transaction,
      made.map(({ id }) => id),
    );
  // An edge that has come since the first statement waits for its own event; a group that is going is left out, not stumbled over.
  await transaction.query(sql`
    WITH wanted AS MATERIALIZED (${wanted}), present AS (
      -- The groups that are left too, and all in one order: whoever deletes a group deletes its edges with it.
      SELECT id FROM app_group WHERE id = ANY(ARRAY(
        SELECT group_id FROM wanted UNION SELECT group_id FROM app_group_member WHERE directory_user_id = ANY(${directoryUserIds}::uuid[])
      )) ORDER BY id FOR KEY SHARE
    ), removed AS (
      -- Hashed subqueries, here and below: as joins they may be run through once for every row.
      DELETE FROM app_group_member
      WHERE directory_user_id = ANY(${directoryUserIds}::uuid[]) AND (group_id, directory_user_id) NOT IN (SELECT group_id, member_id FROM wanted)
        AND (group_id IN (SELECT id FROM present)) IS TRUE
    )
    INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id)
    SELECT ${tenantId}::uuid, group_id, user_id, member_id FROM wanted WHERE (group_id IN (SELECT id FROM present)) IS TRUE
    ON CONFLICT (group_id, directory_user_id) DO UPDATE SET user_id = excluded.user_id WHERE app_group_member.user_id <> excluded.user_id`);
}

async function deleteDead(transaction: Transaction, ids: readonly string[]): Promise<void> {
  await transaction.query(sql`
    DELETE FROM app_group
    WHERE id = ANY(${ids}::uuid[]) AND NOT EXISTS (SELECT FROM directory_group AS grp WHERE grp.id = app_group.id AND grp.deleted_at IS NULL)`);
}
