import { DirectoryError } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";

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

export type GatewayState = {
  readonly id: string;
  readonly name: string;
  readonly epoch: number;
  readonly seq: number;
  /** Entries of the feed that it has not reported yet; undefined where it follows another epoch. */
  readonly behind: number | undefined;
  /** Everything acknowledged before this many milliseconds ago, it enforces. */
  readonly asOfAgeMs: number;
  readonly receivedAt: Date;
  /** At the head, whether it holds what the feed holds; undefined before it gets there. */
  readonly digestMatches: boolean | undefined;
  readonly maxTtlSec: number | undefined;
};

type GatewayRow = {
  id: string;
  name: string;
  epoch: number;
  seq: number;
  behind: number | null;
  as_of_age_ms: number;
  received_at: Date;
  digest_matches: boolean | null;
  max_ttl_sec: number | null;
};

// A gateway that takes a new name at each start would fill the table without end.
const gatewaysMax = 10_000;

/** Notes how far a gateway is: its last word replaces the one before. Throws `too_many` past 10,000 names. */
export async function recordReceipt(database: Database, tenantId: string, receipt: GatewayReceipt): Promise<void> {
  const rows = await database.once(
    tenantId,
    sql`WITH known AS (
        SELECT id FROM gateway WHERE tenant_id = ${tenantId} AND name = ${receipt.gateway}
      ), created AS (
        INSERT INTO gateway (id, tenant_id, name) SELECT gen_random_uuid(), ${tenantId}, ${receipt.gateway}
        WHERE NOT EXISTS (SELECT FROM known) AND (SELECT count(*) FROM gateway) < ${gatewaysMax}
        ON CONFLICT (tenant_id, name) DO UPDATE SET name = excluded.name
        RETURNING id
      )
      INSERT INTO receipt (gateway_id, tenant_id, epoch, seq, as_of, entries, digest, max_ttl_sec)
      SELECT id, ${tenantId}::uuid, ${receipt.epoch}::bigint, ${receipt.seq}::bigint, ${receipt.asOf}::timestamptz, ${receipt.entries}::bigint,
        ${receipt.digest}::bytea, ${receipt.maxTtlSec ?? null}::int
      FROM (SELECT id FROM known UNION ALL SELECT id FROM created) AS gateway
      ON CONFLICT (gateway_id) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq, as_of = excluded.as_of, entries = excluded.entries,
        digest = excluded.digest, max_ttl_sec = coalesce(greatest(excluded.max_ttl_sec, receipt.max_ttl_sec), excluded.max_ttl_sec), received_at = now()
      RETURNING gateway_id`,
  );
  if (rows.length === 0) throw new DirectoryError("too_many", `a tenant has at most ${gatewaysMax} gateways`);
}

/** The tenant's gateways, with how far each is behind its feed. */
export async function listGateways(
  database: Database,
  tenantId: string,
  page: KeysetRequest,
): Promise<Keyset<GatewayState>> {
  const rows = await database.once<GatewayRow>(
    tenantId,
    sql`SELECT gateway.id, gateway.name, receipt.epoch, receipt.seq,
        CASE WHEN receipt.epoch = coalesce(meta.epoch, 1) THEN greatest(0, coalesce(meta.seq, 0) - receipt.seq) END AS behind,
        (extract(epoch FROM now() - receipt.as_of) * 1000)::double precision AS as_of_age_ms, receipt.received_at, receipt.max_ttl_sec,
        CASE WHEN receipt.epoch = meta.epoch AND receipt.seq = meta.seq THEN receipt.digest = meta.digest END AS digest_matches
      FROM gateway JOIN receipt ON receipt.gateway_id = gateway.id LEFT JOIN feed_meta AS meta ON true
      WHERE ${page.after ?? null}::uuid IS NULL OR gateway.id > ${page.after ?? null}::uuid
      ORDER BY gateway.id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows.map(toState), page.limit, ({ id }) => id);
}

function toState(row: GatewayRow): GatewayState {
  return {
    id: row.id,
    name: row.name,
    epoch: row.epoch,
    seq: row.seq,
    behind: row.behind ?? undefined,
    asOfAgeMs: Math.round(row.as_of_age_ms),
    receivedAt: row.received_at,
    digestMatches: row.digest_matches ?? undefined,
    maxTtlSec: row.max_ttl_sec ?? undefined,
  };
}
