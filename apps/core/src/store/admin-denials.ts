import { DirectoryError, strongestReason } from "../domain/index.ts";
import { userIdOf } from "./admin-users.ts";
import { recordAudit } from "./audit.ts";
import { convergeUserRevocations } from "./converge-revocations.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** Who acts, when, and what they said of it. */
export type Act = {
  readonly actor: string;
  readonly at: Date;
  /** When we were told, where what is struck happened at another moment: gateways are as far behind as this is old. */
  readonly acceptedAt?: Date;
  readonly note?: string | undefined;
  /** When a denial is to end by itself. */
  readonly expiresAt?: Date | undefined;
  /** What gateways are told; `admin_revoked` where an admin acts. */
  readonly reason?: string;
  /** `idp` where the provider refuses it too, so that it may be forgotten once no token lives. */
  readonly origin?: "idp" | "app";
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

/** Two denials of one reason and origin are one, which ends when the later of them does. */
export const joined: Sql = sql`ON CONFLICT (user_id, reason, origin_id) DO UPDATE SET expires_at = excluded.expires_at
      WHERE denial.expires_at < coalesce(excluded.expires_at, 'infinity')`;

/**
 * Turns denials of subjects that nobody held into denials of the users who hold them now, before
 * their revocations are decided: without it, being provisioned would lift an admin's ban. A recycled
 * subject's denial was its old owner's and is not inherited; one of a fresh subject, which nobody held before, is its
 * own, whatever else denies the user. Keys are `identityKey`s.
 */
export async function adoptDenials(
  transaction: Transaction,
  tenantId: string,
  userIds: readonly string[],
  { recycled, fresh }: { readonly recycled: ReadonlySet<string>; readonly fresh: ReadonlySet<string> },
): Promise<void> {
  const [gone, own] = [pairsOf(recycled), pairsOf(fresh)];
  // What ends by itself ends as the user's denial from now on: another reason may stand by then.
  await transaction.query(sql`
    WITH held AS (
      SELECT identity.user_id, identity.directory_user_id, revocation.iss, revocation.sub, revocation.accepted_at, revocation.expires_at,
        (identity.iss, identity.sub_key) IN (SELECT * FROM ${own}) AS fresh
      FROM identity JOIN revocation ON revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
      WHERE identity.user_id = ANY(${userIds}::uuid[]) AND revocation.deny AND revocation.reason = 'admin_revoked'
        AND (identity.iss, identity.sub_key) NOT IN (SELECT * FROM ${gone})
    ), lasting AS (
      UPDATE revocation SET expires_at = NULL FROM held
      WHERE revocation.tenant_id = ${tenantId} AND revocation.scope = 'sub' AND revocation.iss = held.iss AND revocation.sub = held.sub AND revocation.expires_at IS NOT NULL
      RETURNING revocation.iss, revocation.sub
    ), told AS (
      INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at) SELECT ${tenantId}, 'sub', iss, sub, now() FROM lasting
    )
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since, expires_at)
    -- It came with the subject, and goes with whoever bears that when they are unlinked. What the user is denied for
    -- already all of their subjects say, and then none of them brings it.
    SELECT ${tenantId}::uuid, user_id, 'admin_revoked', directory_user_id, 'the subject was denied before the user was known', max(accepted_at),
      CASE WHEN bool_and(expires_at IS NOT NULL) THEN max(expires_at) END
    FROM held WHERE fresh OR NOT EXISTS (SELECT FROM denial WHERE denial.user_id = held.user_id AND reason = 'admin_revoked')
    GROUP BY user_id, directory_user_id
    ${joined}`);
}

function pairsOf(keys: ReadonlySet<string>): Sql {
  const pairs = [...keys].map((key) => JSON.parse(key) as [string, string]);
  return sql`unnest(${pairs.map(([iss]) => iss)}::text[], ${pairs.map(([, sub]) => sub)}::text[])`;
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
  const [was] = await transaction.query<StandingDenial>(
    sql`SELECT expires_at AS "expiresAt" FROM denial WHERE user_id = ${userId} AND reason = ${reason} AND origin_id = ${userId}`,
  );
  const added = await transaction.query(sql`
    INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since, expires_at)
    VALUES (${tenantId}, ${userId}, ${reason}, ${userId}, ${act.note ?? null}, ${act.at}, ${act.expiresAt ?? null})
    ON CONFLICT (user_id, reason, origin_id) DO UPDATE SET expires_at = excluded.expires_at WHERE denial.expires_at IS DISTINCT FROM excluded.expires_at
    RETURNING user_id`);
  const changed = await convergeDenials(transaction, tenantId, userId, act.at);
  if (added.length > 0) await audit(transaction, tenantId, action, userId, act, was);
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

/**
 * Brings a user's keys to what its denials say now; `passed` are identities that were another user's
 * until now. Answers how many changed.
 */
export async function convergeDenials(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  at: Date,
  passed?: ReadonlySet<string>,
): Promise<number> {
  const changed = await convergeUserRevocations(transaction, tenantId, userId, at, passed);
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
  // Whoever was linked to the user while we waited is not among these; its worker waits here.
  await transaction.query(sql`SELECT FROM app_user WHERE id = ${userId} FOR UPDATE`);
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
    UPDATE revocation SET reason = ${strongestReason(reasons)},
      origin = CASE WHEN EXISTS (SELECT FROM denial WHERE denial.user_id = identity.user_id AND origin_id = identity.directory_user_id) THEN ${origin}::text ELSE 'app' END
    FROM identity
    WHERE identity.user_id = ${userId} AND revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key AND revocation.deny`);
}

/** A denial that stood before an act, with the end that it was to have. */
export type StandingDenial = { readonly expiresAt: Date | null };

/** What is so after an act, and was not before it: without a change nothing is told. */
const turns: Readonly<Record<string, { readonly what: string; readonly is: boolean }>> = {
  "user.suspend": { what: "suspended", is: true },
  "user.unsuspend": { what: "suspended", is: false },
  "revocation.deny": { what: "denied", is: true },
  "revocation.lift": { what: "denied", is: false },
};

export async function audit(
  transaction: Transaction,
  tenantId: string,
  action: string,
  target: string,
  act: Act,
  /** Where the same stood already and only its end is another. */
  was?: StandingDenial,
): Promise<void> {
  const detail = {
    ...(act.note === undefined ? {} : { note: act.note }),
    ...(act.expiresAt === undefined ? {} : { expiresAt: act.expiresAt.toISOString() }),
  };
  const turn = turns[action];
  await recordAudit(transaction, tenantId, {
    actor: act.actor,
    action,
    target,
    ...(turn === undefined ? {} : turned(turn, act, was)),
    ...(Object.keys(detail).length === 0 ? {} : { detail }),
  });
}

function turned(
  { what, is }: { readonly what: string; readonly is: boolean },
  act: Act,
  was: StandingDenial | undefined,
) {
  if (was === undefined) return { before: { [what]: !is }, after: { [what]: is } };
  const ends = (at: Date | null | undefined): string | null => at?.toISOString() ?? null;
  return {
    before: { [what]: is, expiresAt: ends(was.expiresAt) },
    after: { [what]: is, expiresAt: ends(act.expiresAt) },
  };
}
