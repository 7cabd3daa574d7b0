import { audit, convergeDenials, lockLinks } from "./admin-denials.ts";
import type { Database } from "./database.ts";
import { liftEnded } from "./key-revocations.ts";
import { sql } from "./sql.ts";

/** As the audit names whoever lifts what ends by itself. */
const actor = "expiry";

/**
 * Lifts the admins' denials whose end has come, and no other reason. Answers how many users and keys were let go.
 * The time is PostgreSQL's, which all processes share: one whose clock is ahead would let people in before their time.
 */
export async function endDenials(database: Database, at?: Date): Promise<number> {
  return endDenialsBy(database, at ?? (await timeOf(database)));
}

async function timeOf(database: Database): Promise<Date> {
  const [row] = await database.house<{ now: Date }>(sql`SELECT now()`);
  if (row === undefined) throw new Error("PostgreSQL does not say what time it is");
  return row.now;
}

async function endDenialsBy(database: Database, at: Date): Promise<number> {
  const tenants = await database.house<{ tenant_id: string }>(sql`
    SELECT tenant_id FROM denial WHERE expires_at <= ${at} UNION SELECT tenant_id FROM revocation WHERE deny AND expires_at <= ${at}`);
  let ended = 0;
  for (const { tenant_id: tenantId } of tenants) {
    const users = await database.once<{ user_id: string }>(
      tenantId,
      sql`SELECT DISTINCT user_id FROM denial WHERE tenant_id = ${tenantId} AND expires_at <= ${at} LIMIT 1000`,
    );
    for (const { user_id: userId } of users) await endUserDenials(database, tenantId, userId, at);
    ended += users.length + (await liftEnded(database, tenantId, { actor, at }));
  }
  return ended;
}

async function endUserDenials(database: Database, tenantId: string, userId: string, at: Date): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    await lockLinks(transaction, tenantId, userId);
    // Asked again behind the lock: an admin may have said otherwise by now.
    const ended = await transaction.query(
      sql`DELETE FROM denial WHERE user_id = ${userId} AND expires_at <= ${at} RETURNING reason`,
    );
    if (ended.length === 0) return;
    await convergeDenials(transaction, tenantId, userId, at);
    await audit(transaction, tenantId, "revocation.end", userId, { actor, at });
  });
}
