import { openAlert, resolveAlerts } from "./alerts.ts";
import type { Database } from "./database.ts";
import { houseFeedId } from "./feeds.ts";
import { sql } from "./sql.ts";

export type Compaction = {
  /** Keys that gateways are being told to forget. */
  readonly forgotten: number;
  /** Why nothing may be forgotten; undefined where it may. */
  readonly stopped: "lifetime_unknown" | "lifetime_exceeded" | undefined;
};

/** How long a provider may go on issuing tokens after it has said that somebody left: replicas, refreshes, caches. */
const mintGraceSec = 900;
/** How far two clocks may be apart; there are two of them between an issuer and a gateway. */
const clockSkewSec = 60;
const pieceMax = 1_000;

/**
 * Tells gateways to forget what can refuse nobody any more: no token lives that was issued before
 * the provider stopped issuing them. The longest lifetime that gateways have seen is compared with
 * what is configured. Where real tokens live longer than any connection says, forgetting would let
 * leavers back in, so it stops and an alert is opened; and it does not begin before a gateway has
 * said how long tokens live. A denial that the provider knows nothing of is never forgotten.
 */
export async function compactFeed(database: Database, tenantId: string, newId: () => string): Promise<Compaction> {
  const issuers = await readLifetimes(database, tenantId);
  const seen = await longestSeen(database, tenantId);
  if (seen === undefined) return { forgotten: 0, stopped: "lifetime_unknown" };
  const configuredSec = Math.max(0, ...issuers.map(({ lifetimeSec }) => lifetimeSec));
  if (seen.lifetimeSec > configuredSec) {
    await stop(database, tenantId, newId, seen, configuredSec);
    return { forgotten: 0, stopped: "lifetime_exceeded" };
  }
  await resolveAlerts(database, tenantId, "compaction_stopped", [alertKey]);
  let forgotten = 0;
  for (const { iss, lifetimeSec } of issuers)
    // Whose token the longest was, nobody says: so every issuer's may live as long.
    forgotten += await forget(database, tenantId, iss, Math.max(lifetimeSec, seen.lifetimeSec));
  return { forgotten, stopped: undefined };
}

type Seen = { readonly lifetimeSec: number; readonly gateway: string };

const alertKey = "token_lifetime";

/** Each issuer with the longest lifetime that any of its connections gives its tokens. */
async function readLifetimes(
  database: Database,
  tenantId: string,
): Promise<readonly { readonly iss: string; readonly lifetimeSec: number }[]> {
  return database.once<{ iss: string; lifetimeSec: number }>(
    tenantId,
    sql`SELECT iss, max(token_lifetime_sec) AS "lifetimeSec" FROM connection, unnest(issuers) AS iss GROUP BY iss ORDER BY iss`,
  );
}

/** By the gateways of this tenant, and by those that follow all of them. */
async function longestSeen(database: Database, tenantId: string): Promise<Seen | undefined> {
  const statement = sql`SELECT gateway.name AS gateway, receipt.max_ttl_sec AS "lifetimeSec"
    FROM receipt JOIN gateway ON gateway.id = receipt.gateway_id
    WHERE receipt.max_ttl_sec IS NOT NULL ORDER BY receipt.max_ttl_sec DESC LIMIT 1`;
  const [own, house] = await Promise.all([
    database.once<Seen>(tenantId, statement),
    database.once<Seen>(houseFeedId, statement),
  ]);
  return [...own, ...house].toSorted((a, b) => b.lifetimeSec - a.lifetimeSec)[0];
}

async function stop(
  database: Database,
  tenantId: string,
  newId: () => string,
  { lifetimeSec, gateway }: Seen,
  configuredSec: number,
): Promise<void> {
  await database.inTenant(tenantId, (transaction) =>
    openAlert(transaction, tenantId, {
      id: newId(),
      kind: "compaction_stopped",
      key: alertKey,
      detail: { gateway, seenSec: lifetimeSec, configuredSec },
    }),
  );
}

async function forget(database: Database, tenantId: string, iss: string, lifetimeSec: number): Promise<number> {
  const deadSec = lifetimeSec + mintGraceSec + 2 * clockSkewSec;
  let forgotten = 0;
  for (;;) {
    const rows = await database.once(
      tenantId,
      sql`WITH due AS (
          SELECT scope, iss, sub FROM revocation
          WHERE tenant_id = ${tenantId} AND iss = ${iss} AND applied_at < now() - ${deadSec} * interval '1 second'
            AND forgotten_at IS NULL AND (NOT deny OR origin = 'idp' OR scope = 'jti')
            AND (deny OR nbf IS NOT NULL) AND (nbf IS NULL OR nbf < extract(epoch FROM now()) - ${deadSec})
          LIMIT ${pieceMax} FOR UPDATE SKIP LOCKED
        ), forgotten AS (
          UPDATE revocation SET forgotten_at = now() FROM due
          WHERE revocation.tenant_id = ${tenantId} AND revocation.scope = due.scope AND revocation.iss = due.iss AND revocation.sub = due.sub
          RETURNING revocation.scope, revocation.iss, revocation.sub
        )
        INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at)
        SELECT ${tenantId}, scope, iss, sub, now() FROM forgotten RETURNING id`,
    );
    forgotten += rows.length;
    if (rows.length < pieceMax) return forgotten;
  }
}
