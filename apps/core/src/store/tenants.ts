import { DirectoryError, isId } from "../domain/index.ts";
import { auditStatement } from "./audit.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

export type Tenant = { readonly id: string; readonly slug: string; readonly name: string; readonly createdAt: Date };

/** A page of rows in the order of their ids; `next` asks for the one that follows, and is undefined at the end. */
export type Keyset<Row> = { readonly items: readonly Row[]; readonly next: string | undefined };

/** `after` is the last id that the caller has seen. */
export type KeysetRequest = { readonly after: string | undefined; readonly limit: number };

type TenantRow = { id: string; slug: string; name: string; created_at: Date };

const columns = sql`tenant.id, tenant.slug, tenant.name, tenant.created_at`;
const slugShape = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Throws `value_invalid` for what cannot stand in a URL and on a command line. */
export function assertSlug(slug: string): void {
  if (!slugShape.test(slug)) {
    throw new DirectoryError(
      "value_invalid",
      "slug must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen",
    );
  }
}

/** Translates a violated uniqueness of slugs into its refusal; anything else comes back as it was. */
export function slugRefusalOf(error: unknown): unknown {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  const taken =
    code === "23505" && (constraint === "tenant_slug_key" || constraint === "connection_tenant_id_slug_key");
  return taken ? new DirectoryError("slug_taken", "slug is already taken", { cause: error }) : error;
}

/** Throws `slug_taken`, `value_invalid`. */
export async function createTenant(
  database: Database,
  tenant: Pick<Tenant, "id" | "slug" | "name">,
  actor: string,
): Promise<Tenant> {
  assertSlug(tenant.slug);
  try {
    const [row] = await database.house<TenantRow>(sql`
      WITH tenant AS (
        INSERT INTO tenant (id, slug, name) VALUES (${tenant.id}, ${tenant.slug}, ${tenant.name}) RETURNING id, slug, name, created_at
      ), audited AS (
        ${auditStatement(tenant.id, { actor, action: "tenant.create", target: tenant.id, after: { slug: tenant.slug, name: tenant.name } }, sql`FROM tenant`)}
      )
      SELECT ${columns} FROM tenant`);
    if (row === undefined) throw new Error("a tenant was neither created nor refused");
    return toTenant(row);
  } catch (error) {
    throw slugRefusalOf(error);
  }
}

export async function listTenants(database: Database, page: KeysetRequest): Promise<Keyset<Tenant>> {
  const rows = await database.house<TenantRow>(sql`
    SELECT ${columns} FROM tenant WHERE ${placesAfter(sql`id`, page.after)} ORDER BY id LIMIT ${page.limit + 1}`);
  return keyset(rows.map(toTenant), page.limit, ({ id }) => id);
}

/** Finds a tenant by its slug or its id. */
export async function findTenant(database: Database, slugOrId: string): Promise<Tenant | undefined> {
  const [row] = await database.house<TenantRow>(
    isId(slugOrId)
      ? sql`SELECT ${columns} FROM tenant WHERE id = ${slugOrId}`
      : sql`SELECT ${columns} FROM tenant WHERE slug = ${slugOrId}`,
  );
  return row && toTenant(row);
}

/** The tenants with a connection that names an issuer, for a token that says nothing else of whose it is. */
export async function tenantsOfIssuer(database: Database, iss: string): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(
    sql`SELECT DISTINCT tenant_id FROM connection WHERE ${iss} = ANY(issuers) AND removed_at IS NULL LIMIT 100`,
  );
  return rows.map((row) => row.tenant_id);
}

/** Cuts rows that were asked for with one more than the limit into a page. */
export function keyset<Row>(rows: readonly Row[], limit: number, cursorOf: (row: Row) => string): Keyset<Row> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? cursorOf(last) : undefined };
}

function toTenant(row: TenantRow): Tenant {
  return { id: row.id, slug: row.slug, name: row.name, createdAt: row.created_at };
}
