import type { Json } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { placesBefore } from "./keyset-place.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";

/** Who did what, when, and what it was before and after. */
export type AuditRow = {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  /** What the token or the person is called; undefined where nobody knows any more. */
  readonly actorName: string | undefined;
  readonly action: string;
  readonly target: string | null;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
  /** What else is to be said of it. */
  readonly detail: Json | undefined;
};

export type AuditQuery = {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
};

/** Who asks: an operator of the house is told its people's names. */
export type AuditReader = { readonly isOfHouse: boolean };

type Row = {
  id: number;
  at: Date;
  actor: string;
  action: string;
  target: string | null;
  detail: { readonly [name: string]: Json } | null;
};
type NameRow = { actor: string; name: string; house: boolean };

/** The house's own people are the house's business: a tenant is told what they are. */
const houseName = "an operator of the house";

/** What was done in a tenant, or above all tenants where none is named; the newest first. */
export async function listAudit(
  database: Database,
  tenantId: string | undefined,
  query: AuditQuery,
  page: KeysetRequest,
  reader: AuditReader,
): Promise<Keyset<AuditRow>> {
  const after = page.after === undefined ? null : Number(page.after);
  const statement = (which: Sql): Sql =>
    sql`SELECT id, at, actor, action, target, detail FROM audit
      WHERE ${which}${equals(sql`actor`, query.actor)}${equals(sql`action`, query.action)}${equals(sql`target`, query.target)}
        AND ${placesBefore(sql`id`, after)}
      ORDER BY id DESC LIMIT ${page.limit + 1}`;
  const rows =
    tenantId === undefined
      ? await database.house<Row>(statement(sql`tenant_id IS NULL`))
      : await database.once<Row>(tenantId, statement(sql`tenant_id = ${tenantId}`));
  const names = await namesOf(database, reader.isOfHouse ? undefined : tenantId, [
    ...new Set(rows.map(({ actor }) => actor)),
  ]);
  return keyset(
    rows.map((row) => toAudit(row, names.get(row.actor))),
    page.limit,
    ({ id }) => String(id),
  );
}

// Left out rather than compared with null: each shape is answered by the index that is made for it.
function equals(column: Sql, value: string | undefined): Sql {
  return value === undefined ? sql`` : sql` AND ${column} = ${value}`;
}

async function namesOf(
  database: Database,
  tenantId: string | undefined,
  actors: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (actors.length === 0) return new Map();
  const rows = await database.house<NameRow>(sql`
    SELECT id AS actor, label AS name, tenant_id IS DISTINCT FROM ${tenantId ?? null}::uuid AS house FROM credential WHERE id = ANY(${actors}::text[])
    UNION ALL SELECT 'person:' || id, name, operator FROM admin_person WHERE 'person:' || id = ANY(${actors}::text[])`);
  const isTold = (row: NameRow): boolean => tenantId === undefined || !row.house;
  return new Map(rows.map((row) => [row.actor, isTold(row) ? row.name : houseName]));
}

function toAudit({ detail, ...row }: Row, actorName: string | undefined): AuditRow {
  const { before, after, ...more } = detail ?? {};
  return { ...row, actorName, before, after, detail: Object.keys(more).length === 0 ? undefined : more };
}
