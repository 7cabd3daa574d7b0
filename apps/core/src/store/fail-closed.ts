import { convergeUserRevocations } from "./converge-revocations.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/**
 * Denies a user whose denying event cannot be applied: the link is enough to know whom, and the
 * identities that the user already holds are enough to know what. Lifted by the first event that applies.
 */
export async function failClosed(database: Database, tenantId: string, directoryUserId: string, at: Date): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<{ user_id: string }>(sql`
      WITH link_row AS (SELECT user_id FROM link WHERE directory_user_id = ${directoryUserId})
      INSERT INTO denial (tenant_id, user_id, reason, origin_id, note)
      SELECT ${tenantId}, coalesce((SELECT user_id FROM link_row), ${directoryUserId}), 'poison', ${directoryUserId}, 'a denying event could not be applied'
      ON CONFLICT DO NOTHING
      RETURNING user_id`);
    if (row !== undefined) await convergeUserRevocations(transaction, tenantId, row.user_id, at);
  });
}
