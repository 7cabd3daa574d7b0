import type { Database } from "./database.ts";
import { deleteInPieces } from "./delete-in-pieces.ts";
import { raise } from "./deliveries.ts";
import { sql } from "./sql.ts";

/** So much may wait for one application; past it the oldest are given up. */
const waitingMax = 100_000;

/** The tenants that tell somebody something, or have. */
export async function tenantsTelling(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(
    sql`SELECT tenant_id FROM subscription UNION SELECT tenant_id FROM outbound_event`,
  );
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

/**
 * Keeps what is sent within bounds: what waits longer than the retention, or behind too much, is given up
 * with an alert; what was settled that long ago is forgotten. Answers how many messages are gone.
 */
export async function trimDeliveries(
  database: Database,
  tenantId: string,
  retentionSec: number,
  newId: () => string,
  waitingCountMax = waitingMax,
): Promise<number> {
  await database.inTenant(tenantId, async (transaction) => {
    const given = await transaction.query<{ subscription_id: string; error: string }>(sql`
      WITH excess AS (
        SELECT subscription.id AS subscription_id, floor.seq FROM subscription, LATERAL (
          SELECT seq FROM delivery WHERE subscription_id = subscription.id AND state = 'waiting' ORDER BY seq DESC OFFSET ${waitingCountMax} LIMIT 1
        ) AS floor
      )
      UPDATE delivery SET state = 'dead', settled_at = now(), last_error = CASE WHEN excess.seq IS NULL THEN 'expired' ELSE 'too many waited' END
      FROM delivery AS own LEFT JOIN excess ON excess.subscription_id = own.subscription_id AND own.seq <= excess.seq
      WHERE own.id = delivery.id AND own.tenant_id = ${tenantId} AND own.state = 'waiting'
        AND (excess.seq IS NOT NULL OR own.created_at < now() - ${retentionSec} * interval '1 second')
      RETURNING delivery.subscription_id, delivery.last_error AS error`);
    const told = new Map(given.map(({ subscription_id: id, error }) => [id, error]));
    for (const [id, error] of told) await raise(transaction, tenantId, id, error, newId);
  });
  const gone = await deleteInPieces(
    database,
    tenantId,
    (pieceMax) => sql`DELETE FROM delivery WHERE id IN (
          SELECT id FROM delivery
          WHERE tenant_id = ${tenantId} AND state <> 'waiting' AND created_at < now() - ${retentionSec} * interval '1 second'
            AND settled_at < now() - ${retentionSec} * interval '1 second' LIMIT ${pieceMax}
        ) RETURNING id`,
  );
  await database.once(
    tenantId,
    sql`DELETE FROM outbound_event AS event
      WHERE tenant_id = ${tenantId} AND created_at < now() - ${retentionSec} * interval '1 second'
        AND NOT EXISTS (SELECT FROM delivery WHERE tenant_id = ${tenantId} AND event_id = event.id)`,
  );
  return gone;
}
