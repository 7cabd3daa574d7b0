import { type Connection, DirectoryError, type Json, type JsonObject, type SourceKind } from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import type { Expectation } from "./expectation.ts";
import { openSecret } from "./sealed-secret.ts";
import { firstUpkeep } from "./source-upkeep.ts";
import { sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesAfter } from "./keyset-place.ts";

/** A source as an admin sees it: without its secrets. */
export type ConfiguredSource = {
  readonly id: string;
  readonly connectionId: string;
  readonly kind: SourceKind;
  readonly name: string;
  readonly settings: JsonObject;
  readonly status: "enabled" | "paused";
  /** Until when the secret before the present one verifies too. */
  readonly formerUntil: Date | null;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** A source as its deliveries meet it. */
export type OpenSource = {
  readonly id: string;
  readonly kind: SourceKind;
  readonly connection: Connection;
  readonly settings: JsonObject;
  /** What its upkeep remembers of the subscription at the sender. */
  readonly state: JsonObject;
  /** The present one first; the one before it while it still verifies. */
  readonly secrets: readonly string[];
  readonly status: "enabled" | "paused";
};

export type NewSource = Pick<ConfiguredSource, "id" | "connectionId" | "kind" | "name" | "settings"> & {
  /** As `sealSecret` sealed it. */
  readonly secret: Buffer | undefined;
};

export type SourcePatch = {
  readonly name?: string;
  readonly settings?: JsonObject;
  readonly status?: "enabled" | "paused";
  /** Replaces a secret that is the sender's; the one before it verifies no more. */
  readonly secret?: Buffer;
};

const perTenantMax = 200;
const columns = sql`id, connection_id AS "connectionId", kind, name, settings, status, last_error AS "lastError",
  CASE WHEN former_until > now() THEN former_until END AS "formerUntil", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Throws `not_found` for a connection of nobody's or another's, and `too_many`. */
export async function createSource(
  database: Database,
  tenantId: string,
  wanted: NewSource,
  actor: string,
): Promise<ConfiguredSource> {
  return database.inTenant(tenantId, async (transaction) => {
    const [count] = await transaction.query<{ count: number; known: boolean }>(sql`
      SELECT (SELECT count(*) FROM event_source WHERE tenant_id = ${tenantId}) AS count,
        EXISTS (SELECT FROM connection WHERE id = ${wanted.connectionId}) AS known`);
    if (count?.known !== true) throw new DirectoryError("not_found", "no such connection");
    if (count.count >= perTenantMax)
      throw new DirectoryError("too_many", `a tenant has at most ${perTenantMax} sources: remove one`);
    const [created] = await transaction.query<ConfiguredSource>(sql`
      INSERT INTO event_source (id, tenant_id, connection_id, kind, name, settings, secret, upkeep_at)
      VALUES (${wanted.id}, ${tenantId}, ${wanted.connectionId}, ${wanted.kind}, ${wanted.name}, ${JSON.stringify(wanted.settings)}::jsonb, ${wanted.secret ?? null}, ${firstUpkeep(wanted.kind)})
      RETURNING ${columns}`);
    if (created === undefined) throw new Error("a source was not created");
    const after = { ...told(created), connection: wanted.connectionId };
    await recordAudit(transaction, tenantId, { actor, action: "source.create", target: wanted.id, after });
    return created;
  });
}

export async function listSources(
  database: Database,
  tenantId: string,
  page: KeysetRequest,
): Promise<Keyset<ConfiguredSource>> {
  const rows = await database.once<ConfiguredSource>(
    tenantId,
    sql`SELECT ${columns} FROM event_source
      WHERE tenant_id = ${tenantId} AND ${placesAfter(sql`id`, page.after)}
      ORDER BY id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

export async function findSource(
  database: Database,
  tenantId: string,
  id: string,
): Promise<ConfiguredSource | undefined> {
  const [row] = await database.once<ConfiguredSource>(
    tenantId,
    sql`SELECT ${columns} FROM event_source WHERE id = ${id}`,
  );
  return row;
}

/** What is left out stays. Throws `not_found`. */
export async function updateSource(
  database: Database,
  tenantId: string,
  id: string,
  patch: SourcePatch,
  actor: string,
  expected?: Expectation<ConfiguredSource>,
): Promise<ConfiguredSource> {
  const change = { actor, action: "source.update", names: Object.keys(patch), expected };
  return changed(database, tenantId, id, change, (transaction) =>
    transaction.query<ConfiguredSource>(sql`
      UPDATE event_source SET name = coalesce(${patch.name ?? null}, name), status = coalesce(${patch.status ?? null}, status),
        settings = coalesce(${patch.settings === undefined ? null : JSON.stringify(patch.settings)}::jsonb, settings),
        secret = coalesce(${patch.secret ?? null}::bytea, secret), updated_at = now(), upkeep_at = CASE WHEN upkeep_at IS NOT NULL THEN now() END
      WHERE id = ${id} RETURNING ${columns}`),
  );
}

/** Replaces a secret of ours; the one before it verifies until `formerUntil`. Throws `not_found`. */
export async function rotateSourceSecret(
  database: Database,
  tenantId: string,
  id: string,
  rotation: { readonly secret: Buffer; readonly formerUntil: Date },
  actor: string,
): Promise<ConfiguredSource> {
  return changed(database, tenantId, id, { actor, action: "source.rotate" }, (transaction) =>
    transaction.query<ConfiguredSource>(sql`
      UPDATE event_source SET former_secret = secret, former_until = ${rotation.formerUntil}, secret = ${rotation.secret}, updated_at = now(), upkeep_at = CASE WHEN upkeep_at IS NOT NULL THEN now() END
      WHERE id = ${id} RETURNING ${columns}`),
  );
}

/** What it has said is kept for as long as it would have been. Throws `not_found`. */
export async function removeSource(
  database: Database,
  tenantId: string,
  id: string,
  actor: string,
  expected?: Expectation<ConfiguredSource>,
): Promise<void> {
  await changed(database, tenantId, id, { actor, action: "source.remove", expected }, (transaction) =>
    transaction.query<ConfiguredSource>(sql`DELETE FROM event_source WHERE id = ${id} RETURNING ${columns}`),
  );
}

type SourceChange = {
  readonly actor: string;
  readonly action: string;
  readonly names?: readonly string[];
  readonly expected?: Expectation<ConfiguredSource> | undefined;
};

async function changed(
  database: Database,
  tenantId: string,
  id: string,
  { actor, action, names, expected }: SourceChange,
  change: (transaction: Transaction) => Promise<readonly ConfiguredSource[]>,
): Promise<ConfiguredSource> {
  return database.inTenant(tenantId, async (transaction) => {
    const [present] = await transaction.query<ConfiguredSource>(
      sql`SELECT ${columns} FROM event_source WHERE id = ${id} FOR UPDATE`,
    );
    if (present === undefined) throw new DirectoryError("not_found", "no such source");
    expected?.(present);
    const [source] = await change(transaction);
    if (source === undefined) throw new Error("a locked source is gone");
    const before = told(present);
    const after = action === "source.remove" ? {} : { after: told(source) };
    const detail = names === undefined ? {} : { detail: { changed: names } };
    await recordAudit(transaction, tenantId, { actor, action, target: id, before, ...after, ...detail });
    return source;
  });
}

/** Settings by their names alone: what they say may be the sender's own. */
function told({ kind, name, status, settings }: ConfiguredSource): { readonly [name: string]: Json } {
  return { kind, name, status, settings: Object.keys(settings) };
}

type SourceRow = ConnectionRow & {
  source_id: string;
  source_kind: SourceKind;
  settings: JsonObject;
  state: JsonObject;
  secret: Buffer | null;
  former_secret: Buffer | null;
  status: "enabled" | "paused";
};

/** Whose address it is; the address is all that says which tenant is meant. */
export async function openSource(database: Database, key: Buffer, id: string): Promise<OpenSource | undefined> {
  const [row] = await database.house<SourceRow>(sql`
    SELECT source.id AS source_id, source.kind AS source_kind, source.settings, source.state, source.secret, source.status,
      CASE WHEN source.former_until > now() THEN source.former_secret END AS former_secret, ${connectionColumns}
    FROM event_source AS source JOIN connection ON connection.id = source.connection_id
    WHERE source.id = ${id}`);
  if (row === undefined) return undefined;
  const sealed = [row.secret, row.former_secret].filter((secret) => secret !== null);
  return {
    id: row.source_id,
    kind: row.source_kind,
    connection: toConnection(row),
    settings: row.settings,
    state: row.state,
    secrets: sealed.map((secret) => openSecret(key, row.source_id, secret)),
    status: row.status,
  };
}
