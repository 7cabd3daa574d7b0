import { DirectoryError } from "../domain/index.ts";
import { resolveAlerts } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { isIn, type SubscriptionScope } from "./subscriptions.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesBefore } from "./keyset-place.ts";

export type DeliveryState = "waiting" | "delivered" | "dead";

/** What became of one message. Whom it is about is told by ids alone. */
export type LoggedDelivery = {
  readonly id: string;
  readonly seq: number;
  readonly event: string;
  readonly userId: string | null;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly dueAt: Date | null;
  readonly settledAt: Date | null;
};

/** Which messages are to be sent again: one, all since a moment, or all that were given up. */
export type Replay = { readonly delivery: string } | { readonly since: Date } | { readonly failed: true };

const replayMax = 100_000;

/** The newest message first. Throws `not_found`. */
export async function listDeliveries(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  subscriptionId: string,
  state: DeliveryState | undefined,
  page: KeysetRequest,
): Promise<Keyset<LoggedDelivery>> {
  return database.inTenant(tenantId, async (transaction) => {
    const [known] = await transaction.query(
      sql`SELECT id FROM subscription WHERE id = ${subscriptionId} AND ${isIn(scope)}`,
    );
    if (known === undefined) throw new DirectoryError("not_found", `no such ${scope.of}`);
    const after = page.after === undefined ? null : Number(page.after);
    const rows = await transaction.query<LoggedDelivery>(sql`
      SELECT own.id, own.seq, coalesce(event.kind, 'verification') AS event, event.user_id AS "userId", own.state, own.attempts, own.last_status AS "lastStatus",
        own.last_error AS "lastError", own.created_at AS "createdAt", CASE WHEN own.state = 'waiting' THEN own.due_at END AS "dueAt", own.settled_at AS "settledAt"
      FROM delivery AS own LEFT JOIN outbound_event AS event ON event.id = own.event_id
      WHERE own.subscription_id = ${subscriptionId} AND (${state ?? null}::text IS NULL OR own.state = ${state ?? null})
        AND ${placesBefore(sql`own.seq`, after)}
      ORDER BY own.seq DESC LIMIT ${page.limit + 1}`);
    return keyset(rows, page.limit, ({ seq }) => String(seq));
  });
}

/** Sends messages again under their ids, each subject's in their order. Answers how many. Throws `not_found`. */
export async function replayDeliveries(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  subscriptionId: string,
  replay: Replay,
  actor: string,
): Promise<number> {
  const count = await database.inTenant(tenantId, async (transaction) => {
    const [known] = await transaction.query(
      sql`SELECT id FROM subscription WHERE id = ${subscriptionId} AND ${isIn(scope)}`,
    );
    if (known === undefined) throw new DirectoryError("not_found", `no such ${scope.of}`);
    const rows = await transaction.query(sql`
      UPDATE delivery SET state = 'waiting', attempts = 0, due_at = now(), last_error = NULL
      WHERE id IN (SELECT id FROM delivery WHERE subscription_id = ${subscriptionId} AND state <> 'waiting' AND ${meant(replay)} ORDER BY seq LIMIT ${replayMax})
      RETURNING id`);
    if ("delivery" in replay && rows.length === 0)
      throw new DirectoryError("not_found", "no such message that was sent");
    await transaction.query(sql`UPDATE subscription SET failures = 0, resume_at = NULL WHERE id = ${subscriptionId}`);
    await transaction.query(sql`SELECT pg_notify('rollcall_egress', ${tenantId})`);
    await recordAudit(transaction, tenantId, {
      actor,
      action: `${scope.of}.replay`,
      target: subscriptionId,
      detail: { replayed: rows.length, ...described(replay) },
    });
    return rows.length;
  });
  if ("failed" in replay) await resolveAlerts(database, tenantId, "delivery_dead", [subscriptionId]);
  return count;
}

function meant(replay: Replay): Sql {
  if ("delivery" in replay) return sql`id = ${replay.delivery}`;
  return "since" in replay ? sql`created_at >= ${replay.since}` : sql`state = 'dead'`;
}

function described(replay: Replay): Readonly<Record<string, string | boolean>> {
  if ("delivery" in replay) return { delivery: replay.delivery };
  return "since" in replay ? { since: replay.since.toISOString() } : { failed: true };
}
