import type { AlertEvent, AlertEventKind, ApplicationEvent, JsonObject } from "../domain/index.ts";
import { openAlert } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { openSecret } from "./sealed-secret.ts";
import { type Sql, sql } from "./sql.ts";
import { hurry } from "./subscriptions.ts";

/** One message, with what it tells: of a user, or of an alert. A message of neither verifies a stream. */
export type Delivery = {
  readonly id: string;
  readonly attempt: number;
  readonly createdAt: Date;
  readonly event: ApplicationEvent | undefined;
  readonly alert: AlertEvent | undefined;
  readonly verification: string | undefined;
};

/** Where messages go, and what they are signed or admitted with. */
export type Destination = {
  readonly kind: "webhook" | "push";
  readonly receiver: string | undefined;
  readonly url: string;
  /** The present secret first. */
  readonly secrets: readonly string[];
};

export type Claim = { readonly destination: Destination; readonly deliveries: readonly Delivery[] };

/** How one attempt ended. */
export type Failure = {
  readonly status: number | undefined;
  /** A code or a short sentence, and nothing that a receiver could hide a person's data in. */
  readonly error: string;
  /** Undefined where there is no further attempt. */
  readonly retryAfterMs: number | undefined;
  /** The receiver says that it is gone for good. */
  readonly gone: boolean;
};

type DeliveryRow = {
  id: string;
  attempts: number;
  created_at: Date;
  verification: string | null;
  event_id: number | null;
  kind: ApplicationEvent["kind"] | AlertEventKind;
  user_id: string | null;
  iss: string;
  sub: string | null;
  session: string | null;
  new_sub: string | null;
  reason: string;
  cause: string;
  happened_at: Date;
  event_at: Date;
  alert: JsonObject | null;
};

type DestinationRow = {
  kind: Destination["kind"];
  receiver: string | null;
  url: string;
  failures: number;
  secret: Buffer | null;
  former_secret: Buffer | null;
};

/** From so many failures in a row on a receiver is left alone for a while, and then asked by one message. */
const patienceMax = 3;
const pausesMax = 60;

/** Whoever can be told something now. */
export async function subscriptionsDue(
  database: Database,
): Promise<readonly { readonly id: string; readonly tenantId: string }[]> {
  return database.house(sql`
    SELECT id, tenant_id AS "tenantId" FROM subscription
    WHERE kind IN ('webhook', 'push') AND status = 'enabled' AND (resume_at IS NULL OR resume_at <= now())
      AND EXISTS (SELECT FROM delivery WHERE subscription_id = subscription.id AND state = 'waiting' AND due_at <= now())`);
}

/**
 * Takes messages that are due, the oldest first, and of each subject and each user one at a time: the
 * next is taken once the one before is settled. They come back after `leaseMs` where whoever took
 * them was lost meanwhile, under the same ids. Undefined where nothing may be sent now.
 */
export async function claimDeliveries(
  database: Database,
  tenantId: string,
  subscriptionId: string,
  limit: number,
  leaseMs: number,
  secretKey: Buffer,
): Promise<Claim | undefined> {
  return database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<DestinationRow>(sql`
      SELECT kind, receiver, url, failures, secret, CASE WHEN former_until > now() THEN former_secret END AS former_secret FROM subscription
      WHERE id = ${subscriptionId} AND kind IN ('webhook', 'push') AND status = 'enabled' AND (resume_at IS NULL OR resume_at <= now())`);
    if (row === undefined) return undefined;
    const rows = await transaction.query<DeliveryRow>(sql`
      WITH due AS (
        SELECT id FROM delivery AS own
        WHERE subscription_id = ${subscriptionId} AND state = 'waiting' AND due_at <= now() AND ${isNext}
        ORDER BY seq LIMIT ${row.failures >= patienceMax ? 1 : limit} FOR UPDATE SKIP LOCKED
      ), claimed AS (
        UPDATE delivery SET attempts = attempts + 1, attempted_at = now(), settled_at = NULL, due_at = now() + ${leaseMs} * interval '1 millisecond'
        FROM due WHERE delivery.id = due.id RETURNING delivery.*
      )
      SELECT ${messageColumns(sql`claimed`)} FROM claimed LEFT JOIN outbound_event AS event ON event.id = claimed.event_id ORDER BY claimed.seq`);
    const secrets = [row.secret, row.former_secret].filter((secret) => secret !== null);
    return {
      destination: {
        kind: row.kind,
        receiver: row.receiver ?? undefined,
        url: row.url,
        secrets: secrets.map((secret) => openSecret(secretKey, subscriptionId, secret)),
      },
      deliveries: rows.map(toDelivery),
    };
  });
}

/** The receiver has it. What an outage held back is due again at once. */
export async function settleDelivered(
  database: Database,
  tenantId: string,
  subscriptionId: string,
  deliveryId: string,
  status: number,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      UPDATE delivery SET state = 'delivered', settled_at = now(), last_status = ${status}, last_error = NULL WHERE id = ${deliveryId}`);
    const [before] = await transaction.query<{ failures: number }>(sql`
      WITH before AS (SELECT failures FROM subscription WHERE id = ${subscriptionId} AND failures > 0 FOR UPDATE)
      UPDATE subscription SET failures = 0, resume_at = NULL FROM before WHERE id = ${subscriptionId} RETURNING before.failures`);
    if ((before?.failures ?? 0) >= patienceMax) await hurry(transaction, tenantId, subscriptionId);
  });
}

/**
 * The attempt failed: there will be another, or the message is dead and an alert says so. A receiver
 * that fails on and on is left alone, for `pauseMs` at first and twice as long each time, sixty times that at most.
 */
export async function settleFailed(
  database: Database,
  tenantId: string,
  subscriptionId: string,
  { id, attempt }: Pick<Delivery, "id" | "attempt">,
  failure: Failure,
  pauseMs: number,
  newId: () => string,
): Promise<void> {
  const isDead = failure.gone || failure.retryAfterMs === undefined;
  await database.inTenant(tenantId, async (transaction) => {
    const settled = await transaction.query(sql`
      UPDATE delivery SET state = ${isDead ? "dead" : "waiting"}, settled_at = now(), last_status = ${failure.status ?? null}, last_error = ${failure.error},
        due_at = now() + ${failure.retryAfterMs ?? 0} * interval '1 millisecond'
      WHERE id = ${id} AND attempts = ${attempt} AND state = 'waiting' RETURNING id`);
    // Whoever lost its lease meanwhile says nothing of the attempt after it.
    if (settled.length === 0) return;
    await transaction.query(sql`
      UPDATE subscription SET failures = failures + 1,
        resume_at = CASE WHEN failures + 1 >= ${patienceMax}
          THEN now() + least(${pausesMax}, power(2, least(failures + 1 - ${patienceMax}, 10))) * ${pauseMs} * interval '1 millisecond' END
      WHERE id = ${subscriptionId}`);
    if (failure.gone) await disable(transaction, tenantId, subscriptionId);
    if (isDead) await raise(transaction, tenantId, subscriptionId, failure.error, newId);
  });
}

/** Tells the admin that a message to this subscription was given up. */
export async function raise(
  transaction: Transaction,
  tenantId: string,
  subscriptionId: string,
  error: string,
  newId: () => string,
): Promise<void> {
  await openAlert(transaction, tenantId, {
    id: newId(),
    kind: "delivery_dead",
    key: subscriptionId,
    detail: { subscription: subscriptionId, error },
  });
}

/** True of a message that nothing of the same subject or user stands before; `own` names it. */
export const isNext: Sql = sql`NOT EXISTS (
    SELECT FROM delivery AS earlier
    WHERE earlier.subscription_id = own.subscription_id AND earlier.state = 'waiting' AND earlier.subject_key = own.subject_key AND earlier.seq < own.seq
    OFFSET 0 -- looked up one by one: a plan that was made while little waited is kept when much does
  ) AND NOT EXISTS (
    SELECT FROM delivery AS earlier
    WHERE earlier.subscription_id = own.subscription_id AND earlier.state = 'waiting' AND earlier.user_key = own.user_key AND earlier.seq < own.seq
    OFFSET 0
  )`;

export function messageColumns(own: Sql): Sql {
  return sql`${own}.id, ${own}.attempts, ${own}.created_at, ${own}.verification, ${own}.event_id, event.kind, event.user_id, event.iss, event.sub,
    event.session, event.new_sub, event.reason, event.cause, event.happened_at, event.created_at AS event_at, event.alert`;
}

export function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    attempt: row.attempts,
    createdAt: row.created_at,
    verification: row.verification ?? undefined,
    event: row.event_id === null || row.alert !== null ? undefined : toEvent(row, row.event_id),
    alert: row.event_id === null || row.alert === null ? undefined : toAlertEvent(row, row.event_id, row.alert),
  };
}

export type { DeliveryRow };

function toEvent(row: DeliveryRow, sequence: number): ApplicationEvent {
  return {
    sequence,
    kind: row.kind as ApplicationEvent["kind"],
    userId: row.user_id ?? undefined,
    iss: row.iss,
    sub: row.sub ?? undefined,
    session: row.session ?? undefined,
    newSub: row.new_sub ?? undefined,
    reason: row.reason,
    cause: row.cause,
    happenedAt: row.happened_at,
    createdAt: row.event_at,
  };
}

function toAlertEvent(row: DeliveryRow, sequence: number, alert: JsonObject): AlertEvent {
  const { happened_at: happenedAt, event_at: createdAt } = row;
  return { sequence, kind: row.kind as AlertEventKind, alert, happenedAt, createdAt };
}

async function disable(transaction: Transaction, tenantId: string, subscriptionId: string): Promise<void> {
  await transaction.query(
    sql`UPDATE subscription SET status = 'disabled', status_reason = 'gone', updated_at = now() WHERE id = ${subscriptionId}`,
  );
  await recordAudit(transaction, tenantId, { actor: "delivery", action: "webhook.disable", target: subscriptionId });
}
