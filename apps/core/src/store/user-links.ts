import { DirectoryError, isId } from "../domain/index.ts";
import { type Act, convergeDenials, joined } from "./admin-denials.ts";
import { recordAudit } from "./audit.ts";
import { identityKey } from "./converge-identities.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import { sql } from "./sql.ts";

/** One directory user and the user of the application that it is to be tied to, or untied from. */
export type LinkNames = { readonly userId: string; readonly directoryUserId: string };

export type LinkOutcome = LinkNames & {
  /** False where it was so already. */
  readonly changed: boolean;
  /** Why the person is refused after it; empty for one who may enter. */
  readonly denials: readonly string[];
  /** The lanes that have work for it. */
  readonly lanes: readonly number[];
};

// Each of them is locked whenever one of them changes.
const linksMax = 50;

type EndRow = { id: string; deleted: boolean; user_id: string; linked_at: Date | null; others: number };

/**
 * Makes a directory user one person with another: its subjects, its groups and whatever denies it are
 * the other's from now on, and a denial of either side denies both. Tokens with its subjects die,
 * for until now they were another user's. `eventIds` are for what workers have to bring after it.
 * Throws `not_found`, `link_conflict`, `too_many`.
 */
export async function linkUser(
  database: Database,
  tenantId: string,
  names: LinkNames,
  eventIds: () => string,
  act: Act,
): Promise<LinkOutcome> {
  return unlessDeadlocked(() =>
    database.inTenant(tenantId, async (transaction) => {
      const { user, added } = await lockEnds(transaction, tenantId, names);
      if (added.user_id === user.id && added.id !== user.id) return unchanged(transaction, names);
      requireLinkable(user, added);
      await holdUsers(transaction, names);
      await transaction.query(sql`
        UPDATE link SET user_id = ${user.id}, linked_at = ${act.at}, linked_by = ${act.actor} WHERE directory_user_id = ${added.id}`);
      const passed = await passIdentities(transaction, added.id, user.id);
      // With their origin: that is how they find back.
      await transaction.query(sql`UPDATE denial SET user_id = ${user.id} WHERE user_id = ${added.id}`);
      await transaction.query(
        sql`UPDATE app_group_member SET user_id = ${user.id} WHERE directory_user_id = ${added.id}`,
      );
      await transaction.query(sql`DELETE FROM app_user WHERE id = ${added.id}`);
      await convergeDenials(transaction, tenantId, user.id, act.at, passed);
      return settle(transaction, tenantId, names, [added.id], eventIds, { ...act, action: "user.link" });
    }),
  );
}

/**
 * Makes a linked directory user a person of its own again, with the subjects, groups and denials that
 * it has of its own. What an admin denied while both were one was said of both, and stands against
 * both. Tokens with its subjects die. Throws `not_found`.
 */
export async function unlinkUser(
  database: Database,
  tenantId: string,
  names: LinkNames,
  eventIds: () => string,
  act: Act,
): Promise<LinkOutcome> {
  return unlessDeadlocked(() =>
    database.inTenant(tenantId, async (transaction) => {
      const { user, added } = await lockEnds(transaction, tenantId, names);
      if (added.user_id !== user.id || added.id === user.id) throw new DirectoryError("not_found", "no such link");
      await holdUsers(transaction, { userId: added.id, directoryUserId: user.id });
      await transaction.query(sql`
        UPDATE link SET user_id = ${added.id}, linked_at = NULL, linked_by = NULL WHERE directory_user_id = ${added.id}`);
      const passed = await passIdentities(transaction, added.id, added.id);
      await transaction.query(
        sql`UPDATE denial SET user_id = ${added.id} WHERE user_id = ${user.id} AND origin_id = ${added.id}`,
      );
      await transaction.query(sql`
        INSERT INTO denial (tenant_id, user_id, reason, origin_id, note, since, expires_at)
        SELECT tenant_id, ${added.id}, reason, ${added.id}, note, since, expires_at FROM denial
        WHERE user_id = ${user.id} AND origin_id = ${user.id} AND reason IN ('admin_suspended', 'admin_revoked') AND since >= ${added.linked_at}
        ${joined}`);
      await transaction.query(
        sql`UPDATE app_group_member SET user_id = ${added.id} WHERE directory_user_id = ${added.id}`,
      );
      await convergeDenials(transaction, tenantId, user.id, act.at);
      await convergeDenials(transaction, tenantId, added.id, act.at, passed);
      return settle(transaction, tenantId, names, [added.id, user.id], eventIds, { ...act, action: "user.unlink" });
    }),
  );
}

/**
 * Holds off the workers from both ends, and other links from either, in the order in which everybody
 * locks: links by their ids, then users, then subjects.
 */
async function lockEnds(
  transaction: Transaction,
  tenantId: string,
  { userId, directoryUserId }: LinkNames,
): Promise<{ readonly user: EndRow; readonly added: EndRow }> {
  const ids = [userId, directoryUserId].filter(isId);
  const ends = sql`${ids}::uuid[]`;
  await transaction.query(sql`
    INSERT INTO link (directory_user_id, tenant_id, user_id)
    SELECT id, ${tenantId}, id FROM directory_user WHERE id = ANY(${ends}) ORDER BY id ON CONFLICT DO NOTHING`);
  await transaction.query(sql`
    SELECT FROM link WHERE directory_user_id = ANY(${ends}) OR user_id = ANY(${ends}) ORDER BY directory_user_id FOR UPDATE`);
  const rows = await transaction.query<EndRow>(sql`
    SELECT usr.id, usr.deleted_at IS NOT NULL AS deleted, link.user_id, link.linked_at,
      (SELECT count(*) FROM link AS other WHERE other.user_id = usr.id AND other.directory_user_id <> usr.id) AS others
    FROM directory_user AS usr JOIN link ON link.directory_user_id = usr.id WHERE usr.id = ANY(${ends})`);
  const [user, added] = [userId, directoryUserId].map((id) => rows.find((row) => row.id === id));
  // Another tenant's user answers as one that is nowhere.
  if (user === undefined || added === undefined) throw new DirectoryError("not_found", "no such user");
  return { user, added };
}

/** A link leads to a user who is nobody else's, and from one whom nobody is: there are no chains, and so no circles. */
function requireLinkable(user: EndRow, added: EndRow): void {
  const refusal =
    (user.id === added.id && "a user cannot be linked to itself") ||
    (user.user_id !== user.id && `user ${user.id} is itself linked to user ${user.user_id}: link to that one`) ||
    (added.user_id !== added.id && `user ${added.id} is linked to user ${added.user_id}: unlink it there first`) ||
    (added.others > 0 && `others are linked to user ${added.id}: unlink them first, or link this one to it`) ||
    // Its end would be the other's.
    (user.deleted && `user ${user.id} is deleted, and would deny whoever is linked to it`) ||
    (added.deleted && `user ${added.id} is deleted, and would deny whoever it is linked to`);
  if (refusal !== false) throw new DirectoryError("link_conflict", refusal);
  if (user.others >= linksMax) throw new DirectoryError("too_many", `at most ${linksMax} may be linked to one user`);
}

/** Locks both users of the application; the one who stays must be there, for those who share it wait for each other at its row. */
async function holdUsers(transaction: Transaction, { userId, directoryUserId }: LinkNames): Promise<void> {
  await transaction.query(sql`
    INSERT INTO app_user (id, tenant_id, user_name, attributes)
    SELECT id, tenant_id, user_name, attributes FROM directory_user WHERE id = ${userId} ON CONFLICT DO NOTHING`);
  await transaction.query(
    sql`SELECT FROM app_user WHERE id = ANY(${[userId, directoryUserId]}::uuid[]) ORDER BY id FOR UPDATE`,
  );
}

/** Gives a directory user's subjects, earlier ones too, to a user. Answers their keys. */
async function passIdentities(
  transaction: Transaction,
  directoryUserId: string,
  userId: string,
): Promise<ReadonlySet<string>> {
  await transaction.query(
    sql`SELECT FROM identity WHERE directory_user_id = ${directoryUserId} ORDER BY iss, sub_key FOR UPDATE`,
  );
  const rows = await transaction.query<{ iss: string; sub_key: string }>(sql`
    UPDATE identity SET user_id = ${userId} WHERE directory_user_id = ${directoryUserId} RETURNING iss, sub_key`);
  return new Set(rows.map((row) => identityKey(row.iss, row.sub_key)));
}

/** Records what was done, and has the workers bring what the directory says of those it was done to. */
async function settle(
  transaction: Transaction,
  tenantId: string,
  names: LinkNames,
  changedIds: readonly string[],
  eventIds: () => string,
  { actor, action, note }: Act & { readonly action: string },
): Promise<LinkOutcome> {
  const detail = { directoryUser: names.directoryUserId, ...(note === undefined ? {} : { note }) };
  await recordAudit(transaction, tenantId, { actor, action, target: names.userId, detail });
  const lanes = await Promise.all(changedIds.map((id) => requestResync(transaction, tenantId, id, eventIds())));
  return { ...names, changed: true, denials: await denialsOf(transaction, names.userId), lanes: lanes.flat() };
}

/** Has the workers converge one directory user, whatever it seems to need. Answers its lane. */
export async function requestResync(
  transaction: Transaction,
  tenantId: string,
  directoryUserId: string,
  eventId: string,
): Promise<readonly number[]> {
  const rows = await transaction.query<{ lane: number }>(sql`
    INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
    SELECT ${tenantId}, connection_id, 'admin', ${eventId}, 'user.resync', 'user', id, NOT active OR deleted_at IS NOT NULL, rollcall_lane(id)
    FROM directory_user WHERE id = ${directoryUserId}
    RETURNING lane`);
  return rows.map((row) => row.lane);
}

async function unchanged(transaction: Transaction, names: LinkNames): Promise<LinkOutcome> {
  return { ...names, changed: false, denials: await denialsOf(transaction, names.userId), lanes: [] };
}

async function denialsOf(transaction: Transaction, userId: string): Promise<readonly string[]> {
  const rows = await transaction.query<{ reason: string }>(
    sql`SELECT DISTINCT reason FROM denial WHERE user_id = ${userId} ORDER BY reason`,
  );
  return rows.map(({ reason }) => reason);
}
