import type { Database } from "./database.ts";
import { goneSec, isSighted } from "./gateways.ts";
import { sql } from "./sql.ts";

/** What waits and who follows, tenant by tenant, for whoever watches the whole house. No person is in it. */
export type HouseStatus = {
  readonly tenants: readonly TenantStatus[];
  readonly openAlerts: readonly { readonly kind: string; readonly level: 1 | 2; readonly count: number }[];
  /** The slugs of connections by their ids, of those that were asked for. */
  readonly connections: ReadonlyMap<string, string>;
};

export type TenantStatus = {
  readonly tenantId: string;
  readonly slug: string;
  readonly waiting: number;
  readonly denialsWaiting: number;
  readonly deadLetters: number;
  readonly gatewaysFollowing: number;
  readonly gatewaysBlind: number;
  /** How old what the feed is complete to is: everything acknowledged before is in it. */
  readonly feedAgeSec: number;
};

/** So many that wait are counted; behind them the number says no more than that there are many. */
const waitingMax = 100_000;

export async function readHouseStatus(
  database: Database,
  staleSec: number,
  connectionIds: readonly string[],
): Promise<HouseStatus> {
  const [tenants, openAlerts, connections] = await Promise.all([
    readTenants(database, staleSec),
    database.house<{ kind: string; level: 1 | 2; count: number }>(
      sql`SELECT kind, level, count(*) AS count FROM alert WHERE resolved_at IS NULL GROUP BY kind, level ORDER BY kind, level`,
    ),
    database.house<{ id: string; slug: string }>(
      sql`SELECT id, slug FROM connection WHERE id = ANY(${connectionIds}::uuid[])`,
    ),
  ]);
  return { tenants, openAlerts, connections: new Map(connections.map(({ id, slug }) => [id, slug])) };
}

function readTenants(database: Database, staleSec: number): Promise<readonly TenantStatus[]> {
  return database.house<TenantStatus>(sql`
    WITH waiting AS (
      SELECT tenant_id, count(*) AS number, count(*) FILTER (WHERE denying) AS denials, min(accepted_at) FILTER (WHERE denying AND attempts = 0) AS since
      FROM (SELECT tenant_id, denying, attempts, accepted_at FROM lifecycle_event WHERE applied_at IS NULL AND dead_at IS NULL LIMIT ${waitingMax}) AS found GROUP BY tenant_id
    ), pending AS (
      SELECT tenant_id, min(accepted_at) AS since FROM feed_pending GROUP BY tenant_id
    ), dead AS (
      SELECT tenant_id, count(*) AS number FROM lifecycle_event WHERE dead_at IS NOT NULL AND dropped_at IS NULL GROUP BY tenant_id
    ), gateway AS (
      SELECT tenant_id, count(*) FILTER (WHERE ${isSighted(staleSec)}) AS following, count(*) FILTER (WHERE NOT ${isSighted(staleSec)}) AS blind
      FROM receipt WHERE received_at > now() - ${goneSec} * interval '1 second' GROUP BY tenant_id
    )
    SELECT tenant.id AS "tenantId", tenant.slug, coalesce(waiting.number, 0) AS waiting, coalesce(waiting.denials, 0) AS "denialsWaiting", coalesce(dead.number, 0) AS "deadLetters",
      coalesce(gateway.following, 0) AS "gatewaysFollowing", coalesce(gateway.blind, 0) AS "gatewaysBlind",
      coalesce(extract(epoch FROM now() - least(waiting.since, pending.since)), 0)::double precision AS "feedAgeSec"
    FROM tenant LEFT JOIN waiting ON waiting.tenant_id = tenant.id LEFT JOIN pending ON pending.tenant_id = tenant.id
      LEFT JOIN dead ON dead.tenant_id = tenant.id LEFT JOIN gateway ON gateway.tenant_id = tenant.id
    ORDER BY tenant.created_at, tenant.id`);
}
