import {
  subjectKey,
  subjectOf,
  type UserAttributes,
  type UserState,
  wantedUser,
  type WantedUser,
} from "../domain/index.ts";
import { adoptDenials } from "./admin-denials.ts";
import { type ConnectionRow, toConnection } from "./connections.ts";
import { claimIdentities, readOwners, writeIdentities } from "./converge-identities.ts";
import { decideEntries, readStandings, writeRevocations } from "./converge-revocations.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** A subject to converge, with what the events behind it say of time. */
export type Subject = {
  readonly id: string;
  readonly atMs: number;
  /** When access was last taken away, where one of the events did that. */
  readonly killedAtMs: number | undefined;
  readonly acceptedAt: Date;
  readonly eventId: number;
  /** Converge though nothing seems to have changed. */
  readonly forced: boolean;
};

export type Pair = {
  readonly subject: Subject;
  readonly state: UserState;
  readonly wanted: WantedUser;
  /** Subjects of deleted users whose name a joiner has, and when each was deleted, in milliseconds: tokens may carry them though no identity ever did. */
  readonly formerSubs: ReadonlyMap<string, number>;
};

/**
 * Brings the user store to the directory's present state for a set of users, in the caller's
 * transaction. Each user's link is locked before the directory is read, so the state applied is
 * never older than one applied before; a user that is up to date already costs a read.
 * Answers whether a revocation changed.
 */
export async function convergeUsers(
  transaction: Transaction,
  tenantId: string,
  subjects: readonly Subject[],
): Promise<boolean> {
  const ordered = subjects.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const pairs = await lockAndRead(transaction, tenantId, ordered);
  if (pairs.length === 0) return false;

  const [, owners] = await Promise.all([
    writeUsers(transaction, tenantId, pairs),
    readOwners(transaction, tenantId, pairs),
  ]);
  const claims = claimIdentities(pairs, owners);
  const [, , , standings] = await Promise.all([
    writeIdentities(transaction, pairs, claims),
    writeDenials(transaction, tenantId, pairs),
    adoptDenials(
      transaction,
      tenantId,
      pairs.map(({ state }) => state.userId),
      claims,
    ),
    readStandings(
      transaction,
      pairs.map(({ state }) => state.userId),
    ),
  ]);
  const entries = decideEntries(pairs, standings, claims);
  await Promise.all([writeRevocations(transaction, tenantId, entries), markConverged(transaction, pairs)]);
  return entries.length > 0;
}

/**
 * Statements of one transaction run in the order they are sent, so the read that is sent behind the
 * lock sees what the lock's former holder committed.
 */
async function lockAndRead(
  transaction: Transaction,
  tenantId: string,
  subjects: readonly Subject[],
): Promise<readonly Pair[]> {
  const ids = subjects.map(({ id }) => id);
  const [, , rows] = await Promise.all([
    transaction.query(sql`
      INSERT INTO link (directory_user_id, tenant_id, user_id)
      SELECT id, ${tenantId}, id FROM unnest(${ids}::uuid[]) AS id ON CONFLICT DO NOTHING`),
    transaction.query(
      sql`SELECT FROM link WHERE directory_user_id = ANY(${ids}::uuid[]) ORDER BY directory_user_id FOR UPDATE`,
    ),
    transaction.query<StateRow>(sql`
      SELECT usr.id, link.user_id, link.applied_version, usr.attributes, usr.deleted_at IS NOT NULL AS deleted, usr.version, to_jsonb(connection) AS connection,
        (SELECT coalesce(jsonb_agg(former), '[]') FROM (
          SELECT former.id, former.attributes, extract(epoch FROM former.deleted_at) * 1000 AS "deletedMs" FROM directory_user AS former
          WHERE link.applied_version = 0 AND former.connection_id = usr.connection_id AND former.deleted_at IS NOT NULL AND former.id <> usr.id
            AND (former.user_name_key = usr.user_name_key OR former.external_id = usr.external_id)
          ORDER BY former.deleted_at DESC LIMIT 8
        ) AS former) AS formers
      FROM directory_user AS usr
      JOIN link ON link.directory_user_id = usr.id
      JOIN connection ON connection.id = usr.connection_id
      WHERE usr.id = ANY(${ids}::uuid[])`),
  ]);
  const found = new Map(rows.map((row) => [row.id, row]));
  return subjects.flatMap((subject) => {
    const row = found.get(subject.id);
    if (row === undefined || (!subject.forced && row.applied_version >= row.version)) return [];
    const state = toState(row);
    return [{ subject, state, wanted: wantedUser(state), formerSubs: formerSubsOf(state, row.formers) }];
  });
}

async function markConverged(transaction: Transaction, pairs: readonly Pair[]): Promise<void> {
  await transaction.query(sql`
    UPDATE link SET applied_version = done.version, applied_at = clock_timestamp()
    FROM unnest(${pairs.map(({ state }) => state.id)}::uuid[], ${pairs.map(({ state }) => state.version)}::bigint[]) AS done(id, version)
    WHERE link.directory_user_id = done.id AND link.applied_version <> done.version`);
}

type StateRow = {
  id: string;
  user_id: string;
  applied_version: number;
  attributes: UserAttributes;
  deleted: boolean;
  version: number;
  connection: ConnectionRow;
  formers: readonly { readonly id: string; readonly attributes: UserAttributes; readonly deletedMs: number }[];
};

function formerSubsOf({ connection }: UserState, formers: StateRow["formers"]): Pair["formerSubs"] {
  // Of several the last deleted counts, which comes first.
  return new Map(
    formers.toReversed().flatMap(({ id, attributes, deletedMs }) => {
      const sub = subjectOf(connection, id, attributes);
      return sub === undefined ? [] : [[subjectKey(connection.subjectCompare, sub), deletedMs]];
    }),
  );
}

function toState(row: StateRow): UserState {
  return {
    id: row.id,
    userId: row.user_id,
    connection: toConnection(row.connection),
    attributes: row.attributes,
    deleted: row.deleted,
    version: row.version,
  };
}

/** A linked directory user lends its denials and identities; the profile is its owner's. */
async function writeUsers(transaction: Transaction, tenantId: string, pairs: readonly Pair[]): Promise<void> {
  const own = pairs.filter(({ state }) => state.userId === state.id);
  const ids = pairs.map(({ state }) => state.userId);
  // Two directory users may share one user; whoever reads its denials next must see the other's. All
  // that are to be written are locked with it, in one order, so that no two batches wait for each other.
  const locked =
    own.length < pairs.length &&
    transaction.query(sql`SELECT FROM app_user WHERE id = ANY(${ids}::uuid[]) ORDER BY id FOR UPDATE`);
  const written = transaction.query(sql`
    INSERT INTO app_user (id, tenant_id, user_name, display_name, email, attributes)
    SELECT id, ${tenantId}, user_name, display_name, email, attributes::jsonb
    FROM unnest(${own.map(({ state }) => state.id)}::uuid[], ${own.map(({ wanted }) => wanted.userName)}::text[],
      ${own.map(({ wanted }) => wanted.displayName ?? null)}::text[], ${own.map(({ wanted }) => wanted.email ?? null)}::text[],
      ${own.map(({ state }) => JSON.stringify(state.attributes))}::text[]) AS wanted(id, user_name, display_name, email, attributes)
    ON CONFLICT (id) DO UPDATE SET user_name = excluded.user_name, display_name = excluded.display_name, email = excluded.email,
      attributes = excluded.attributes, updated_at = now()`);
  await Promise.all([locked, written]);
}

/** Sets exactly the reasons that this directory user gives; reasons of others and of admins stay. */
async function writeDenials(transaction: Transaction, tenantId: string, pairs: readonly Pair[]): Promise<void> {
  const wanted = pairs.flatMap(({ state, wanted: { denials } }) => denials.map((reason) => ({ state, reason })));
  const origins = sql`${wanted.map(({ state }) => state.id)}::uuid[]`;
  const reasons = sql`${wanted.map(({ reason }) => reason)}::text[]`;
  await Promise.all([
    transaction.query(sql`
    DELETE FROM denial
    WHERE origin_id = ANY(${pairs.map(({ state }) => state.id)}::uuid[]) AND reason IN ('idp_inactive', 'idp_deleted', 'poison')
      AND (origin_id, reason) NOT IN (SELECT * FROM unnest(${origins}, ${reasons}))`),
    transaction.query(sql`
    INSERT INTO denial (tenant_id, user_id, reason, origin_id)
    SELECT ${tenantId}, user_id, reason, origin_id
    FROM unnest(${wanted.map(({ state }) => state.userId)}::uuid[], ${reasons}, ${origins}) AS wanted(user_id, reason, origin_id)
    ON CONFLICT DO NOTHING`),
  ]);
}
