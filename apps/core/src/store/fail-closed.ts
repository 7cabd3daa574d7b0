import { convergeUserRevocations } from "./converge-revocations.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/**
 * Denies a user whose denying event cannot be applied: the link is enough to know whom, and the
 * identities that the user already holds are enough to know what. Lifted by the first event that
 * applies; where one has applied already, there is nothing to deny that it does not know of.
 */
export async function failClosed(
  database: Database,
  tenantId: string,
  directoryUserId: string,
  at: Date,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      INSERT INTO link (directory_user_id, tenant_id, user_id) VALUES (${directoryUserId}, ${tenantId}, ${directoryUserId}) ON CONFLICT DO NOTHING`);
    // The worker's own lock: without it the denial could land behind the event that was to lift it, and stay for good.
    await transaction.query(sql`SELECT FROM link WHERE directory_user_id = ${directoryUserId} FOR UPDATE`);
    // And that of the person, whom another directory user may be linked to: its worker reads the denials too.
    await transaction.query(sql`
      SELECT FROM app_user WHERE id = (SELECT user_id FROM link WHERE directory_user_id = ${directoryUserId}) FOR UPDATE`);
    const [row] = await transaction.query<{ user_id: string }>(sql`
      INSERT INTO denial (tenant_id, user_id, reason, origin_id, note)
      SELECT ${tenantId}, link.user_id, 'poison', usr.id, 'a denying event could not be applied'
      FROM directory_user AS usr JOIN link ON link.directory_user_id = usr.id
      WHERE usr.id = ${directoryUserId} AND link.applied_version < usr.version
      ON CONFLICT DO NOTHING
      RETURNING user_id`);
    if (row !== undefined) await convergeUserRevocations(transaction, tenantId, row.user_id, at);
  });
}
