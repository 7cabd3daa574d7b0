import { createHash } from "node:crypto";
import { DirectoryError } from "../domain/index.ts";
import { type Act, audit, type StandingDenial } from "./admin-denials.ts";
import { writeRevocations } from "./converge-revocations.ts";
import type { Database, Transaction } from "./database.ts";
import type { FeedScope } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

/** One of the feed's keys: what an entry strikes. */
export type RevocationKey = { readonly scope: FeedScope; readonly iss: string; readonly sub: string };

type Entry = RevocationKey & {
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly reason: string;
  readonly origin: "idp" | "app";
  readonly expiresAt: Date | null;
};

const adminReason = "admin_revoked";

/** Denies keys until they are lifted or the act's end. Tokens issued until now stay dead after it. Answers how many changed. */
export async function denyKeys(
  transaction: Transaction,
  tenantId: string,
  keys: readonly RevocationKey[],
  act: Act,
): Promise<number> {
  return denyLocked(transaction, tenantId, await lockKeys(transaction, tenantId, keys, act.at), act);
}

async function denyLocked(
  transaction: Transaction,
  tenantId: string,
  entries: readonly Entry[],
  act: Act,
): Promise<number> {
  const expiresAt = act.expiresAt ?? null;
  // What the provider refuses too may be forgotten one day. A denial of our own must not, so it stays one.
  const isOwn = (entry: Entry): boolean => entry.deny && entry.origin === "app" && act.origin === "idp";
  const stands = (entry: Entry): boolean =>
    entry.deny &&
    (isOwn(entry) || entry.reason === (act.reason ?? adminReason)) &&
    entry.expiresAt?.getTime() === expiresAt?.getTime();
  const denied = entries
    .filter((entry) => !stands(entry))
    .map((entry) => ({
      ...entry,
      deny: true,
      // A session or a token that was struck by mistake is to work again, so it is not also cut off.
      nbf: entry.scope === "sid" || entry.scope === "jti" ? entry.nbf : cut(entry.nbf, act.at),
      reason: isOwn(entry) ? entry.reason : (act.reason ?? adminReason),
      origin: isOwn(entry) ? entry.origin : (act.origin ?? "app"),
      expiresAt,
    }));
  await write(transaction, tenantId, denied, act.acceptedAt ?? act.at);
  return denied.length;
}

/** Kills every token of these keys that was issued until now, and denies nothing. */
export async function cutKeys(
  transaction: Transaction,
  tenantId: string,
  keys: readonly RevocationKey[],
  act: Act,
): Promise<number> {
  const entries = await lockKeys(transaction, tenantId, keys, act.at);
  const cuts = entries.map((entry) => ({
    ...entry,
    nbf: cut(entry.nbf, act.at),
    reason: entry.deny ? entry.reason : (act.reason ?? adminReason),
  }));
  await write(transaction, tenantId, cuts, act.acceptedAt ?? act.at);
  return cuts.length;
}

/** Lifts the denial of those that are denied, and answers how many were. */
export async function liftKeys(
  transaction: Transaction,
  tenantId: string,
  keys: readonly RevocationKey[],
  act: Act,
): Promise<number> {
  const entries = (await lockKeys(transaction, tenantId, keys, act.at)).filter((entry) => entry.deny);
  await write(transaction, tenantId, entries.map(lifted("lifted")), act.at);
  return entries.length;
}

/** Denies keys as an admin does, who is told of in the audit; where they are denied so already, nothing is done and nothing told. Answers how many changed. */
export async function denyAudited(
  transaction: Transaction,
  tenantId: string,
  keys: readonly RevocationKey[],
  target: string,
  act: Act,
): Promise<number> {
  const entries = await lockKeys(transaction, tenantId, keys, act.at);
  const was: StandingDenial | undefined = entries.find(({ deny, reason }) => deny && reason === adminReason);
  const changed = await denyLocked(transaction, tenantId, entries, act);
  if (changed > 0) await audit(transaction, tenantId, "revocation.deny", target, act, was);
  return changed;
}

/** Denies what one key names, or cuts off its older tokens. */
export async function revokeKey(
  database: Database,
  tenantId: string,
  key: RevocationKey,
  kind: "deny" | "nbf",
  act: Act,
): Promise<{ readonly issuerKnown: boolean; readonly changed: number }> {
  return database.inTenant(tenantId, async (transaction) => {
    const [named] = await transaction.query(sql`SELECT FROM connection WHERE ${key.iss} = ANY(issuers) LIMIT 1`);
    const issuerKnown = named !== undefined;
    if (kind === "deny")
      return { issuerKnown, changed: await denyAudited(transaction, tenantId, [key], keyTarget(key), act) };
    const changed = await cutKeys(transaction, tenantId, [key], act);
    await audit(transaction, tenantId, "revocation.not_before", keyTarget(key), act);
    return { issuerKnown, changed };
  });
}

/** Lifts what `revokeKey` denied. Throws `not_found` where nothing is to be lifted. */
export async function liftKey(database: Database, tenantId: string, key: RevocationKey, act: Act): Promise<number> {
  return database.inTenant(tenantId, async (transaction) => {
    const changed = await liftKeys(transaction, tenantId, [key], act);
    if (changed === 0) throw new DirectoryError("not_found", "no such revocation");
    await audit(transaction, tenantId, "revocation.lift", keyTarget(key), act);
    return changed;
  });
}

/** Lifts the denials of keys that nobody holds and whose end has come. Answers how many. */
export async function liftEnded(database: Database, tenantId: string, act: Act): Promise<number> {
  return database.inTenant(tenantId, async (transaction) => {
    const ended = await transaction.query<Entry>(sql`
      SELECT ${columns} FROM revocation
      WHERE tenant_id = ${tenantId} AND deny AND expires_at <= ${act.at} ORDER BY scope, iss, sub LIMIT 1000 FOR UPDATE`);
    await write(transaction, tenantId, ended.map(lifted("ended")), act.at);
    for (const key of ended) await audit(transaction, tenantId, "revocation.end", keyTarget(key), act);
    return ended.length;
  });
}

/** How the audit names a key without naming a person: a digest that whoever knows the key can make again. */
export function keyTarget({ scope, iss, sub }: RevocationKey): string {
  if (scope === "iss") return `issuer:${iss}`;
  if (scope === "tenant") return `issuer:${iss} tenant:${sub}`;
  const name = { sub: "subject", sid: "session", jti: "token" }[scope];
  return `${name}:${createHash("sha256")
    .update(JSON.stringify([iss, sub]))
    .digest("base64url")}`;
}

const columns: Sql = sql`revocation.scope, revocation.iss, revocation.sub, deny, nbf, reason, origin, expires_at AS "expiresAt"`;

const lifted =
  (reason: string) =>
  (entry: Entry): Entry => ({ ...entry, deny: false, reason, expiresAt: null });

/** The keys' present entries under lock, so that two admins at once do not undo each other; an absent one begins empty. */
async function lockKeys(
  transaction: Transaction,
  tenantId: string,
  keys: readonly RevocationKey[],
  at: Date,
): Promise<readonly Entry[]> {
  const named = sql`unnest(${keys.map(({ scope }) => scope)}::text[], ${keys.map(({ iss }) => iss)}::text[], ${keys.map(({ sub }) => sub)}::text[]) AS named(scope, iss, sub)`;
  await transaction.query(sql`
    INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at)
    SELECT ${tenantId}, scope, iss, sub, false, 'app', 'none', ${at} FROM ${named} ORDER BY scope, iss, sub
    ON CONFLICT DO NOTHING`);
  const locked = await transaction.query<Entry>(sql`
    SELECT ${columns} FROM ${named}
    JOIN revocation ON revocation.tenant_id = ${tenantId} AND revocation.scope = named.scope AND revocation.iss = named.iss AND revocation.sub = named.sub
    ORDER BY revocation.scope, revocation.iss, revocation.sub FOR UPDATE OF revocation`);
  // One that was forgotten long ago may have been deleted between the two.
  return locked.length < keys.length ? lockKeys(transaction, tenantId, keys, at) : locked;
}

async function write(transaction: Transaction, tenantId: string, entries: readonly Entry[], at: Date): Promise<void> {
  for (const [scope, own] of Map.groupBy(entries, (entry) => entry.scope))
    await writeRevocations(
      transaction,
      tenantId,
      own.map((entry) => ({
        ...entry,
        nbf: entry.nbf ?? undefined,
        expiresAt: entry.expiresAt ?? undefined,
        acceptedAt: at,
        eventId: null,
      })),
      scope,
    );
}

/** The second after `at`: a token of the same second may be older. A later cut that stands already stays. */
function cut(nbf: number | null, at: Date): number {
  return Math.max(nbf ?? 0, Math.floor(at.getTime() / 1_000) + 1);
}
