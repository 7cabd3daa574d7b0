import {
  claimIdentity,
  type IdentityOwner,
  type UserAttributes,
  type WantedIdentity,
  type WantedUser,
  wantedUser,
} from "../domain/index.ts";
import { type ConnectionRow, toConnection } from "./connections.ts";
import type { Pair } from "./converge-users.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** A user may not hold a subject that another living user holds; a person must say whose it is. */
class IdentityTaken extends Error {
  constructor(directoryUserId: string, ownerId: string) {
    super(`the subject of directory user ${directoryUserId} belongs to directory user ${ownerId}`);
    this.name = "IdentityTaken";
  }
}

type OwnerRow = {
  iss: string;
  sub: string;
  sub_key: string;
  user_id: string;
  directory_user_id: string;
  alias: boolean;
  linked: boolean;
  deleted: boolean;
  attributes: UserAttributes;
  owner_user_id: string;
  connection: ConnectionRow;
  version: number;
  updated_at: Date;
  fresh: boolean;
  /** Whom an admin has linked to the owner still says it, though the owner does not. */
  kept?: boolean;
};

export type Claims = {
  /** Identities that were another user's until now. */
  readonly recycled: ReadonlySet<string>;
  /**
   * Those, and the ones that a deleted user gave its tokens before any identity said so, with the time in
   * milliseconds by which their former owner had given them up: until then tokens were issued to that one.
   */
  readonly inherited: ReadonlyMap<string, number>;
  /** Identities that nobody held before. */
  readonly fresh: ReadonlySet<string>;
  /** Identities that a user is to have and that do not say so yet. */
  readonly owed: ReadonlySet<string>;
};

/**
 * Who holds the identities that these users want, locked. What nobody held is taken first, so that
 * two users who want it at the same moment meet here and not one after the other has looked.
 */
export async function readOwners(
  transaction: Transaction,
  tenantId: string,
  pairs: readonly Pair[],
): Promise<readonly OwnerRow[]> {
  const wanted = wantedBy(pairs);
  // A tombstone comes first: where it and a living user want the same, the living one is its successor.
  const [inserted, rows] = await Promise.all([
    transaction.query<{ iss: string; sub_key: string }>(sql`
      INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id)
      SELECT ${tenantId}, iss, sub, sub_key, user_id, directory_user_id
      FROM unnest(${wanted.map(({ iss }) => iss)}::text[], ${wanted.map(({ sub }) => sub)}::text[], ${wanted.map(({ subKey }) => subKey)}::text[],
        ${wanted.map(({ state }) => state.userId)}::uuid[], ${wanted.map(({ state }) => state.id)}::uuid[], ${wanted.map(({ state }) => state.deleted)}::boolean[])
        AS wanted(iss, sub, sub_key, user_id, directory_user_id, deleted)
      ORDER BY iss, sub_key, deleted DESC, directory_user_id
      ON CONFLICT DO NOTHING RETURNING iss, sub_key`),
    lockOwners(transaction, tenantId, wanted),
  ]);
  const fresh = new Set(inserted.map((row) => identityKey(row.iss, row.sub_key)));
  const kept = await keptByLinked(transaction, wanted, rows);
  return rows.map((row): OwnerRow => {
    const key = identityKey(row.iss, row.sub_key);
    return { ...row, fresh: fresh.has(key), kept: kept.has(key) };
  });
}

/** Those that another user wants and that whoever is linked to the owner still says: given up by one of a person, a subject is the others'. */
async function keptByLinked(
  transaction: Transaction,
  wanted: ReturnType<typeof wantedBy>,
  rows: readonly Omit<OwnerRow, "fresh">[],
): Promise<ReadonlySet<string>> {
  const claimants = Map.groupBy(wanted, ({ iss, subKey }) => identityKey(iss, subKey));
  const others = rows.filter((row) =>
    claimants.get(identityKey(row.iss, row.sub_key))?.some(({ state }) => state.userId !== row.owner_user_id),
  );
  if (others.length === 0) return new Set();
  const linked = await transaction.query<LinkedRow>(sql`
    SELECT usr.id, usr.attributes, usr.version, link.user_id, to_jsonb(connection) AS connection
    FROM link JOIN directory_user AS usr ON usr.id = link.directory_user_id JOIN connection ON connection.id = usr.connection_id
    WHERE link.user_id = ANY(${others.map((row) => row.owner_user_id)}::uuid[]) AND usr.deleted_at IS NULL`);
  const said = new Set(
    linked.flatMap(({ user_id: userId, connection, ...usr }) =>
      wantedUser({ ...usr, userId, connection: toConnection(connection), deleted: false }).identities.map(
        ({ iss, subKey }) => JSON.stringify([userId, iss, subKey]),
      ),
    ),
  );
  return new Set(
    others.flatMap(({ owner_user_id: userId, iss, sub_key: subKey }) =>
      said.has(JSON.stringify([userId, iss, subKey])) ? [identityKey(iss, subKey)] : [],
    ),
  );
}

type LinkedRow = {
  id: string;
  attributes: UserAttributes;
  version: number;
  user_id: string;
  connection: ConnectionRow;
};

/** Locks identities in their order, and answers whose they are. */
export async function lockOwners(
  transaction: Transaction,
  tenantId: string,
  keys: readonly Pick<WantedIdentity, "iss" | "subKey">[],
): Promise<readonly Omit<OwnerRow, "fresh">[]> {
  // By its whole key and joined from the short side, so that the planner has no reason to read the table.
  const held = sql`unnest(${keys.map(({ iss }) => iss)}::text[], ${keys.map(({ subKey }) => subKey)}::text[]) AS wanted(iss, sub_key)
      JOIN identity ON identity.tenant_id = ${tenantId} AND identity.iss = wanted.iss AND identity.sub_key = wanted.sub_key`;
  const [, rows] = await Promise.all([
    transaction.query(sql`SELECT FROM ${held} ORDER BY identity.iss, identity.sub_key FOR UPDATE OF identity`),
    // Only behind the lock: a join that is locked in one statement would lose a row whose owner changed while it waited.
    transaction.query<Omit<OwnerRow, "fresh">>(sql`
      SELECT identity.iss, identity.sub, identity.sub_key, identity.user_id, identity.directory_user_id, identity.alias,
        identity.linked_at IS NOT NULL AS linked, owner.*
      FROM ${held}, LATERAL (
        SELECT usr.deleted_at IS NOT NULL AS deleted, usr.attributes, usr.version, usr.updated_at, link.user_id AS owner_user_id, to_jsonb(connection) AS connection
        FROM directory_user AS usr
        JOIN connection ON connection.id = usr.connection_id
        JOIN link ON link.directory_user_id = usr.id
        WHERE usr.id = identity.directory_user_id
        OFFSET 0 -- looked up one by one, whatever the planner believes of the tables' sizes
      ) AS owner`),
  ]);
  return rows;
}

/** Judges every wanted identity. Throws `IdentityTaken`. */
export function claimIdentities(pairs: readonly Pair[], rows: readonly OwnerRow[]): Claims {
  const owners = new Map(rows.map((row) => [identityKey(row.iss, row.sub_key), row]));
  const pairOf = new Map(pairs.map((pair) => [pair.state.id, pair]));
  const recycled = new Set<string>();
  const inherited = new Map<string, number>();
  const owed = new Set<string>();
  for (const { iss, sub, subKey, state } of wantedBy(pairs)) {
    // A tombstone claims nothing: its subject may be another's by now.
    if (state.deleted) continue;
    const key = identityKey(iss, subKey);
    const owner = owners.get(key);
    if (owner === undefined) throw new Error("an identity is gone under its lock");
    const claim = claimIdentity(state, ownerIn(owner, pairOf.get(owner.directory_user_id)));
    if (claim === "taken") throw new IdentityTaken(state.id, owner.directory_user_id);
    if (claim === "shared") continue;
    const formerAt = owner.fresh ? pairOf.get(state.id)?.formerSubs.get(subKey) : undefined;
    if (claim === "recycled") {
      recycled.add(key);
      inherited.set(key, owner.updated_at.getTime());
    } else if (formerAt !== undefined) inherited.set(key, formerAt);
    const isOther = owner.user_id !== state.userId || owner.directory_user_id !== state.id;
    if (claim === "recycled" || owner.alias || owner.sub !== sub || isOther) owed.add(key);
  }
  return {
    recycled,
    inherited,
    fresh: new Set(rows.filter((row) => row.fresh).map((row) => identityKey(row.iss, row.sub_key))),
    owed,
  };
}

/** The owner, as a claim is judged by. */
export function ownerIn(owner: Omit<OwnerRow, "fresh">, pair?: Pair): IdentityOwner {
  return { directoryUserId: owner.directory_user_id, userId: owner.owner_user_id, holds: holds(owner, pair) };
}

/**
 * Whether the owner still is who the directory, or an admin, says has this subject. A rename that is
 * accepted and not yet applied has given it up already: its successor need not wait for the owner's worker.
 */
function holds(owner: Omit<OwnerRow, "fresh">, pair: Pair | undefined): boolean {
  if (owner.kept === true) return true;
  if (owner.alias || owner.deleted) return false;
  if (owner.linked) return true;
  const { identities } = pair?.wanted ?? wantedByOwner(owner);
  return identities.some(({ iss, subKey }) => iss === owner.iss && subKey === owner.sub_key);
}

function wantedByOwner({ attributes, connection, deleted, version, ...owner }: Omit<OwnerRow, "fresh">): WantedUser {
  const id = owner.directory_user_id;
  return wantedUser({
    id,
    userId: owner.owner_user_id,
    connection: toConnection(connection),
    attributes,
    deleted,
    version,
  });
}

/** Writes the wanted identities; what a living user no longer wants stays as its alias, but for what an admin gave it. */
export async function writeIdentities(
  transaction: Transaction,
  pairs: readonly Pair[],
  { owed }: Claims,
): Promise<void> {
  const living = wantedBy(pairs).filter(({ state }) => !state.deleted);
  const written = living.filter(({ iss, subKey }) => owed.has(identityKey(iss, subKey)));
  const livingIds = pairs.filter(({ state }) => !state.deleted).map(({ state }) => state.id);
  await Promise.all([
    written.length > 0 &&
      transaction.query(sql`
        UPDATE identity SET sub = wanted.sub, user_id = wanted.user_id, directory_user_id = wanted.directory_user_id, alias = false,
          linked_at = CASE WHEN identity.directory_user_id = wanted.directory_user_id THEN identity.linked_at END,
          linked_by = CASE WHEN identity.directory_user_id = wanted.directory_user_id THEN identity.linked_by END
        FROM unnest(${written.map(({ iss }) => iss)}::text[], ${written.map(({ sub }) => sub)}::text[], ${written.map(({ subKey }) => subKey)}::text[],
          ${written.map(({ state }) => state.userId)}::uuid[], ${written.map(({ state }) => state.id)}::uuid[]) AS wanted(iss, sub, sub_key, user_id, directory_user_id)
        WHERE identity.iss = wanted.iss AND identity.sub_key = wanted.sub_key`),
    transaction.query(sql`
      UPDATE identity SET alias = true
      WHERE directory_user_id = ANY(${livingIds}::uuid[]) AND NOT alias AND linked_at IS NULL
        AND (iss, sub_key) NOT IN (SELECT * FROM unnest(${living.map(({ iss }) => iss)}::text[], ${living.map(({ subKey }) => subKey)}::text[]))`),
    returnIdentities(transaction, pairs),
  ]);
}

/** A subject is its directory user's wherever that one is linked to. Every link sees to it; a resync puts right what was put wrong by hand. */
async function returnIdentities(transaction: Transaction, pairs: readonly Pair[]): Promise<void> {
  const forced = pairs.filter(({ subject }) => subject.forced);
  if (forced.length === 0) return;
  await transaction.query(sql`
    UPDATE identity SET user_id = owner.user_id
    FROM unnest(${forced.map(({ state }) => state.id)}::uuid[], ${forced.map(({ state }) => state.userId)}::uuid[]) AS owner(id, user_id)
    WHERE identity.directory_user_id = owner.id AND identity.user_id <> owner.user_id`);
}

export function identityKey(iss: string, subKey: string): string {
  return JSON.stringify([iss, subKey]);
}

function wantedBy(pairs: readonly Pair[]) {
  return pairs.flatMap(({ state, wanted: { identities } }) => identities.map((identity) => ({ ...identity, state })));
}
