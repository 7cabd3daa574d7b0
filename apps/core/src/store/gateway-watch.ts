import { openAlert, openAlertKeys, resolveAlerts } from "./alerts.ts";
import type { Database } from "./database.ts";
import { goneSec, isSighted } from "./gateways.ts";
import { sql } from "./sql.ts";

type WatchedRow = { name: string; sighted: boolean; gone: boolean; behind_epoch: boolean; silent_ms: number };

/** So long a gateway has to be seen well before its alert is closed: one that comes and goes stays one alert. */
const wellSec = 30;
const kind = "gateway_blind";

/** The feeds that have gateways. */
export async function feedsWatched(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`SELECT DISTINCT tenant_id FROM gateway`);
  return rows.map((row) => row.tenant_id);
}

/** Since when, by its own clock, a watcher has seen each gateway well. It begins anew with each watcher. */
export type WellSince = Map<string, number>;

/**
 * Opens an alert for each gateway that is blind, and closes it once the gateway has been sighted for
 * `wellSec` on end, or is gone. Closes the alert of a rollback once nobody counts on the epoch before.
 */
export async function watchGateways(
  database: Database,
  feedId: string,
  staleSec: number,
  wellSince: WellSince,
  now: { readonly ms: number; readonly newId: () => string },
): Promise<void> {
  const [rows, open] = await Promise.all([
    database.once<WatchedRow>(
      feedId,
      sql`SELECT gateway.name, ${isSighted(staleSec)} AS sighted, receipt.received_at < now() - ${goneSec} * interval '1 second' AS gone,
          receipt.epoch < meta.epoch AS behind_epoch, (extract(epoch FROM now() - receipt.received_at) * 1000)::double precision AS silent_ms
        FROM gateway JOIN receipt ON receipt.gateway_id = gateway.id JOIN feed_meta AS meta ON meta.tenant_id = gateway.tenant_id
        WHERE gateway.tenant_id = ${feedId}`,
    ),
    openAlertKeys(database, feedId, kind),
  ]);
  const isOpen = new Set(open);
  const byName = new Map(rows.map((row) => [row.name, row]));
  for (const row of rows.filter(({ sighted, gone }) => !sighted && !gone)) {
    wellSince.delete(wellKey(feedId, row.name));
    if (!isOpen.has(row.name)) await openBlind(database, feedId, row, now.newId());
  }
  const over = open.filter((name) => {
    const row = byName.get(name);
    if (row === undefined || row.gone) return true;
    return row.sighted && isWell(wellSince, wellKey(feedId, name), now.ms);
  });
  for (const name of over) wellSince.delete(wellKey(feedId, name));
  await resolveAlerts(database, feedId, kind, over);
  if (rows.some(({ gone }) => !gone) && !rows.some((row) => row.behind_epoch && !row.gone))
    await resolveAlerts(database, feedId, "feed_restored", ["revocations", "subjects"]);
}

/** Forgets gateways that were not heard for so long, with what they reported. */
export async function forgetGateways(database: Database, feedId: string, silentSec: number): Promise<void> {
  await database.once(
    feedId,
    sql`DELETE FROM gateway WHERE tenant_id = ${feedId} AND id IN (
        SELECT gateway_id FROM receipt WHERE tenant_id = ${feedId} AND received_at < now() - ${silentSec} * interval '1 second')`,
  );
}

function isWell(wellSince: WellSince, key: string, nowMs: number): boolean {
  const since = wellSince.get(key);
  if (since !== undefined) return nowMs - since >= wellSec * 1_000;
  wellSince.set(key, nowMs);
  return false;
}

function wellKey(feedId: string, name: string): string {
  return `${feedId} ${name}`;
}

async function openBlind(database: Database, feedId: string, row: WatchedRow, id: string): Promise<void> {
  await database.inTenant(feedId, (transaction) =>
    openAlert(transaction, feedId, {
      id,
      kind,
      key: row.name,
      detail: { gateway: row.name, silentSec: Math.round(row.silent_ms / 1_000) },
    }),
  );
}
