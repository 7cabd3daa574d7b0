import { DirectoryError, strongestReason } from "../domain/index.ts";
import { userIdOf } from "./admin-users.ts";
import { recordAudit } from "./audit.ts";
import { convergeUserRevocations } from "./converge-revocations.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** Who acts, when, and what they said of it. */
export type Act = {
  readonly actor: string;
  readonly at: Date;
  readonly note?: string | undefined;
  /** When a denial is to end by itself. */
  readonly expiresAt?: Date | undefined;
};

export type RevocationOutcome = {
  /** The user that the target is; undefined for a subject that Rollcall does not know. */
  readonly userId: string | undefined;
  /** False where no connection of the tenant names the issuer: the entry holds, but it may be a slip of the pen. */
  readonly issuerKnown: boolean;
  /** How many of the feed's keys changed. */
  readonly changed: number;
};

type AdminReason = "admin_suspended" | "admin_revoked";

/** Denies a user until `unsuspendUser`, whatever the identity provider says meanwhile. Doing it twice changes nothing. Throws `not_found`. */
export async function suspendUser(
  database: Database,
  tenantId: string,
  id: string,
  act: Act,
): Promise<RevocationOutcome> {
  return database.inTenant(tenantId, async (transaction) => {
    const userId = await existingUser(transaction, id);
    return denyUser(transaction, tenantId, userId, "admin_suspended", "user.suspend", act);
  });
}

/** Lifts a suspension and no other reason. Tokens issued before it stay dead. Throws `not_found`, also where nothing is to be lifted. */
export async function unsuspendUser(
  database: Database,
  tenantId: string,
  id: string,
  act: Act,
): Promise<RevocationOutcome> {
  return database.inTenant(tenantId, async (transaction) => {
    const userId = await existingUser(transaction, id);
    return liftUser(transaction, tenantId, userId, "admin_suspended", "user.unsuspend", act);
  });
}

/**
 * Turns denials of subjects that nobody held into denials of the users who hold them now, before
 * their revocations are decided: without it, being provisioned would lift an admin's ban. A recycled
 * subject's denial was its old owner's and is not inherited. Keys are `identityKey`s.
 */
export async function adoptDenials(
  transaction: Transaction,
  tenantId: string,
  userIds: readonly string[],
  recycled: ReadonlySet<string>,
): Promise<void> {
  const gone = [...recycled].map((key) => JSON.parse(key) as [string, string]);
  // What ends by itself ends as the user's denial from now on: another reason may stand by then.
  await transaction.query(sql`
    WITH held AS (
      SELECT identity.user_id, revocation.iss, revocation.sub, revocation.expires_at
      FROM identity JOIN revocation ON revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
      WHERE identity.user_id = ANY(${userIds}::uuid[]) AND revocation.deny AND revocation.reason = 'admin_revoked'
        AND (identity.iss, identity.sub_key) NOT IN (SELECT * FROM unnest(${gone.map(([iss]) => iss)}::text[], ${gone.map(([, sub]) => sub)}::text[]))
    ), lasting AS (
      UPDATE revocation SET expires_at = NULL FROM held
      WHERE revocation.tenant_id = ${tenantId} AND revocation.scope = 'sub' AND revocation.iss = held.iss AND revocation.sub = held.sub AND revocation.expires_at IS NOT NULL
      RETURNING revocation.iss, revocation.sub
    ), told AS (
      INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at) SELECT ${tenantId}, 'sub', iss, sub, now() FROM lasting
    )
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, expires_at)
    SELECT ${tenantId}::uuid, user_id, 'admin_revoked', user_id, 'the subject was denied before the user was known',
      CASE WHEN bool_and(expires_at IS NOT NULL) THEN max(expires_at) END
    FROM held GROUP BY user_id
    ON CONFLICT DO NOTHING`);
}

export async function existingUser(transaction: Transaction, id: string): Promise<string> {
  const userId = await userIdOf(transaction, id);
  if (userId === undefined) throw new DirectoryError("not_found", `no user ${id}`);
  return userId;
}

export async function denyUser(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  reason: AdminReason,
  action: string,
  act: Act,
): Promise<RevocationOutcome> {
  await lockLinks(transaction, tenantId, userId);
  const added = await transaction.query(sql`
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since, expires_at)
    VALUES (${tenantId}, ${userId}, ${reason}, ${userId}, ${act.note ?? null}, ${act.at}, ${act.expiresAt ?? null})
    ON CONFLICT (user_id, reason, origin_id) DO UPDATE SET expires_at = excluded.expires_at WHERE denial.expires_at IS DISTINCT FROM excluded.expires_at
    RETURNING user_id`);
  const changed = await convergeDenials(transaction, tenantId, userId, act.at);
  if (added.length > 0) await audit(transaction, tenantId, action, userId, act);
  return { userId, issuerKnown: true, changed };
}

export async function liftUser(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  reason: AdminReason,
  action: string,
  act: Act,
): Promise<RevocationOutcome> {
  await lockLinks(transaction, tenantId, userId);
  const lifted = await transaction.query(
    sql`DELETE FROM denial WHERE user_id = ${userId} AND reason = ${reason} RETURNING user_id`,
  );
  if (lifted.length === 0) throw new DirectoryError("not_found", "no such revocation");
  const changed = await convergeDenials(transaction, tenantId, userId, act.at);
  await audit(transaction, tenantId, action, userId, act);
  return { userId, issuerKnown: true, changed };
}

/** Brings a user's keys to what its denials say now. Answers how many changed. */
export async function convergeDenials(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  at: Date,
): Promise<number> {
  const changed = await convergeUserRevocations(transaction, tenantId, userId, at);
  await renameDenied(transaction, userId);
  return changed;
}

/**
 * Holds off the workers from this user, in the order in which they lock too. Without it a worker
 * that read the denials a moment ago could write "allow" after our "deny".
 */
export async function lockLinks(transaction: Transaction, tenantId: string, userId: string): Promise<void> {
  await transaction.query(sql`
    INSERT INTO link (directory_user_id, tenant_id, user_id) SELECT id, ${tenantId}, id FROM directory_user WHERE id = ${userId} ON CONFLICT DO NOTHING`);
  await transaction.query(sql`SELECT FROM link WHERE user_id = ${userId} ORDER BY directory_user_id FOR UPDATE`);
}

/**
 * Keeps the reason of keys that stay denied to one that stands. An entry that went on naming a lifted
 * denial would be adopted as that denial again.
 */
async function renameDenied(transaction: Transaction, userId: string): Promise<void> {
  const rows = await transaction.query<{ reason: string }>(sql`SELECT reason FROM denial WHERE user_id = ${userId}`);
  if (rows.length === 0) return;
  const reasons = rows.map(({ reason }) => reason);
  const origin = reasons.every((reason) => reason.startsWith("idp_")) ? "idp" : "app";
  await transaction.query(sql`
    UPDATE revocation SET reason = ${strongestReason(reasons)}, origin = ${origin} FROM identity
    WHERE identity.user_id = ${userId} AND revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key AND revocation.deny`);
}

export async function audit(
  transaction: Transaction,
  tenantId: string,
  action: string,
  target: string,
  act: Act,
): Promise<void> {
  const detail = {
    ...(act.note === undefined ? {} : { note: act.note }),
    ...(act.expiresAt === undefined ? {} : { expiresAt: act.expiresAt.toISOString() }),
  };
  await recordAudit(transaction, tenantId, {
    actor: act.actor,
    action,
    target,
    ...(Object.keys(detail).length === 0 ? {} : { detail }),
  });
}
