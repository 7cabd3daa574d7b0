import type { Database } from "./database.ts";
import { type Delivery, type DeliveryRow, isNext, messageColumns, raise, toDelivery } from "./deliveries.ts";
import { type Sql, sql } from "./sql.ts";

/** What a receiver says of messages that it was given. */
export type Acknowledgement = {
  readonly received: readonly string[];
  /** Messages that it cannot use, by their ids, each with the code of RFC 8935 §2.4. */
  readonly refused: ReadonlyMap<string, string>;
};

/** Settles what a receiver of a polled stream says that it has, or cannot use. Ids that are not its own are nobody's. */
export async function acknowledge(
  database: Database,
  tenantId: string,
  streamId: string,
  { received, refused }: Acknowledgement,
  newId: () => string,
): Promise<void> {
  if (received.length === 0 && refused.size === 0) return;
  const own = (ids: readonly string[]): Sql =>
    sql`delivery.subscription_id = ${streamId} AND delivery.state = 'waiting' AND delivery.id = ANY(${ids}::uuid[])`;
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(
      sql`UPDATE delivery SET state = 'delivered', attempts = attempts + 1, attempted_at = now(), settled_at = now(), last_error = NULL WHERE ${own(received)}`,
    );
    const codes = [...refused];
    const dead = await transaction.query(sql`
      UPDATE delivery SET state = 'dead', attempts = attempts + 1, attempted_at = now(), settled_at = now(), last_error = said.code
      FROM unnest(${codes.map(([id]) => id)}::uuid[], ${codes.map(([, code]) => code)}::text[]) AS said(id, code)
      WHERE said.id = delivery.id AND ${own(codes.map(([id]) => id))} RETURNING delivery.id`);
    if (dead.length > 0) await raise(transaction, tenantId, streamId, codes[0]?.[1] ?? "refused", newId);
  });
}

/** What waits for a polled stream, of each subject and each user the oldest alone; and whether there is more. */
export async function readWaiting(
  database: Database,
  tenantId: string,
  streamId: string,
  limit: number,
): Promise<{ readonly deliveries: readonly Delivery[]; readonly more: boolean }> {
  const rows = await database.once<DeliveryRow & { waiting: number }>(
    tenantId,
    sql`SELECT ${messageColumns(sql`own`)},
        (SELECT count(*) FROM (SELECT FROM delivery WHERE subscription_id = ${streamId} AND state = 'waiting' LIMIT ${limit + 1}) AS counted) AS waiting
      FROM delivery AS own LEFT JOIN outbound_event AS event ON event.id = own.event_id
      WHERE own.subscription_id = ${streamId} AND own.state = 'waiting' AND ${isNext} ORDER BY own.seq LIMIT ${limit}`,
  );
  return { deliveries: rows.map(toDelivery), more: (rows[0]?.waiting ?? 0) > rows.length };
}

/**
 * Puts a verification among a stream's messages, unless the last one is younger than `everySec`.
 * Answers whether it did. It is a subject of its own, so that it waits for no message and none for it.
 */
export async function requestVerification(
  database: Database,
  tenantId: string,
  streamId: string,
  state: string | undefined,
  everySec: number,
): Promise<boolean> {
  return database.inTenant(tenantId, async (transaction) => {
    const rows = await transaction.query(sql`
      WITH allowed AS (
        UPDATE subscription SET verified_at = now()
        WHERE id = ${streamId} AND (verified_at IS NULL OR verified_at <= now() - ${everySec} * interval '1 second') RETURNING id
      )
      INSERT INTO delivery (tenant_id, subscription_id, verification, subject_key)
      SELECT ${tenantId}, id, ${state ?? ""}, hashtextextended(gen_random_uuid()::text, 0) FROM allowed RETURNING id`);
    if (rows.length === 0) return false;
    await transaction.query(sql`SELECT pg_notify('rollcall_egress', ${tenantId})`);
    return true;
  });
}
