import { claimIdentity, type Connection, DirectoryError, subjectKey } from "../domain/index.ts";
import { type Act, adoptDenials, convergeDenials, existingUser, lockLinks } from "./admin-denials.ts";
import { recordAudit } from "./audit.ts";
import { type ConnectionRow, toConnection } from "./connections.ts";
import { identityKey, lockOwners, ownerIn } from "./converge-identities.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import { cutKeys, denyKeys, keyTarget, type RevocationKey } from "./key-revocations.ts";
import { sql } from "./sql.ts";
import { findHolders, readConnectionsNaming, subjectKeys } from "./subject-holders.ts";
import { requestResync } from "./user-links.ts";

export type TokenSubject = { readonly iss: string; readonly sub: string };

export type IdentityOutcome = TokenSubject & {
  readonly userId: string;
  /** The directory user whose connection names the issuer: it bears the subject, and takes it along when it is unlinked. */
  readonly directoryUserId: string;
  /** False where it was so already. */
  readonly changed: boolean;
  readonly lanes: readonly number[];
};

const givenMax = 100;

type Home = { readonly directoryUserId: string; readonly connection: Connection };

/**
 * Gives a user a subject that no attribute of the directory says, as the rule `federated` needs it;
 * no change of the directory takes it away. A subject that its old owner has given up moves, and its
 * tokens die. A denial of a subject that nobody held becomes the user's. Throws `not_found`,
 * `value_invalid` where no connection of the user names the issuer, `link_conflict` where the subject
 * is a living user's, `too_many`.
 */
export async function addIdentity(
  database: Database,
  tenantId: string,
  id: string,
  subject: TokenSubject,
  act: Act,
): Promise<IdentityOutcome> {
  return unlessDeadlocked(() =>
    database.inTenant(tenantId, async (transaction) => {
      const userId = await existingUser(transaction, id);
      await lockLinks(transaction, tenantId, userId);
      const { directoryUserId, connection } = await homeOf(transaction, userId, subject.iss);
      const key = { iss: subject.iss, subKey: subjectKey(connection.subjectCompare, subject.sub) };
      await refuseHeirs(transaction, userId, subject);
      await refuseMore(transaction, userId);
      const inserted = await transaction.query(sql`
        INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id, linked_at, linked_by)
        VALUES (${tenantId}, ${subject.iss}, ${subject.sub}, ${key.subKey}, ${userId}, ${directoryUserId}, ${act.at}, ${act.actor})
        ON CONFLICT DO NOTHING RETURNING iss`);
      const [owner] = await lockOwners(transaction, tenantId, [key]);
      if (owner === undefined) throw new Error("an identity is gone under its lock");
      const outcome = { ...subject, userId, directoryUserId, lanes: [] };
      const claim = claimIdentity({ id: directoryUserId, userId }, ownerIn(owner));
      if (claim === "taken")
        throw new DirectoryError(
          "link_conflict",
          `the subject is user ${owner.user_id}'s: take it from that one first`,
        );
      if (inserted.length === 0) {
        if (claim !== "recycled" && owner.linked && !owner.alias) return { ...outcome, changed: false };
        await transaction.query(sql`
          UPDATE identity SET sub = ${subject.sub}, user_id = ${userId}, directory_user_id = ${directoryUserId}, alias = false,
            linked_at = ${act.at}, linked_by = ${act.actor}
          WHERE tenant_id = ${tenantId} AND iss = ${key.iss} AND sub_key = ${key.subKey}`);
      }
      const passed = new Set(claim === "recycled" ? [identityKey(key.iss, key.subKey)] : []);
      const fresh = new Set(inserted.length === 0 ? [] : [identityKey(key.iss, key.subKey)]);
      await adoptDenials(transaction, tenantId, [userId], { recycled: passed, fresh });
      await convergeDenials(transaction, tenantId, userId, act.at, passed);
      await record(transaction, tenantId, "identity.add", userId, { scope: "sub", iss: key.iss, sub: key.subKey }, act);
      return { ...outcome, changed: true };
    }),
  );
}

/**
 * Takes a subject from a user that an admin gave it. Its tokens die; where the user is denied, the
 * subject stays denied by an admin's word, for it would be nobody's and so nobody's denial.
 * Throws `not_found`, `link_conflict` where the subject is the directory's to say.
 */
export async function removeIdentity(
  database: Database,
  tenantId: string,
  id: string,
  subject: TokenSubject,
  eventId: string,
  act: Act,
): Promise<IdentityOutcome> {
  return unlessDeadlocked(() =>
    database.inTenant(tenantId, async (transaction) => {
      const userId = await existingUser(transaction, id);
      await lockLinks(transaction, tenantId, userId);
      const keys = subjectKeys(await readConnectionsNaming(transaction, subject.iss), subject.sub);
      const [held] = await transaction.query<{ sub_key: string; directory_user_id: string; linked: boolean }>(sql`
        SELECT sub_key, directory_user_id, linked_at IS NOT NULL AS linked FROM identity
        WHERE tenant_id = ${tenantId} AND iss = ${subject.iss} AND sub_key = ANY(${keys}::text[]) AND user_id = ${userId}
        ORDER BY linked_at IS NULL, sub_key LIMIT 1 FOR UPDATE`);
      if (held === undefined) throw new DirectoryError("not_found", "the user has no such subject");
      if (!held.linked)
        throw new DirectoryError(
          "link_conflict",
          "the directory says this subject: change it at the identity provider",
        );
      const key: RevocationKey = { scope: "sub", iss: subject.iss, sub: held.sub_key };
      const [denial] = await transaction.query(sql`SELECT FROM denial WHERE user_id = ${userId} LIMIT 1`);
      // While the subject is still the user's, for whoever is told of it.
      await (denial === undefined ? cutKeys : denyKeys)(transaction, tenantId, [key], { actor: act.actor, at: act.at });
      await transaction.query(
        sql`DELETE FROM identity WHERE tenant_id = ${tenantId} AND iss = ${key.iss} AND sub_key = ${key.sub}`,
      );
      await record(transaction, tenantId, "identity.remove", userId, key, act);
      // The directory may say the same subject, which it then has from there.
      const lanes = await requestResync(transaction, tenantId, held.directory_user_id, eventId);
      return { ...subject, userId, directoryUserId: held.directory_user_id, changed: true, lanes };
    }),
  );
}

/** The directory user that is to bear a subject of an issuer: the user's own, or one that is linked to it. */
async function homeOf(transaction: Transaction, userId: string, iss: string): Promise<Home> {
  const [home] = await transaction.query<{ id: string; connection: ConnectionRow }>(sql`
    SELECT usr.id, to_jsonb(connection) AS connection
    FROM link JOIN directory_user AS usr ON usr.id = link.directory_user_id JOIN connection ON connection.id = usr.connection_id
    WHERE link.user_id = ${userId} AND usr.deleted_at IS NULL AND ${iss} = ANY(connection.issuers)
    ORDER BY usr.id <> ${userId}, usr.id LIMIT 1`);
  // By which rule its subjects compare, and how long its tokens live, only a connection that names the issuer can say.
  if (home === undefined)
    throw new DirectoryError(
      "value_invalid",
      "iss: no connection of this living user names the issuer: rollcall connection set <connection> --issuer <those it has> <iss>, which replaces those it has",
    );
  return { directoryUserId: home.id, connection: toConnection(home.connection) };
}

/** Whose subject it is by the directory's present word would come and not find it: its event could never be applied. */
async function refuseHeirs(transaction: Transaction, userId: string, { iss, sub }: TokenSubject): Promise<void> {
  const holders = await findHolders(transaction, await readConnectionsNaming(transaction, iss), sub);
  const heir = holders.find((holder) => !holder.deleted && holder.userId !== userId);
  if (heir !== undefined)
    throw new DirectoryError("link_conflict", `the subject is user ${heir.userId}'s by what the directory says`);
}

async function refuseMore(transaction: Transaction, userId: string): Promise<void> {
  const [row] = await transaction.query<{ count: number }>(
    sql`SELECT count(*) AS count FROM identity WHERE user_id = ${userId} AND linked_at IS NOT NULL`,
  );
  if ((row?.count ?? 0) >= givenMax)
    throw new DirectoryError("too_many", `an admin may give a user at most ${givenMax} subjects`);
}

async function record(
  transaction: Transaction,
  tenantId: string,
  action: string,
  userId: string,
  key: RevocationKey,
  { actor, note }: Act,
): Promise<void> {
  const detail = { subject: keyTarget(key), ...(note === undefined ? {} : { note }) };
  await recordAudit(transaction, tenantId, { actor, action, target: userId, detail });
}
