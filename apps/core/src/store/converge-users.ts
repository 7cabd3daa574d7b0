import { claimIdentity, type Connection, type UserAttributes, type UserState, wantedUser, type WantedUser } from "../domain/index.ts";
import { readConnections } from "./connections.ts";
import type { Transaction } from "./database.ts";
import { convergeRevocations } from "./converge-revocations.ts";
import { sql } from "./sql.ts";

/** A subject to converge, with the moment of the newest event behind it. */
export type Subject = { readonly id: string; readonly atMs: number; readonly acceptedAt: Date; readonly eventId: number; readonly forced: boolean };

export type Pair = { readonly subject: Subject; readonly state: UserState; readonly wanted: WantedUser };

/** A user may not hold a subject that another living user holds; a person must say whose it is. */
export class IdentityTaken extends Error {
  constructor(directoryUserId: string, ownerId: string) {
    super(`the subject of directory user ${directoryUserId} belongs to directory user ${ownerId}`);
    this.name = "IdentityTaken";
  }
}

/**
 * Brings the user store to the directory's present state for a set of users, in the caller's
 * transaction. Each user's link is locked before the directory is read, so the state applied is
 * never older than one applied before; a user that is up to date already costs a read.
 * Answers whether a revocation changed.
 */
export async function convergeUsers(transaction: Transaction, tenantId: string, subjects: readonly Subject[]): Promise<boolean> {
  const ordered = subjects.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const applied = await lockLinks(transaction, tenantId, ordered.map(({ id }) => id));
  const pairs = (await readStates(transaction, ordered)).filter(
    ({ subject, state }) => subject.forced || (applied.get(state.id) ?? 0) < state.version,
  );
  if (pairs.length === 0) return false;

  await writeUsers(transaction, tenantId, pairs);
  const { recycled, fresh } = await writeIdentities(transaction, tenantId, pairs);
  await writeDenials(transaction, tenantId, pairs);
  const changed = await convergeRevocations(transaction, tenantId, pairs, recycled, fresh);
  await transaction.query(sql`
    UPDATE link SET applied_version = done.version, applied_at = clock_timestamp()
    FROM unnest(${pairs.map(({ state }) => state.id)}::uuid[], ${pairs.map(({ state }) => state.version)}::bigint[]) AS done(id, version)
    WHERE link.directory_user_id = done.id AND link.applied_version < done.version`);
  return changed;
}

async function lockLinks(transaction: Transaction, tenantId: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const [, rows] = await Promise.all([
    transaction.query(sql`
      INSERT INTO link (directory_user_id, tenant_id, user_id)
      SELECT id, ${tenantId}, id FROM unnest(${ids}::uuid[]) AS id ON CONFLICT DO NOTHING`),
    transaction.query<{ id: string; applied_version: number }>(sql`
      SELECT directory_user_id AS id, applied_version FROM link WHERE directory_user_id = ANY(${ids}::uuid[]) ORDER BY directory_user_id FOR UPDATE`),
  ]);
  return new Map(rows.map((row) => [row.id, row.applied_version]));
}

type StateRow = { id: string; user_id: string; connection_id: string; attributes: UserAttributes; deleted: boolean; version: number };

async function readStates(transaction: Transaction, subjects: readonly Subject[]): Promise<readonly Pair[]> {
  const rows = await transaction.query<StateRow>(sql`
    SELECT usr.id, link.user_id, usr.connection_id, usr.attributes, usr.deleted_at IS NOT NULL AS deleted, usr.version
    FROM directory_user AS usr JOIN link ON link.directory_user_id = usr.id
    WHERE usr.id = ANY(${subjects.map(({ id }) => id)}::uuid[])`);
  const connections = await readConnections(transaction, [...new Set(rows.map((row) => row.connection_id))]);
  const states = new Map(rows.map((row) => [row.id, toState(row, connections)]));
  return subjects.flatMap((subject) => {
    const state = states.get(subject.id);
    return state === undefined ? [] : [{ subject, state, wanted: wantedUser(state) }];
  });
}

function toState(row: StateRow, connections: ReadonlyMap<string, Connection>): UserState {
  const connection = connections.get(row.connection_id);
  if (connection === undefined) throw new Error(`directory user ${row.id} has no connection`);
  return { id: row.id, userId: row.user_id, connection, attributes: row.attributes, deleted: row.deleted, version: row.version };
}

/** A linked directory user lends its denials and identities; the profile is its owner's. */
async function writeUsers(transaction: Transaction, tenantId: string, pairs: readonly Pair[]): Promise<void> {
  const own = pairs.filter(({ state }) => state.userId === state.id);
  await transaction.query(sql`
    INSERT INTO app_user (id, tenant_id, user_name, display_name, email, attributes)
    SELECT id, ${tenantId}, user_name, display_name, email, attributes::jsonb
    FROM unnest(${own.map(({ state }) => state.id)}::uuid[], ${own.map(({ wanted }) => wanted.userName)}::text[],
      ${own.map(({ wanted }) => wanted.displayName ?? null)}::text[], ${own.map(({ wanted }) => wanted.email ?? null)}::text[],
      ${own.map(({ state }) => JSON.stringify(state.attributes))}::text[]) AS wanted(id, user_name, display_name, email, attributes)
    ON CONFLICT (id) DO UPDATE SET user_name = excluded.user_name, display_name = excluded.display_name, email = excluded.email,
      attributes = excluded.attributes, updated_at = now()`);
  // Two directory users may share one user; whoever reads its denials next must see the other's.
  const shared = pairs.filter(({ state }) => state.userId !== state.id).map(({ state }) => state.userId);
  if (shared.length > 0) await transaction.query(sql`SELECT FROM app_user WHERE id = ANY(${shared}::uuid[]) ORDER BY id FOR UPDATE`);
}

type OwnerRow = { iss: string; sub_key: string; directory_user_id: string; alias: boolean; deleted: boolean };

/** Writes the wanted identities; what a user no longer wants stays as its alias. */
async function writeIdentities(
  transaction: Transaction,
  tenantId: string,
  pairs: readonly Pair[],
): Promise<{ readonly recycled: ReadonlySet<string>; readonly fresh: ReadonlySet<string> }> {
  const wanted = pairs.flatMap(({ state, wanted: { identities } }) => identities.map((identity) => ({ ...identity, state })));
  const rows = await transaction.query<OwnerRow>(sql`
    SELECT identity.iss, identity.sub_key, identity.directory_user_id, identity.alias, usr.deleted_at IS NOT NULL AS deleted
    FROM identity JOIN directory_user AS usr ON usr.id = identity.directory_user_id
    WHERE (identity.iss, identity.sub_key) IN (SELECT * FROM unnest(${wanted.map(({ iss }) => iss)}::text[], ${wanted.map(({ subKey }) => subKey)}::text[]))
    ORDER BY identity.iss, identity.sub_key FOR UPDATE OF identity`);
  const owners = new Map(rows.map((row) => [identityKey(row.iss, row.sub_key), row]));
  const recycled = new Set<string>();
  const fresh = new Set<string>();
  for (const { iss, subKey, state } of wanted) {
    const owner = owners.get(identityKey(iss, subKey));
    const claim = claimIdentity(state.id, owner && { ...owner, subKey: owner.sub_key, directoryUserId: owner.directory_user_id });
    // A tombstone claims nothing: its subject may be another's by now.
    if (claim === "taken" && !state.deleted) throw new IdentityTaken(state.id, owner?.directory_user_id ?? "");
    if (claim === "recycled" && !state.deleted) recycled.add(identityKey(iss, subKey));
    if (claim === "new") fresh.add(identityKey(iss, subKey));
  }
  const living = wanted.filter(({ state }) => !state.deleted);
  const inserted = wanted.filter(({ iss, subKey, state }) => !state.deleted || fresh.has(identityKey(iss, subKey)));
  await transaction.query(sql`
    INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id)
    SELECT ${tenantId}, * FROM unnest(${inserted.map(({ iss }) => iss)}::text[], ${inserted.map(({ sub }) => sub)}::text[], ${inserted.map(({ subKey }) => subKey)}::text[],
      ${inserted.map(({ state }) => state.userId)}::uuid[], ${inserted.map(({ state }) => state.id)}::uuid[])
    ON CONFLICT (tenant_id, iss, sub_key) DO UPDATE
      SET sub = excluded.sub, user_id = excluded.user_id, directory_user_id = excluded.directory_user_id, alias = false`);
  await transaction.query(sql`
    UPDATE identity SET alias = true
    WHERE directory_user_id = ANY(${pairs.filter(({ state }) => !state.deleted).map(({ state }) => state.id)}::uuid[]) AND NOT alias
      AND (iss, sub_key) NOT IN (SELECT * FROM unnest(${living.map(({ iss }) => iss)}::text[], ${living.map(({ subKey }) => subKey)}::text[]))`);
  return { recycled, fresh };
}

/** Sets exactly the reasons that this directory user gives; reasons of others and of admins stay. */
async function writeDenials(transaction: Transaction, tenantId: string, pairs: readonly Pair[]): Promise<void> {
  const wanted = pairs.flatMap(({ state, wanted: { denials } }) => denials.map((reason) => ({ state, reason })));
  const origins = sql`${wanted.map(({ state }) => state.id)}::uuid[]`;
  const reasons = sql`${wanted.map(({ reason }) => reason)}::text[]`;
  await transaction.query(sql`
    DELETE FROM denial
    WHERE origin_id = ANY(${pairs.map(({ state }) => state.id)}::uuid[]) AND reason IN ('idp_inactive', 'idp_deleted', 'poison')
      AND (origin_id, reason) NOT IN (SELECT * FROM unnest(${origins}, ${reasons}))`);
  await transaction.query(sql`
    INSERT INTO denial (tenant_id, user_id, reason, origin_id)
    SELECT ${tenantId}, user_id, reason, origin_id
    FROM unnest(${wanted.map(({ state }) => state.userId)}::uuid[], ${reasons}, ${origins}) AS wanted(user_id, reason, origin_id)
    ON CONFLICT DO NOTHING`);
}

export function identityKey(iss: string, subKey: string): string {
  return JSON.stringify([iss, subKey]);
}
