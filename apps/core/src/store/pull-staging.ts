import { canonicalName, type JsonObject } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type HeldPull, setHeld } from "./pull-lease.ts";
import { type Sql, sql } from "./sql.ts";

/** Somebody on a page of a listing. */
export type ListedSubject = { readonly id: string; readonly attributes: JsonObject };
export type ListedGroup = ListedSubject & { readonly members: readonly string[] };

/** A page that had somebody on it who was on another before: then somebody else may be on none. */
export class ListedTwice extends Error {
  override readonly name = "ListedTwice";

  constructor() {
    super("somebody was listed twice");
  }
}

const clearedAtOnce = 20_000;

/** Begins a listing, or begins it again: what was listed before is forgotten. Answers the moment before it. Throws `PullLost`. */
export async function beginListing(database: Database, held: HeldPull, providerVersion: string): Promise<Date> {
  await clearRows(database, held.tenantId, held.id, held);
  return database.inTenant(held.tenantId, async (transaction) => {
    const [now] = await transaction.query<{ at: Date }>(sql`SELECT clock_timestamp() AS at`);
    if (now === undefined) throw new Error("the database has no time");
    await setHeld(
      transaction,
      held,
      sql`step = 'users', mark = NULL, listed = 0, listed_groups = 0, asked_at = ${now.at}, provider_version = ${providerVersion}`,
    );
    return now.at;
  });
}

/** Begins the listing of groups, or begins it again. Throws `PullLost`. */
export async function beginGroups(database: Database, held: HeldPull): Promise<void> {
  await clearRows(database, held.tenantId, held.id, held, [sql`pull_member`, sql`pull_group`]);
  await database.inTenant(held.tenantId, (transaction) => setHeld(transaction, held, sql`listed_groups = 0`));
}

/** Keeps a page and where the next one begins, or neither. Throws `ListedTwice`, `PullLost`. */
export async function keepUsers(
  database: Database,
  held: HeldPull,
  users: readonly ListedSubject[],
  mark: string | undefined,
): Promise<void> {
  await database.inTenant(held.tenantId, async (transaction) => {
    await setHeld(
      transaction,
      held,
      sql`listed = listed + ${users.length}, mark = ${mark ?? null}, attempts = 0, reason = NULL`,
    );
    const [row] = await transaction.query<{ kept: number }>(sql`
      WITH kept AS (
        INSERT INTO pull_user (run_id, provider_id, tenant_id, user_name_key, attributes)
        SELECT ${held.id}, one.id, ${held.tenantId}, one.name_key, one.attributes::jsonb
        FROM unnest(${users.map(({ id }) => id)}::text[], ${users.map((one) => nameKey("userName", one))}::text[], ${users.map(textOf)}::text[]) AS one (id, name_key, attributes)
        ON CONFLICT DO NOTHING RETURNING provider_id
      ) SELECT count(*) AS kept FROM kept`);
    if (row?.kept !== users.length) throw new ListedTwice();
  });
}

/** The same of groups, with who is in them. */
export async function keepGroups(
  database: Database,
  held: HeldPull,
  groups: readonly ListedGroup[],
  mark: string | undefined,
): Promise<void> {
  const edges = groups.flatMap(({ id, members }) => members.map((member) => [id, member] as const));
  await database.inTenant(held.tenantId, async (transaction) => {
    await setHeld(
      transaction,
      held,
      sql`listed_groups = listed_groups + ${groups.length}, mark = ${mark ?? null}, attempts = 0, reason = NULL`,
    );
    const [row] = await transaction.query<{ kept: number }>(sql`
      WITH kept AS (
        INSERT INTO pull_group (run_id, provider_id, tenant_id, display_name_key, attributes)
        SELECT ${held.id}, one.id, ${held.tenantId}, one.name_key, one.attributes::jsonb
        FROM unnest(${groups.map(({ id }) => id)}::text[], ${groups.map((one) => nameKey("displayName", one))}::text[], ${groups.map(textOf)}::text[]) AS one (id, name_key, attributes)
        ON CONFLICT DO NOTHING RETURNING provider_id
      ) SELECT count(*) AS kept FROM kept`);
    if (row?.kept !== groups.length) throw new ListedTwice();
    await transaction.query(sql`
      INSERT INTO pull_member (run_id, group_id, member, tenant_id)
      SELECT ${held.id}, edge.group_id, edge.member, ${held.tenantId}
      FROM unnest(${edges.map(([group]) => group)}::text[], ${edges.map(([, member]) => member)}::text[]) AS edge (group_id, member)
      ON CONFLICT DO NOTHING`);
  });
}

/** Forgets what an ended listing has listed; what it found stays. */
export async function clearPull(database: Database, tenantId: string, runId: string): Promise<void> {
  await clearRows(database, tenantId, runId, undefined);
  await database.once(
    tenantId,
    sql`UPDATE pull_run SET staged = false WHERE id = ${runId} AND finished_at IS NOT NULL`,
  );
}

/** While the listing is under way, only for whoever has it in hand: another may have begun it anew by now. */
async function clearRows(
  database: Database,
  tenantId: string,
  runId: string,
  held: HeldPull | undefined,
  tables: readonly Sql[] = [sql`pull_member`, sql`pull_group`, sql`pull_user`],
): Promise<void> {
  for (const table of tables)
    for (let cleared = clearedAtOnce; cleared === clearedAtOnce;) {
      const rows = await database.inTenant(tenantId, async (transaction) => {
        if (held !== undefined) await setHeld(transaction, held, sql`attempts = attempts`);
        return transaction.query(
          sql`DELETE FROM ${table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${table} WHERE run_id = ${runId} LIMIT ${clearedAtOnce})) RETURNING run_id`,
        );
      });
      cleared = rows.length;
    }
}

/** PostgreSQL can hold neither a NUL nor half a surrogate pair. Whoever has one is there, and is not taken over. */
function textOf({ attributes }: ListedSubject): string {
  const text = JSON.stringify(attributes);
  return /\\u(?:0000|d[89a-f])/i.test(text) ? "{}" : text;
}

/** Null for what can be nobody's name. */
function nameKey(attribute: "userName" | "displayName", { attributes }: ListedSubject): string | null {
  const name = attributes[attribute];
  if (typeof name !== "string") return null;
  try {
    return canonicalName(attribute, name);
  } catch {
    return null;
  }
}
