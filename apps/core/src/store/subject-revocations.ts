import { createHash } from "node:crypto";
import { DirectoryError } from "../domain/index.ts";
import {
  type Act,
  audit,
  denyUser,
  existingUser,
  liftUser,
  lockLinks,
  type RevocationOutcome,
} from "./admin-denials.ts";
import { subjectOwner } from "./admin-users.ts";
import { writeRevocations } from "./converge-revocations.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** A user, or a subject that Rollcall may not know. */
export type RevocationTarget = { readonly userId: string } | { readonly iss: string; readonly sub: string };

type Entry = {
  readonly iss: string;
  readonly sub: string;
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly reason: string;
  readonly origin: "idp" | "app";
};

/**
 * Denies a target until it is lifted. A subject that nobody holds yet is denied all the same, and
 * stays denied when somebody comes to hold it.
 */
export async function denySubject(
  database: Database,
  tenantId: string,
  target: RevocationTarget,
  act: Act,
): Promise<RevocationOutcome> {
  return database.inTenant(tenantId, async (transaction) => {
    if ("userId" in target) {
      return denyUser(
        transaction,
        tenantId,
        await existingUser(transaction, target.userId),
        "admin_revoked",
        "revocation.deny",
        act,
      );
    }
    const owner = await subjectOwner(transaction, target.iss, target.sub);
    if (owner.userId !== undefined)
      return denyUser(transaction, tenantId, owner.userId, "admin_revoked", "revocation.deny", act);
    const entries = await lockKeys(transaction, tenantId, target.iss, owner.keys, act.at);
    const denied = entries
      .filter((entry) => !entry.deny)
      .map((entry) => ({
        ...entry,
        deny: true,
        nbf: cut(entry.nbf, act.at),
        reason: "admin_revoked",
        origin: "app" as const,
      }));
    await write(transaction, tenantId, denied, act.at);
    await audit(transaction, tenantId, "revocation.deny", subjectTarget(target.iss, target.sub), act);
    return { userId: undefined, issuerKnown: owner.issuerKnown, changed: denied.length };
  });
}

/** Kills every token of a target that was issued until now, and denies nothing: a new sign-in works. It cannot be lifted. */
export async function revokeTokens(
  database: Database,
  tenantId: string,
  target: RevocationTarget,
  act: Act,
): Promise<RevocationOutcome> {
  return database.inTenant(tenantId, async (transaction) => {
    const { userId, issuerKnown, keys } = await keysOf(transaction, target);
    if (userId !== undefined) await lockLinks(transaction, tenantId, userId);
    let changed = 0;
    for (const [iss, group] of Map.groupBy(keys, (key) => key.iss)) {
      const entries = await lockKeys(
        transaction,
        tenantId,
        iss,
        group.map(({ sub }) => sub),
        act.at,
      );
      const cuts = entries.map((entry) => ({
        ...entry,
        nbf: cut(entry.nbf, act.at),
        reason: entry.deny ? entry.reason : "admin_revoked",
      }));
      await write(transaction, tenantId, cuts, act.at);
      changed += cuts.length;
    }
    await audit(
      transaction,
      tenantId,
      "revocation.not_before",
      "userId" in target ? target.userId : subjectTarget(target.iss, target.sub),
      act,
    );
    return { userId, issuerKnown, changed };
  });
}

/** Lifts an admin's denial and no other reason. Tokens issued before it stay dead. Throws `not_found` where nothing is to be lifted. */
export async function liftDenial(
  database: Database,
  tenantId: string,
  target: RevocationTarget,
  act: Act,
): Promise<RevocationOutcome> {
  return database.inTenant(tenantId, async (transaction) => {
    if ("userId" in target) {
      return liftUser(
        transaction,
        tenantId,
        await existingUser(transaction, target.userId),
        "admin_revoked",
        "revocation.lift",
        act,
      );
    }
    const owner = await subjectOwner(transaction, target.iss, target.sub);
    if (owner.userId !== undefined)
      return liftUser(transaction, tenantId, owner.userId, "admin_revoked", "revocation.lift", act);
    const entries = (await lockKeys(transaction, tenantId, target.iss, owner.keys, act.at)).filter(
      (entry) => entry.deny,
    );
    if (entries.length === 0) throw new DirectoryError("not_found", "no such revocation");
    await write(
      transaction,
      tenantId,
      entries.map((entry) => ({ ...entry, deny: false, reason: "lifted" })),
      act.at,
    );
    await audit(transaction, tenantId, "revocation.lift", subjectTarget(target.iss, target.sub), act);
    return { userId: undefined, issuerKnown: owner.issuerKnown, changed: entries.length };
  });
}

/** How the audit names a subject without naming the person: a digest that whoever knows the subject can make again. */
export function subjectTarget(iss: string, sub: string): string {
  return `subject:${createHash("sha256")
    .update(JSON.stringify([iss, sub]))
    .digest("base64url")}`;
}

type Keys = {
  readonly userId: string | undefined;
  readonly issuerKnown: boolean;
  readonly keys: readonly { readonly iss: string; readonly sub: string }[];
};

async function keysOf(transaction: Transaction, target: RevocationTarget): Promise<Keys> {
  if ("userId" in target) {
    const userId = await existingUser(transaction, target.userId);
    const keys = await transaction.query<{ iss: string; sub: string }>(
      sql`SELECT iss, sub_key AS sub FROM identity WHERE user_id = ${userId} ORDER BY iss, sub_key`,
    );
    return { userId, issuerKnown: true, keys };
  }
  const { userId, issuerKnown, keys } = await subjectOwner(transaction, target.iss, target.sub);
  return { userId, issuerKnown, keys: keys.map((sub) => ({ iss: target.iss, sub })) };
}

/** The keys' present entries under lock, so that two admins at once do not undo each other; an absent one begins empty. */
async function lockKeys(
  transaction: Transaction,
  tenantId: string,
  iss: string,
  subs: readonly string[],
  at: Date,
): Promise<readonly Entry[]> {
  await transaction.query(sql`
    INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at)
    SELECT ${tenantId}, 'sub', ${iss}, sub, false, 'app', 'none', ${at} FROM unnest(${subs}::text[]) AS sub ORDER BY sub
    ON CONFLICT DO NOTHING`);
  return transaction.query<Entry>(sql`
    SELECT iss, sub, deny, nbf, reason, origin FROM revocation WHERE scope = 'sub' AND iss = ${iss} AND sub = ANY(${subs}::text[]) ORDER BY sub FOR UPDATE`);
}

async function write(transaction: Transaction, tenantId: string, entries: readonly Entry[], at: Date): Promise<void> {
  await writeRevocations(
    transaction,
    tenantId,
    entries.map((entry) => ({ ...entry, nbf: entry.nbf ?? undefined, acceptedAt: at, eventId: null })),
  );
}

/** The second after `at`: a token of the same second may be older. A later cut that stands already stays. */
function cut(nbf: number | null, at: Date): number {
  return Math.max(nbf ?? 0, Math.floor(at.getTime() / 1_000) + 1);
}
