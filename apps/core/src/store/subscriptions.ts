import { DirectoryError, type Json, type WebhookEventKind } from "../domain/index.ts";
import { resolveAlerts } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import type { Expectation } from "./expectation.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesAfter } from "./keyset-place.ts";

export type SubscriptionKind = "webhook" | "push" | "poll";

/** `paused` keeps events for later, `disabled` does not. */
export type SubscriptionStatus = "enabled" | "paused" | "disabled";

/** An application that follows, without its secrets. */
export type ApplicationSubscription = {
  readonly id: string;
  readonly kind: SubscriptionKind;
  readonly receiver: string | null;
  readonly description: string | null;
  readonly url: string | null;
  readonly events: readonly WebhookEventKind[];
  readonly requested: readonly string[];
  readonly status: SubscriptionStatus;
  readonly statusReason: string | null;
  /** Deliveries in a row that failed. */
  readonly failures: number;
  readonly resumeAt: Date | null;
  /** Until when the secret before the present one signs too. */
  readonly formerUntil: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** Which subscriptions are meant: the webhooks, the streams, or the streams of one receiver. */
export type SubscriptionScope = { readonly of: "webhook" } | { readonly of: "stream"; readonly receiver?: string };

export type NewSubscription = Pick<ApplicationSubscription, "id" | "kind" | "events"> & {
  readonly receiver?: string;
  readonly description?: string | undefined;
  readonly url?: string | undefined;
  readonly requested?: readonly string[];
  /** As `sealSecret` sealed it. */
  readonly secret?: Buffer | undefined;
};

/** What is left out stays as it is. */
export type SubscriptionPatch = {
  readonly kind?: SubscriptionKind;
  readonly url?: string | null;
  readonly description?: string | null;
  readonly events?: readonly WebhookEventKind[];
  readonly requested?: readonly string[];
  readonly secret?: Buffer | null;
  readonly status?: SubscriptionStatus;
  readonly statusReason?: string | null;
};

const perTenantMax = 200;

const subscriptionColumns = sql`id, kind, receiver, description, url, events, requested, status, status_reason AS "statusReason", failures,
  resume_at AS "resumeAt", CASE WHEN former_until > now() THEN former_until END AS "formerUntil", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Registers a webhook or a stream. Throws `too_many`. */
export async function createSubscription(
  database: Database,
  tenantId: string,
  wanted: NewSubscription,
  actor: string,
): Promise<ApplicationSubscription> {
  return database.inTenant(tenantId, async (transaction) => {
    const [created] = await transaction.query<ApplicationSubscription>(sql`
      INSERT INTO subscription (id, tenant_id, kind, receiver, description, url, secret, events, requested)
      SELECT ${wanted.id}, ${tenantId}, ${wanted.kind}, ${wanted.receiver ?? null}, ${wanted.description ?? null}, ${wanted.url ?? null},
        ${wanted.secret ?? null}::bytea, ${wanted.events}::text[], ${wanted.requested ?? []}::text[]
      WHERE (SELECT count(*) FROM subscription WHERE tenant_id = ${tenantId}) < ${perTenantMax}
      RETURNING ${subscriptionColumns}`);
    if (created === undefined)
      throw new DirectoryError("too_many", `a tenant has at most ${perTenantMax} webhooks and streams: remove one`);
    const after = { kind: wanted.kind, status: created.status, events: [...wanted.events] };
    await recordAudit(transaction, tenantId, {
      actor,
      action: `${nounOf(wanted.kind)}.create`,
      target: wanted.id,
      after,
    });
    return created;
  });
}

export async function listSubscriptions(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  page: KeysetRequest,
): Promise<Keyset<ApplicationSubscription>> {
  const rows = await database.once<ApplicationSubscription>(
    tenantId,
    sql`SELECT ${subscriptionColumns} FROM subscription
      WHERE tenant_id = ${tenantId} AND ${isIn(scope)} AND ${placesAfter(sql`id`, page.after)}
      ORDER BY id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

/** Undefined for another tenant's, another receiver's and nobody's alike. */
export async function findSubscription(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  id: string,
): Promise<ApplicationSubscription | undefined> {
  const [row] = await database.once<ApplicationSubscription>(
    tenantId,
    sql`SELECT ${subscriptionColumns} FROM subscription WHERE id = ${id} AND ${isIn(scope)}`,
  );
  return row;
}

/** Changes a subscription; one that is enabled again is tried again at once. Throws `not_found`. */
export async function updateSubscription(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  id: string,
  patch: SubscriptionPatch,
  actor: string,
  expected?: Expectation<ApplicationSubscription>,
): Promise<ApplicationSubscription> {
  return database.inTenant(tenantId, async (transaction) => {
    const before = await locked(transaction, scope, id, expected);
    const enabled = patch.status === "enabled";
    const [updated] = await transaction.query<ApplicationSubscription>(sql`
      UPDATE subscription SET kind = coalesce(${patch.kind ?? null}, kind),
        url = ${kept(patch.url, sql`url`)}, description = ${kept(patch.description, sql`description`)}, secret = ${kept(patch.secret, sql`secret`)},
        events = coalesce(${patch.events ?? null}::text[], events), requested = coalesce(${patch.requested ?? null}::text[], requested),
        status = coalesce(${patch.status ?? null}, status),
        status_reason = ${patch.status === undefined ? sql`status_reason` : sql`${patch.statusReason ?? null}::text`},
        failures = CASE WHEN ${enabled} THEN 0 ELSE failures END, resume_at = CASE WHEN ${enabled} THEN NULL ELSE resume_at END, updated_at = now()
      WHERE id = ${id} AND ${isIn(scope)} RETURNING ${subscriptionColumns}`);
    if (updated === undefined) throw notFound(scope);
    if (enabled) await hurry(transaction, tenantId, id);
    await recordAudit(transaction, tenantId, {
      actor,
      action: `${scope.of}.update`,
      target: id,
      before: told(before, patch),
      after: told(updated, patch),
      detail: { changed: Object.keys(patch) },
    });
    return updated;
  });
}

/** Replaces a webhook's secret; the one before goes on signing beside it until `formerUntil`. Throws `not_found`. */
export async function rotateWebhookSecret(
  database: Database,
  tenantId: string,
  id: string,
  rotation: { readonly secret: Buffer; readonly formerUntil: Date },
  actor: string,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const rows = await transaction.query(sql`
      UPDATE subscription SET former_secret = secret, former_until = ${rotation.formerUntil}, secret = ${rotation.secret}, updated_at = now()
      WHERE id = ${id} AND kind = 'webhook' RETURNING id`);
    if (rows.length === 0) throw notFound({ of: "webhook" });
    await recordAudit(transaction, tenantId, { actor, action: "webhook.rotate", target: id });
  });
}

/** Ends a subscription, with all that waits for it. Throws `not_found`. */
export async function removeSubscription(
  database: Database,
  tenantId: string,
  scope: SubscriptionScope,
  id: string,
  actor: string,
  expected?: Expectation<ApplicationSubscription>,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const before = await locked(transaction, scope, id, expected);
    await transaction.query(sql`DELETE FROM subscription WHERE id = ${id}`);
    await transaction.query(sql`DELETE FROM delivery WHERE subscription_id = ${id}`);
    const entry = {
      actor,
      action: `${scope.of}.remove`,
      target: id,
      before: told(before, { status: "enabled", events: [] }),
    };
    await recordAudit(transaction, tenantId, entry);
  });
  await resolveAlerts(database, tenantId, "delivery_dead", [id]);
}

async function locked(
  transaction: Transaction,
  scope: SubscriptionScope,
  id: string,
  expected: Expectation<ApplicationSubscription> | undefined,
): Promise<ApplicationSubscription> {
  const [present] = await transaction.query<ApplicationSubscription>(
    sql`SELECT ${subscriptionColumns} FROM subscription WHERE id = ${id} AND ${isIn(scope)} FOR UPDATE`,
  );
  if (present === undefined) throw notFound(scope);
  expected?.(present);
  return present;
}

/** What the audit tells of a change: where to is left out, for an address may hold a secret. */
function told(
  { status, events }: ApplicationSubscription,
  patch: SubscriptionPatch,
): { readonly [name: string]: Json } {
  return {
    ...(patch.status === undefined ? {} : { status }),
    ...(patch.events === undefined ? {} : { events: [...events] }),
  };
}

/** Makes everything that waits due now, but for what is under way. */
export async function hurry(transaction: Transaction, tenantId: string, subscriptionId: string): Promise<void> {
  await transaction.query(sql`
    UPDATE delivery SET due_at = now()
    WHERE subscription_id = ${subscriptionId} AND state = 'waiting' AND due_at > now() AND settled_at IS NOT NULL`);
  await transaction.query(sql`SELECT pg_notify('rollcall_egress', ${tenantId})`);
}

/** Which rows a scope means. */
export function isIn(scope: SubscriptionScope): Sql {
  if (scope.of === "webhook") return sql`kind = 'webhook'`;
  return scope.receiver === undefined
    ? sql`kind IN ('push', 'poll')`
    : sql`kind IN ('push', 'poll') AND receiver = ${scope.receiver}`;
}

function nounOf(kind: SubscriptionKind): SubscriptionScope["of"] {
  return kind === "webhook" ? "webhook" : "stream";
}

function notFound(scope: SubscriptionScope): DirectoryError {
  return new DirectoryError("not_found", `no such ${scope.of}`);
}

function kept(value: string | Buffer | null | undefined, column: Sql): Sql {
  return value === undefined ? column : Buffer.isBuffer(value) ? sql`${value}::bytea` : nullable(value);
}

function nullable(value: string | null): Sql {
  return value === null ? sql`NULL` : sql`${value}::text`;
}
