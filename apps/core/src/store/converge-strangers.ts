import { writeRevocations } from "./converge-revocations.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** Why gateways refuse what a stranger had. */
const strangerReason = "not_in_directory";

/**
 * Takes from the user store those of these subjects whom the directory has never had: their subjects
 * and the user of the application. Gateways refuse the subjects first, and until the directory gives
 * them to somebody, for whoever holds such a token was let in by nobody's word. What denies them stays.
 * Answers whom it has never had.
 */
export async function convergeStrangers(
  transaction: Transaction,
  tenantId: string,
  ids: readonly string[],
  at: Date,
): Promise<ReadonlySet<string>> {
  const found = await transaction.query<{ id: string }>(sql`
    SELECT named.id FROM unnest(${ids}::uuid[]) AS named(id)
    WHERE NOT EXISTS (SELECT FROM directory_user WHERE directory_user.id = named.id) ORDER BY named.id`);
  const strangersFound = new Set(found.map(({ id }) => id));
  if (strangersFound.size === 0) return strangersFound;
  const strangers = sql`${[...strangersFound]}::uuid[]`;
  await transaction.query(
    sql`SELECT FROM identity WHERE directory_user_id = ANY(${strangers}) ORDER BY iss, sub_key FOR UPDATE`,
  );
  const keys = await transaction.query<{ iss: string; sub: string; nbf: number | null; reason: string | null }>(sql`
    SELECT identity.iss, identity.sub_key AS sub, revocation.nbf, CASE WHEN revocation.deny AND revocation.origin = 'app' THEN revocation.reason END AS reason
    FROM identity LEFT JOIN revocation ON revocation.tenant_id = identity.tenant_id AND revocation.scope = 'sub'
      AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
    WHERE identity.directory_user_id = ANY(${strangers}) ORDER BY identity.iss, identity.sub_key`);
  const cut = Math.floor(at.getTime() / 1_000) + 1;
  // While the subjects are still theirs, for whoever is told of it.
  await writeRevocations(
    transaction,
    tenantId,
    keys.map(({ iss, sub, nbf, reason }) => ({
      iss,
      sub,
      deny: true,
      nbf: Math.max(nbf ?? 0, cut),
      // An admin's own denial of the subject stays what it is.
      reason: reason ?? strangerReason,
      origin: "app",
      acceptedAt: at,
      eventId: null,
    })),
  );
  await transaction.query(sql`DELETE FROM identity WHERE directory_user_id = ANY(${strangers})`);
  await transaction.query(sql`DELETE FROM link WHERE directory_user_id = ANY(${strangers})`);
  await transaction.query(
    sql`DELETE FROM app_user WHERE id = ANY(${strangers}) AND NOT ${isLinkedTo(sql`app_user.id`)}`,
  );
  return strangersFound;
}

/** Whether a directory user that there is was linked to this user of the application: then it is that one's. */
export function isLinkedTo(userId: Sql): Sql {
  return sql`EXISTS (SELECT FROM link JOIN directory_user AS tied ON tied.id = link.directory_user_id WHERE link.user_id = ${userId})`;
}
