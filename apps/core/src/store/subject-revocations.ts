import { DirectoryError, type UserAttributes, wantedUser } from "../domain/index.ts";
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
import { type ConnectionRow, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import { cutKeys, denyAudited, keyTarget, liftKeys, type RevocationKey } from "./key-revocations.ts";
import { sql } from "./sql.ts";

/** A user, or a subject that Rollcall may not know. */
export type RevocationTarget = { readonly userId: string } | { readonly iss: string; readonly sub: string };

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
    const keys = keysFor(target.iss, owner.keys);
    const changed = await denyAudited(transaction, tenantId, keys, subjectTarget(target.iss, target.sub), act);
    return { userId: undefined, issuerKnown: owner.issuerKnown, changed };
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
    const { userId, issuerKnown, keys } = await keysOf(transaction, tenantId, target);
    if (userId !== undefined) await lockLinks(transaction, tenantId, userId);
    const changed = await cutKeys(transaction, tenantId, keys, act);
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
    const changed = await liftKeys(transaction, tenantId, keysFor(target.iss, owner.keys), act);
    if (changed === 0) throw new DirectoryError("not_found", "no such revocation");
    await audit(transaction, tenantId, "revocation.lift", subjectTarget(target.iss, target.sub), act);
    return { userId: undefined, issuerKnown: owner.issuerKnown, changed };
  });
}

/** How the audit names a subject without naming the person: a digest that whoever knows the subject can make again. */
function subjectTarget(iss: string, sub: string): string {
  return keyTarget({ scope: "sub", iss, sub });
}

type Keys = {
  readonly userId: string | undefined;
  readonly issuerKnown: boolean;
  readonly keys: readonly RevocationKey[];
};

async function keysOf(transaction: Transaction, tenantId: string, target: RevocationTarget): Promise<Keys> {
  if ("userId" in target) {
    const userId = await existingUser(transaction, target.userId);
    return { userId, issuerKnown: true, keys: await keysOfUser(transaction, tenantId, userId) };
  }
  const { userId, issuerKnown, keys } = await subjectOwner(transaction, target.iss, target.sub);
  return { userId, issuerKnown, keys: keysFor(target.iss, keys) };
}

/** What the user's tokens are called: by the identities that it has, and by what the directory says and no worker has come to yet. */
async function keysOfUser(
  transaction: Transaction,
  tenantId: string,
  userId: string,
): Promise<readonly RevocationKey[]> {
  const rows = await transaction.query<SaidRow>(sql`
    SELECT usr.id, usr.attributes, usr.version, to_jsonb(connection) AS connection
    FROM directory_user AS usr JOIN connection ON connection.id = usr.connection_id LEFT JOIN link ON link.directory_user_id = usr.id
    WHERE (usr.id = ${userId} OR usr.id IN (SELECT directory_user_id FROM link AS tie WHERE tie.user_id = ${userId}))
      AND coalesce(link.user_id, usr.id) = ${userId} AND usr.deleted_at IS NULL`);
  const said = rows.flatMap(
    ({ connection, ...row }) =>
      wantedUser({ ...row, userId, connection: toConnection(connection), deleted: false }).identities,
  );
  // Of what is another's by now nothing is cut, whoever says it.
  return transaction.query<RevocationKey>(sql`
    SELECT 'sub' AS scope, iss, sub_key AS sub FROM identity WHERE user_id = ${userId}
    UNION SELECT 'sub', iss, sub_key FROM unnest(${said.map(({ iss }) => iss)}::text[], ${said.map(({ subKey }) => subKey)}::text[]) AS said(iss, sub_key)
    WHERE NOT EXISTS (SELECT FROM identity WHERE identity.tenant_id = ${tenantId} AND identity.iss = said.iss AND identity.sub_key = said.sub_key)
    ORDER BY iss, sub`);
}

type SaidRow = { id: string; attributes: UserAttributes; version: number; connection: ConnectionRow };

function keysFor(iss: string, subs: readonly string[]): readonly RevocationKey[] {
  return subs.map((sub) => ({ scope: "sub", iss, sub }));
}
