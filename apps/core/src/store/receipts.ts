import type { Database } from "./database.ts";
import { isSighted } from "./gateways.ts";
import { type Sql, sql } from "./sql.ts";

export type GatewayReceipt = {
  /** The gateway's own name. */
  readonly gateway: string;
  readonly epoch: number;
  readonly seq: number;
  readonly asOf: Date;
  readonly entries: number;
  readonly digest: Buffer;
  /** The longest token lifetime it has seen, in seconds. */
  readonly maxTtlSec?: number | undefined;
};

// A gateway that takes a new name at each start would fill the table without end.
const gatewaysMax = 10_000;

/**
 * Notes how far gateways are: the last word of each replaces the one before. Then marks how far the
 * slowest of those that can be counted on has come, for that far the feed is enforced. Answers the
 * names for which there was no room: a feed has at most 10,000 gateways.
 */
export async function recordReceipts(
  database: Database,
  feedId: string,
  receipts: readonly GatewayReceipt[],
  staleSec: number,
): Promise<readonly string[]> {
  // The last word of each, in one order for all processes, so that two never wait for each other.
  const byName = new Map(receipts.map((receipt) => [receipt.gateway, receipt]));
  const latest = [...byName.values()].toSorted((a, b) => (a.gateway < b.gateway ? -1 : 1));
  const noted = await database.inTenant(feedId, async (transaction) => {
    const [, , rows] = await Promise.all([
      // A receipt that a power cut takes is followed by the next one within seconds.
      transaction.query(sql`SET LOCAL synchronous_commit = off`),
      transaction.query(createGateways(feedId, latest)),
      transaction.query<{ name: string }>(noteReceipts(feedId, latest)),
      transaction.query(markEnforced(feedId, staleSec)),
    ]);
    return new Set(rows.map(({ name }) => name));
  });
  return latest.map(({ gateway }) => gateway).filter((name) => !noted.has(name));
}

function createGateways(feedId: string, receipts: readonly GatewayReceipt[]): Sql {
  return sql`WITH fresh AS (
      SELECT name FROM unnest(${receipts.map(({ gateway }) => gateway)}::text[]) AS name
      WHERE NOT EXISTS (SELECT FROM gateway WHERE tenant_id = ${feedId} AND gateway.name = name.name)
    )
    INSERT INTO gateway (id, tenant_id, name)
    SELECT gen_random_uuid(), ${feedId}, name FROM fresh ORDER BY name
    LIMIT greatest(0, CASE WHEN EXISTS (SELECT FROM fresh) THEN ${gatewaysMax} - (SELECT count(*) FROM gateway WHERE tenant_id = ${feedId}) ELSE 0 END)
    ON CONFLICT DO NOTHING`;
}

function noteReceipts(feedId: string, receipts: readonly GatewayReceipt[]): Sql {
  return sql`INSERT INTO receipt (gateway_id, tenant_id, epoch, seq, as_of, entries, digest, max_ttl_sec)
    SELECT gateway.id, ${feedId}, said.epoch, said.seq, said.as_of, said.entries, said.digest, said.max_ttl_sec
    FROM unnest(${receipts.map(({ gateway }) => gateway)}::text[], ${receipts.map(({ epoch }) => epoch)}::bigint[], ${receipts.map(({ seq }) => seq)}::bigint[],
      ${receipts.map(({ asOf }) => asOf)}::timestamptz[], ${receipts.map(({ entries }) => entries)}::bigint[], ${receipts.map(({ digest }) => digest)}::bytea[],
      ${receipts.map(({ maxTtlSec }) => maxTtlSec ?? null)}::int[]) AS said(name, epoch, seq, as_of, entries, digest, max_ttl_sec)
    JOIN gateway ON gateway.tenant_id = ${feedId} AND gateway.name = said.name
    ORDER BY said.name
    ON CONFLICT (gateway_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, as_of = excluded.as_of, entries = excluded.entries, digest = excluded.digest,
      max_ttl_sec = coalesce(greatest(excluded.max_ttl_sec, receipt.max_ttl_sec), excluded.max_ttl_sec), received_at = clock_timestamp(),
      seq_at = CASE WHEN (receipt.epoch, receipt.seq) = (excluded.epoch, excluded.seq) THEN receipt.seq_at ELSE clock_timestamp() END
    RETURNING (SELECT name FROM gateway WHERE gateway.id = receipt.gateway_id) AS name`;
}

/**
 * Up to the slowest sighted gateway's sequence everything is enforced, since the last of them has
 * said so. Gateways of an earlier epoch hold what this one does not tell of, and hold the mark back.
 */
function markEnforced(feedId: string, staleSec: number): Sql {
  return sql`INSERT INTO feed_mark (tenant_id, seq, enforced_at)
    SELECT ${feedId}, slowest.seq, slowest.at FROM (
      SELECT min(least(receipt.seq, meta.seq)) AS seq, max(receipt.seq_at) AS at, bool_and(receipt.epoch = meta.epoch) AS together
      FROM receipt JOIN feed_meta AS meta ON meta.tenant_id = receipt.tenant_id
      WHERE receipt.tenant_id = ${feedId} AND ${isSighted(staleSec)}
    ) AS slowest
    WHERE slowest.together AND slowest.seq > coalesce((SELECT max(seq) FROM feed_mark WHERE tenant_id = ${feedId}), 0)
    ON CONFLICT DO NOTHING`;
}
