import { type Connection, foldCase, type IdAttribute, type SubjectNames } from "../domain/index.ts";
import { isNoCanary } from "./canary.ts";
import type { Database, Transaction } from "./database.ts";
import { resolveRefused } from "./refused-answers.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesAfter } from "./keyset-place.ts";

/** A user of whom the provider is to be asked. */
export type ReadBack = {
  readonly connectionId: string;
  readonly subjectKey: string;
  readonly names: SubjectNames;
  /** When it was last asked for, to the microsecond as PostgreSQL writes it: whoever asks a moment later is not lost. */
  readonly askedAt: string;
  readonly attempts: number;
  /** When the provider first said that there is no such user. */
  readonly absentSince: Date | null;
};

// Long enough to ask a slow provider; whoever died while asking is followed by another after it.
const heldSec = 60;
// As long as one waits that has failed for the first time.
const toldAgainSec = 5;

/** Asks for a user to be read from the provider. Twice for one user is once; where nobody can be asked it is not kept. */
export async function askReadBack(
  transaction: Transaction,
  tenantId: string,
  connectionId: string,
  names: SubjectNames,
): Promise<void> {
  const key = subjectKeyOf(names);
  if (key === undefined) return;
  await transaction.query(sql`
    INSERT INTO read_back (connection_id, subject_key, tenant_id, names)
    SELECT ${connectionId}, ${key}, ${tenantId}, ${JSON.stringify(names)}::jsonb
    WHERE EXISTS (SELECT FROM provider WHERE connection_id = ${connectionId})
    ON CONFLICT (connection_id, subject_key) DO UPDATE SET asked_at = clock_timestamp(), names = excluded.names,
      -- Whoever is asking just now asks again by themselves. One that failed may be better for what was told, which may be
      -- that they have left: it need not wait as long as for nothing, and a storm does not hurry it.
      due_at = CASE WHEN read_back.taken_until > now() THEN read_back.due_at
        WHEN read_back.last_error IS NOT NULL THEN least(read_back.due_at, now() + ${toldAgainSec} * interval '1 second')
        ELSE least(read_back.due_at, now()) END`);
  await transaction.query(sql`SELECT pg_notify('rollcall_read_back', ${tenantId})`);
}

/** The same where nothing else is to be written. */
export async function askAgain(
  database: Database,
  tenantId: string,
  connectionId: string,
  names: SubjectNames,
): Promise<void> {
  await database.inTenant(tenantId, (transaction) => askReadBack(transaction, tenantId, connectionId, names));
}

/** The connections of whose users some are due. */
export async function readBacksDue(
  database: Database,
): Promise<readonly { readonly tenantId: string; readonly connectionId: string }[]> {
  // One look at the index for each provider, however many of its users wait.
  return database.house(sql`
    SELECT tenant_id AS "tenantId", connection_id AS "connectionId" FROM provider
    WHERE EXISTS (SELECT FROM read_back WHERE read_back.connection_id = provider.connection_id AND due_at <= now())`);
}

/** Takes some that are due, for long enough to ask; whoever comes meanwhile takes others. */
export async function takeReadBacks(
  database: Database,
  tenantId: string,
  connectionId: string,
  limit: number,
): Promise<readonly ReadBack[]> {
  return database.once<ReadBack>(
    tenantId,
    sql`UPDATE read_back SET due_at = now() + ${heldSec} * interval '1 second', taken_until = now() + ${heldSec} * interval '1 second', attempts = attempts + 1
      WHERE (connection_id, subject_key) IN (
        SELECT connection_id, subject_key FROM read_back WHERE connection_id = ${connectionId} AND due_at <= now()
        ORDER BY due_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING connection_id AS "connectionId", subject_key AS "subjectKey", names, asked_at::text AS "askedAt", attempts, absent_since AS "absentSince"`,
  );
}

/** Strikes off one that was answered, unless it was asked for again since it was taken: then it is due at once. */
export async function settleReadBack(transaction: Transaction, readBack: ReadBack): Promise<void> {
  const [struck] = await transaction.query(
    sql`DELETE FROM read_back WHERE ${thisOne(readBack)} AND asked_at <= ${readBack.askedAt}::timestamptz RETURNING subject_key`,
  );
  // A statement of its own: whoever asked while the one before it waited for them is seen by this one alone.
  if (struck === undefined)
    await transaction.query(sql`
      UPDATE read_back SET due_at = now(), attempts = 0, taken_until = NULL, absent_since = NULL, last_error = NULL WHERE ${thisOne(readBack)}`);
  if (readBack.attempts > 1) await resolveRefused(transaction, readBack.connectionId);
}

/** Puts one that was answered back, to be asked once more. */
export async function repeatReadBack(
  transaction: Transaction,
  readBack: ReadBack,
  again: { readonly delayMs: number; readonly absentSince: Date | undefined },
): Promise<void> {
  await transaction.query(sql`
    UPDATE read_back SET taken_until = NULL, last_error = NULL, absent_since = ${again.absentSince ?? null},
      due_at = CASE WHEN asked_at > ${readBack.askedAt}::timestamptz THEN now() ELSE now() + ${again.delayMs} * interval '1 millisecond' END
    WHERE ${thisOne(readBack)}`);
}

/** Asks for somebody of whom a list of changes has spoken, where nothing is waited for yet. */
export async function noteAbsence(
  transaction: Transaction,
  { id, tenantId }: Pick<Connection, "id" | "tenantId">,
  names: SubjectNames,
  absentSince: Date | undefined,
  delayMs: number,
): Promise<void> {
  await transaction.query(sql`
    INSERT INTO read_back (connection_id, subject_key, tenant_id, names, absent_since, due_at)
    VALUES (${id}, ${subjectKeyOf(names) ?? null}, ${tenantId}, ${JSON.stringify(names)}::jsonb, ${absentSince ?? null}, now() + ${delayMs} * interval '1 millisecond')
    ON CONFLICT (connection_id, subject_key) DO UPDATE SET asked_at = clock_timestamp(), absent_since = coalesce(read_back.absent_since, excluded.absent_since),
      due_at = CASE WHEN read_back.taken_until > now() THEN read_back.due_at ELSE least(read_back.due_at, excluded.due_at) END`);
}

/** Puts one back for later; the reason names the fault, never the data. */
export async function postponeReadBack(
  database: Database,
  tenantId: string,
  readBack: ReadBack,
  reason: string,
  delayMs: number,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE read_back SET due_at = now() + ${delayMs} * interval '1 millisecond', taken_until = NULL, last_error = ${reason}
      WHERE ${thisOne(readBack)}`,
  );
}

/** Puts one back that was not asked after all. */
export async function releaseReadBack(database: Database, tenantId: string, readBack: ReadBack): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE read_back SET due_at = now(), taken_until = NULL, attempts = greatest(attempts - 1, 0) WHERE ${thisOne(readBack)}`,
  );
}

/** Strikes off one that can be asked of nobody. */
export async function strikeReadBack(database: Database, tenantId: string, readBack: ReadBack): Promise<void> {
  await database.inTenant(tenantId, (transaction) => settleReadBack(transaction, readBack));
}

/** Has everybody asked about whom a complete list has left out: that is no proof, and an answer about them is. By name where the directory knows no id of theirs. Answers how many. */
export async function askMissing(
  database: Database,
  { id: connectionId, tenantId }: Pick<Connection, "id" | "tenantId">,
  idAttribute: IdAttribute,
  listed: readonly { readonly id: string; readonly userName: string }[],
): Promise<number> {
  const rows = await database.once(
    tenantId,
    sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names)
      SELECT connection_id, CASE WHEN by_id THEN 'id ' || external_id ELSE 'userName ' || user_name_key END, tenant_id,
        jsonb_strip_nulls(jsonb_build_object('id', CASE WHEN by_id THEN external_id END, 'userName', user_name))
      FROM (
        SELECT *, external_id IS NOT NULL AND ${idAttribute === "externalId"}::boolean AS by_id FROM directory_user
        WHERE connection_id = ${connectionId} AND deleted_at IS NULL AND ${isNoCanary(sql`directory_user.id`)}
      ) AS usr
      WHERE CASE WHEN by_id THEN external_id NOT IN (SELECT unnest(${listed.map(({ id }) => id)}::text[]))
        ELSE user_name_key NOT IN (SELECT unnest(${listed.map(({ userName }) => foldCase(userName))}::text[])) END
      ON CONFLICT (connection_id, subject_key) DO UPDATE SET asked_at = clock_timestamp()
      RETURNING subject_key`,
  );
  return rows.length;
}

/** How many of a provider's ids the connection's directory knows as externalId. */
export async function countKnownIds(
  database: Database,
  tenantId: string,
  connectionId: string,
  ids: readonly string[],
): Promise<number> {
  const [row] = await database.once<{ count: number }>(
    tenantId,
    sql`SELECT count(*) AS count FROM directory_user WHERE connection_id = ${connectionId} AND deleted_at IS NULL AND external_id = ANY(${ids}::text[])`,
  );
  return row?.count ?? 0;
}

/** A question as an admin sees it. */
export type WaitingReadBack = Omit<ReadBack, "connectionId" | "askedAt"> & {
  readonly askedAt: Date;
  readonly dueAt: Date;
  readonly lastError: string | null;
};

/** What is to be asked of a connection's provider, in the order of the names. */
export async function listReadBacks(
  database: Database,
  tenantId: string,
  connectionId: string,
  page: KeysetRequest,
): Promise<Keyset<WaitingReadBack>> {
  const rows = await database.once<WaitingReadBack>(
    tenantId,
    sql`SELECT subject_key AS "subjectKey", names, asked_at AS "askedAt", attempts, absent_since AS "absentSince", due_at AS "dueAt", last_error AS "lastError"
      FROM read_back WHERE connection_id = ${connectionId} AND ${placesAfter(sql`subject_key`, page.after)}
      ORDER BY subject_key LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ subjectKey }) => subjectKey);
}

function thisOne({ connectionId, subjectKey }: Pick<ReadBack, "connectionId" | "subjectKey">): Sql {
  return sql`connection_id = ${connectionId} AND subject_key = ${subjectKey}`;
}

/** The strongest name there is. */
function subjectKeyOf({ id, userName, email, token }: SubjectNames): string | undefined {
  if (id !== undefined) return `id ${id}`;
  if (token !== undefined) return `token ${JSON.stringify([token.iss, token.sub])}`;
  if (userName !== undefined) return `userName ${foldCase(userName)}`;
  return email === undefined ? undefined : `email ${foldCase(email)}`;
}
