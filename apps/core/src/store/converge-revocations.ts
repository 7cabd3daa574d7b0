import { decideRevocation, type RevocationChange } from "../domain/index.ts";
import { type Claims, identityKey } from "./converge-identities.ts";
import type { Pair } from "./converge-users.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

type StandingRow = {
  iss: string;
  sub_key: string;
  directory_user_id: string;
  user_id: string;
  denials: string[];
  deny: boolean | null;
  nbf: number | null;
  forgotten: boolean;
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
  return rows.flatMap((row): readonly Entry[] => {
    const subject = byDirectoryUser.get(row.directory_user_id) ?? byUser.get(row.user_id);
    if (subject === undefined) return [];
    const key = identityKey(row.iss, row.sub_key);
    const change = decideRevocation({
      ...toStanding(row),
      known: !fresh.has(key),
      recycled: inherited.has(key),
      atMs: subject.atMs,
      killedAtMs: subject.killedAtMs,
    });
    return change === undefined
      ? []
      : [{ ...change, iss: row.iss, sub: row.sub_key, acceptedAt: subject.acceptedAt, eventId: subject.eventId }];
  });
}

/** Re-decides one user's revocations after a denial of our own was added or lifted. */
export async function convergeUserRevocations(
  transaction: Transaction,
  tenantId: string,
  userId: string,
  at: Date,
): Promise<number> {
  const rows = await standings(transaction, sql`identity.user_id = ${userId}`);
  const entries = rows.flatMap((row): readonly Entry[] => {
    const change = decideRevocation({
      ...toStanding(row),
      known: true,
      recycled: false,
      atMs: at.getTime(),
      killedAtMs: undefined,
    });
    return change === undefined ? [] : [{ ...change, iss: row.iss, sub: row.sub_key, acceptedAt: at, eventId: null }];
  });
  await writeRevocations(transaction, tenantId, entries);
  return entries.length;
}

async function standings(transaction: Transaction, which: Sql): Promise<readonly StandingRow[]> {
  return transaction.query<StandingRow>(sql`
    SELECT identity.iss, identity.sub_key, identity.directory_user_id, identity.user_id,
      ARRAY(SELECT reason FROM denial WHERE denial.user_id = identity.user_id) AS denials, revocation.deny, revocation.nbf,
      revocation.forgotten_at IS NOT NULL AS forgotten
    FROM identity
    LEFT JOIN revocation ON revocation.tenant_id = identity.tenant_id AND revocation.scope = 'sub'
      AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
    WHERE ${which}
    ORDER BY identity.iss, identity.sub_key`);
}

function toStanding(row: StandingRow): {
  current: { deny: boolean; nbf: number | undefined } | undefined;
  denials: readonly string[];
} {
  // Gateways have forgotten what the provider refuses too. A reason that it knows nothing of has to be told anew.
  const untold = row.forgotten && row.denials.some((reason) => !reason.startsWith("idp_"));
  return {
    current: row.deny === null ? undefined : { deny: row.deny && !untold, nbf: row.nbf ?? undefined },
    denials: row.denials,
  };
}

/** Replaces the keys' present entries and tells the publisher which keys changed. */
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
      ON CONFLICT (tenant_id, scope, iss, sub) DO UPDATE SET deny = excluded.deny, nbf = excluded.nbf, origin = excluded.origin,
        reason = excluded.reason, event_id = excluded.event_id, accepted_at = excluded.accepted_at, applied_at = excluded.applied_at,
        expires_at = excluded.expires_at, forgotten_at = NULL
      RETURNING scope, iss, sub, accepted_at
    )
    INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at)
    SELECT ${tenantId}, scope, iss, sub, accepted_at FROM changed`);
  // Sent in the transaction that it speaks of: it arrives with the commit, or not at all.
  await Promise.all([written, transaction.query(sql`SELECT pg_notify('rollcall_pending', ${tenantId})`)]);
}
