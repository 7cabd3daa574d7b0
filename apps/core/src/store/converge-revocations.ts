import { decideRevocation, type RevocationChange } from "../domain/index.ts";
import { type Claims, identityKey } from "./converge-identities.ts";
import type { Pair } from "./converge-users.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

export type StandingRow = {
  iss: string;
  sub_key: string;
  directory_user_id: string;
  user_id: string;
  denials: string[];
  deny: boolean | null;
  nbf: number | null;
  forgotten: boolean;
  origin: "idp" | "app" | null;
  /** The directory user whose subject it is is one of those who are refused. */
  refused_too: boolean;
  /** When an admin struck the user; whoever was out already then, or not known yet, had tokens to lose all the same. */
  struck_at: Date | null;
};

type Entry = RevocationChange & {
  readonly iss: string;
  readonly sub: string;
  readonly acceptedAt: Date;
  readonly eventId: number | null;
  /** When it ends by itself; a user's denials end in the user store, and with them their keys. */
  readonly expiresAt?: Date | undefined;
};

/** What stands for every identity of these users, aliases too. */
export function readStandings(transaction: Transaction, userIds: readonly string[]): Promise<readonly StandingRow[]> {
  return standings(transaction, sql`identity.user_id = ANY(${userIds}::uuid[])`);
}

/** The entries that must change so that the users' keys say what their denials say. */
export function decideEntries(
  pairs: readonly Pair[],
  rows: readonly StandingRow[],
  { inherited, fresh }: Claims,
): readonly Entry[] {
  const byUser = new Map(pairs.map((pair) => [pair.state.userId, pair.subject]));
  const byDirectoryUser = new Map(pairs.map((pair) => [pair.state.id, pair.subject]));
  // Whichever of a user's directory users was shut out: all of the user's tokens die, together or one after the other.
  const killedAt = new Map<string, number | undefined>();
  for (const { state, subject } of pairs)
    killedAt.set(state.userId, latest(killedAt.get(state.userId), subject.killedAtMs));
  return rows.flatMap((row): readonly Entry[] => {
    const subject = byDirectoryUser.get(row.directory_user_id) ?? byUser.get(row.user_id);
    if (subject === undefined) return [];
    const key = identityKey(row.iss, row.sub_key);
    const inheritedMs = inherited.get(key);
    const change = decideRevocation({
      ...toStanding(row),
      known: !fresh.has(key),
      recycled: inheritedMs !== undefined,
      // Whoever wants a subject may have to wait until its owner has given it up.
      atMs: Math.max(subject.atMs, inheritedMs ?? 0),
      killedAtMs: latest(killedAt.get(row.user_id), row.struck_at?.getTime()),
    });
    return change === undefined
      ? []
      : [{ ...change, iss: row.iss, sub: row.sub_key, acceptedAt: subject.acceptedAt, eventId: subject.eventId }];
  });
}

/** Re-decides one user's revocations after a denial of our own was added or lifted, or after identities passed to it from another user. */
export async function convergeUserRevocations(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  at: Date,
  passed?: ReadonlySet<string>,
): Promise<number> {
  const rows = await standings(transaction, sql`identity.user_id = ${userId}`);
  const entries = rows.flatMap((row): readonly Entry[] => {
    const change = decideRevocation({
      ...toStanding(row),
      known: true,
      recycled: passed?.has(identityKey(row.iss, row.sub_key)) === true,
      atMs: at.getTime(),
      killedAtMs: row.struck_at?.getTime(),
    });
    return change === undefined ? [] : [{ ...change, iss: row.iss, sub: row.sub_key, acceptedAt: at, eventId: null }];
  });
  await writeRevocations(transaction, tenantId, entries);
  return entries.length;
}

async function standings(transaction: Transaction, which: Sql): Promise<readonly StandingRow[]> {
  return transaction.query<StandingRow>(sql`
    SELECT ${standingColumns} FROM ${standingTables} WHERE ${which} ORDER BY identity.iss, identity.sub_key`);
}

/** What a subject's entry is decided by, for whoever compares with what would be decided. */
export const standingColumns = sql`identity.iss, identity.sub_key, identity.directory_user_id, identity.user_id,
      ARRAY(SELECT reason FROM denial WHERE denial.user_id = identity.user_id) AS denials, revocation.deny, revocation.nbf,
      revocation.forgotten_at IS NOT NULL AS forgotten, revocation.origin,
      EXISTS (SELECT FROM denial WHERE denial.user_id = identity.user_id AND origin_id = identity.directory_user_id AND reason IN ('idp_inactive', 'idp_deleted')) AS refused_too,
      (SELECT max(since) FROM denial WHERE denial.user_id = identity.user_id AND reason IN ('admin_suspended', 'admin_revoked')) AS struck_at`;

export const standingTables = sql`identity
    LEFT JOIN revocation ON revocation.tenant_id = identity.tenant_id AND revocation.scope = 'sub'
      AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key`;

function latest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

export function toStanding(row: StandingRow): {
  current: { deny: boolean; nbf: number | undefined } | undefined;
  denials: readonly string[];
  refusedToo: boolean;
} {
  // Gateways have forgotten what the provider refuses too, or may any moment. A reason that it knows nothing of has to be told anew.
  const isOthers = row.forgotten && row.denials.some((reason) => !reason.startsWith("idp_"));
  const mayForget = row.forgotten || row.origin === "idp";
  const untold = isOthers || (mayForget && row.denials.length > 0 && !row.refused_too);
  return {
    current: row.deny === null ? undefined : { deny: row.deny && !untold, nbf: row.nbf ?? undefined },
    denials: row.denials,
    refusedToo: row.refused_too,
  };
}

/** Replaces the keys' present entries, but for a later cut that was made since they were read, and tells the publisher which keys changed. */
export async function writeRevocations(
  transaction: Transaction,
  tenantId: string,
  entries: readonly Entry[],
  scope = "sub",
): Promise<void> {
  if (entries.length === 0) return;
  const written = transaction.query(sql`
    WITH changed AS (
      INSERT INTO revocation (tenant_id, scope, iss, sub, deny, nbf, origin, reason, event_id, accepted_at, expires_at, applied_at)
      SELECT ${tenantId}, ${scope}, iss, sub, deny, nbf, origin, reason, event_id, accepted_at, expires_at, clock_timestamp()
      FROM unnest(${entries.map(({ iss }) => iss)}::text[], ${entries.map(({ sub }) => sub)}::text[], ${entries.map(({ deny }) => deny)}::boolean[],
        ${entries.map(({ nbf }) => nbf ?? null)}::bigint[], ${entries.map(({ origin }) => origin)}::text[], ${entries.map(({ reason }) => reason)}::text[],
        ${entries.map(({ eventId }) => eventId)}::bigint[], ${entries.map(({ acceptedAt }) => acceptedAt)}::timestamptz[],
        ${entries.map(({ expiresAt }) => expiresAt ?? null)}::timestamptz[]) AS entry(iss, sub, deny, nbf, origin, reason, event_id, accepted_at, expires_at)
      ON CONFLICT (tenant_id, scope, iss, sub) DO UPDATE SET deny = excluded.deny, nbf = greatest(revocation.nbf, excluded.nbf), origin = excluded.origin,
        reason = excluded.reason, event_id = excluded.event_id, accepted_at = excluded.accepted_at, applied_at = excluded.applied_at,
        expires_at = excluded.expires_at, forgotten_at = NULL
      RETURNING scope, iss, sub, accepted_at
    )
    INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at)
    SELECT ${tenantId}, scope, iss, sub, accepted_at FROM changed`);
  // Sent in the transaction that it speaks of: it arrives with the commit, or not at all.
  await Promise.all([written, transaction.query(sql`SELECT pg_notify('rollcall_pending', ${tenantId})`)]);
}
