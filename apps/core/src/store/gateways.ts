import { DirectoryError } from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesAfter } from "./keyset-place.ts";

/**
 * `live`: its word is fresh and it is at the head, or has not had the time to be.
 * `behind`: it is heard, and has not passed what was published `behindSec` ago.
 * `blind`: it was not heard for two staleness limits, or says itself that what it holds is older than one.
 * `gone`: it was not heard for an hour, so nobody waits for it.
 */
export type GatewayStanding = "live" | "behind" | "blind" | "gone";

export type GatewayState = {
  readonly id: string;
  readonly name: string;
  readonly standing: GatewayStanding;
  readonly epoch: number;
  readonly seq: number;
  /** When it first said that it was there. */
  readonly seqAt: Date;
  /** Entries of the feed that it has not reported yet; undefined where it follows another epoch. */
  readonly behind: number | undefined;
  /** Everything acknowledged before this many milliseconds ago, it enforces. */
  readonly asOfAgeMs: number;
  readonly receivedAt: Date;
  /** How long ago that was. */
  readonly heardAgeMs: number;
  /** At the head, whether it holds what the feed holds; undefined before it gets there. */
  readonly digestMatches: boolean | undefined;
  readonly maxTtlSec: number | undefined;
};

type GatewayRow = {
  id: string;
  name: string;
  standing: GatewayStanding;
  epoch: number;
  seq: number;
  seq_at: Date;
  behind: number | null;
  as_of_age_ms: number;
  received_at: Date;
  heard_age_ms: number;
  digest_matches: boolean | null;
  max_ttl_sec: number | null;
};

const behindSec = 5;
export const goneSec = 3_600;

/** Whether a receipt's gateway can be counted on to enforce what it reports. */
export function isSighted(staleSec: number): Sql {
  return sql`(receipt.received_at > now() - ${2 * staleSec} * interval '1 second' AND receipt.as_of > receipt.received_at - ${staleSec} * interval '1 second')`;
}

function standingOf(staleSec: number): Sql {
  return sql`CASE
      WHEN receipt.received_at < now() - ${goneSec} * interval '1 second' THEN 'gone'
      WHEN NOT ${isSighted(staleSec)} THEN 'blind'
      WHEN receipt.epoch <> coalesce(meta.epoch, 1) OR receipt.seq < meta.floor_seq THEN 'behind'
      WHEN EXISTS (SELECT FROM feed_entry AS missed WHERE missed.tenant_id = receipt.tenant_id AND missed.seq = receipt.seq + 1
        AND missed.published_at < now() - ${behindSec} * interval '1 second') THEN 'behind'
      ELSE 'live' END`;
}

/** The gateways that follow a feed, with how far each is behind it. */
export async function listGateways(
  database: Database,
  feedId: string,
  staleSec: number,
  page: KeysetRequest,
): Promise<Keyset<GatewayState>> {
  const rows = await database.once<GatewayRow>(
    feedId,
    sql`SELECT gateway.id, gateway.name, ${standingOf(staleSec)} AS standing, receipt.epoch, receipt.seq, receipt.seq_at,
        CASE WHEN receipt.epoch = coalesce(meta.epoch, 1) THEN greatest(0, coalesce(meta.seq, 0) - receipt.seq) END AS behind,
        (extract(epoch FROM now() - receipt.as_of) * 1000)::double precision AS as_of_age_ms, receipt.received_at,
        (extract(epoch FROM now() - receipt.received_at) * 1000)::double precision AS heard_age_ms, receipt.max_ttl_sec,
        CASE WHEN receipt.epoch = meta.epoch AND receipt.seq = meta.seq THEN receipt.digest IN (meta.digest, meta.hashed_digest) END AS digest_matches
      FROM gateway JOIN receipt ON receipt.gateway_id = gateway.id LEFT JOIN feed_meta AS meta ON meta.tenant_id = gateway.tenant_id
      WHERE gateway.tenant_id = ${feedId} AND ${placesAfter(sql`gateway.id`, page.after)}
      ORDER BY gateway.id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows.map(toState), page.limit, ({ id }) => id);
}

/** Strikes a gateway off the list; one that reports again is on it again. Throws `not_found`. */
export async function removeGateway(database: Database, feedId: string, id: string, actor: string): Promise<void> {
  await database.inTenant(feedId, async (transaction) => {
    const [before] = await transaction.query<{ name: string }>(
      sql`DELETE FROM gateway WHERE tenant_id = ${feedId} AND id = ${id} RETURNING name`,
    );
    if (before === undefined) throw new DirectoryError("not_found", "no such gateway");
    await recordAudit(transaction, feedId, { actor, action: "gateway.remove", target: id, before });
  });
}

function toState(row: GatewayRow): GatewayState {
  return {
    id: row.id,
    name: row.name,
    standing: row.standing,
    epoch: row.epoch,
    seq: row.seq,
    seqAt: row.seq_at,
    behind: row.behind ?? undefined,
    asOfAgeMs: Math.round(row.as_of_age_ms),
    receivedAt: row.received_at,
    heardAgeMs: Math.max(0, Math.round(row.heard_age_ms)),
    digestMatches: row.digest_matches ?? undefined,
    maxTtlSec: row.max_ttl_sec ?? undefined,
  };
}
