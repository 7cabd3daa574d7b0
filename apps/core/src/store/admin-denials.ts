import { DirectoryError, strongestReason } from "../domain/index.ts";
import { userIdOf } from "./admin-users.ts";
import { recordAudit } from "./audit.ts";
import { convergeUserRevocations } from "./converge-revocations.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** Who acts, when, and what they said of it. */
export type Act = { readonly actor: string; readonly at: Date; readonly note?: string | undefined };

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
  await transaction.query(sql`
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note)
    SELECT DISTINCT ${tenantId}::uuid, identity.user_id, 'admin_revoked', identity.user_id, 'the subject was denied before the user was known'
    FROM identity JOIN revocation ON revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
    WHERE identity.user_id = ANY(${userIds}::uuid[]) AND revocation.deny AND revocation.reason = 'admin_revoked'
      AND (identity.iss, identity.sub_key) NOT IN (SELECT * FROM unnest(${gone.map(([iss]) => iss)}::text[], ${gone.map(([, sub]) => sub)}::text[]))
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
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since) VALUES (${tenantId}, ${userId}, ${reason}, ${userId}, ${act.note ?? null}, ${act.at})
    ON CONFLICT DO NOTHING RETURNING user_id`);
  const changed = await convergeUserRevocations(transaction, tenantId, userId, act.at);
  await renameDenied(transaction, userId);
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
  const changed = await convergeUserRevocations(transaction, tenantId, userId, act.at);
  await renameDenied(transaction, userId);
  await audit(transaction, tenantId, action, userId, act);
  return { userId, issuerKnown: true, changed };
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
  await recordAudit(transaction, tenantId, {
    actor: act.actor,
    action,
    target,
    ...(act.note === undefined ? {} : { detail: { note: act.note } }),
  });
}
