import { isDeepStrictEqual } from "node:util";
import {
  assertProvisions,
  changedDialect,
  changedJustInTime,
  type Connection,
  type DialectPatch,
  DirectoryError,
  type Json,
  type JustInTimePatch,
} from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import { connectionColumns, connectionNamed, type ConnectionRow, toConnection } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import type { Expectation } from "./expectation.ts";
import { sql } from "./sql.ts";
import { assertSlug, slugRefusalOf } from "./tenants.ts";

/** What an admin may set; the rest is given once, at creation. */
export type ConnectionSettings = Omit<Connection, "id" | "tenantId" | "slug" | "schemasVersion" | "pausedAt">;
type GivenSettings = { readonly [Name in keyof ConnectionSettings]?: ConnectionSettings[Name] | undefined };
/** What is named is changed; a rule of the dialect that is null is the kind's again. */
export type ConnectionPatch = Omit<GivenSettings, "dialect" | "justInTime"> & {
  readonly dialect?: DialectPatch | undefined;
  readonly justInTime?: JustInTimePatch | undefined;
};
export type NewConnection = Pick<Connection, "id" | "slug" | "name" | "kind"> &
  Omit<GivenSettings, "justInTime"> & { readonly justInTime?: JustInTimePatch | undefined };

const connectionDefaults = {
  dialect: {},
  issuers: [],
  audience: undefined,
  subjectClaim: "sub",
  subjectRule: "attribute",
  subjectAttribute: "externalId",
  subjectCompare: "exact",
  tokenLifetimeSec: 86_400,
  rates: {},
} as const satisfies Partial<ConnectionSettings>;

/** Settings that decide which user a subject finds: after a change of one, users follow with a resync. */
const subjectSettings = ["issuers", "subjectRule", "subjectAttribute", "subjectCompare"] as const;

/** Throws `slug_taken`, `value_invalid`. */
export async function createConnection(
  database: Database,
  tenantId: string,
  connection: NewConnection,
  actor: string,
): Promise<Connection> {
  assertSlug(connection.slug);
  const settings: ConnectionSettings = {
    ...connectionDefaults,
    ...given({ ...connection, justInTime: justInTimeOf(undefined, connection.justInTime) }),
    name: connection.name,
    kind: connection.kind,
  };
  assertProvisions({ ...settings, id: connection.id, tenantId, slug: connection.slug, schemasVersion: 0 });
  try {
    return await database.inTenant(tenantId, async (transaction) => {
      const [row] = await transaction.query<ConnectionRow>(sql`
        INSERT INTO connection (id, tenant_id, slug, name, kind, dialect, issuers, audience, subject_claim, subject_rule, subject_attribute, subject_compare, token_lifetime_sec, rates, just_in_time, pull)
        VALUES (${connection.id}, ${tenantId}, ${connection.slug}, ${settings.name}, ${settings.kind}, ${JSON.stringify(settings.dialect)}::jsonb, ${settings.issuers}::text[], ${settings.audience ?? null},
          ${settings.subjectClaim}, ${settings.subjectRule}, ${settings.subjectAttribute}, ${settings.subjectCompare}, ${settings.tokenLifetimeSec}, ${JSON.stringify(settings.rates)}::jsonb, ${jsonOf(settings.justInTime)}::jsonb, ${jsonOf(settings.pull)}::jsonb)
        RETURNING ${connectionColumns}`);
      if (row === undefined) throw new Error("a connection was neither created nor refused");
      const told = { detail: { slug: connection.slug }, after: settingsDetail(settings) };
      await recordAudit(transaction, tenantId, { actor, action: "connection.create", target: connection.id, ...told });
      return toConnection(row);
    });
  } catch (error) {
    throw slugRefusalOf(error);
  }
}

export async function listConnections(database: Database, tenantId: string): Promise<readonly Connection[]> {
  const rows = await database.once<ConnectionRow>(
    tenantId,
    sql`SELECT ${connectionColumns} FROM connection WHERE removed_at IS NULL ORDER BY id`,
  );
  return rows.map(toConnection);
}

/** Finds a connection of the tenant by its slug or its id. */
export async function findConnection(
  database: Database,
  tenantId: string,
  slugOrId: string,
): Promise<Connection | undefined> {
  const [row] = await database.once<ConnectionRow>(
    tenantId,
    sql`SELECT ${connectionColumns} FROM connection WHERE ${connectionNamed(slugOrId)}`,
  );
  return row && toConnection(row);
}

/** Throws `not_found`. Says whether subjects may now find other users, which a resync of the connection brings about. */
export async function updateConnection(
  database: Database,
  tenantId: string,
  slugOrId: string,
  patch: ConnectionPatch,
  actor: string,
  expected?: Expectation<Connection>,
): Promise<{ readonly connection: Connection; readonly resyncNeeded: boolean }> {
  return database.inTenant(tenantId, async (transaction) => {
    const [found] = await transaction.query<ConnectionRow>(
      sql`SELECT ${connectionColumns} FROM connection WHERE ${connectionNamed(slugOrId)} FOR UPDATE`,
    );
    if (found === undefined) throw new DirectoryError("not_found", `no connection ${slugOrId}`);
    const before = toConnection(found);
    expected?.(before);
    const wanted: Connection = {
      ...before,
      ...given({
        ...patch,
        dialect: patch.dialect && changedDialect(before.dialect, patch.dialect),
        justInTime: justInTimeOf(before, patch.justInTime),
      }),
      ...("audience" in patch ? { audience: patch.audience } : {}),
      ...("pull" in patch ? { pull: patch.pull } : {}),
    };
    assertProvisions(wanted);
    const changed = settingNames.filter((name) => !isDeepStrictEqual(before[name], wanted[name]));
    if (changed.length === 0) return { connection: before, resyncNeeded: false };
    // As it will be read again, so that its tag is the one that a reader has.
    const after = await write(transaction, wanted);
    const told = { before: settingsDetail(before, changed), after: settingsDetail(after, changed) };
    await recordAudit(transaction, tenantId, { actor, action: "connection.update", target: before.id, ...told });
    return {
      connection: after,
      resyncNeeded: subjectSettings.some((name) => changed.includes(name)),
    };
  });
}

async function write(transaction: Transaction, connection: Connection): Promise<Connection> {
  const [row] = await transaction.query<ConnectionRow>(sql`
    UPDATE connection SET name = ${connection.name}, kind = ${connection.kind}, dialect = ${JSON.stringify(connection.dialect)}::jsonb, issuers = ${connection.issuers}::text[], audience = ${connection.audience ?? null},
      subject_claim = ${connection.subjectClaim}, subject_rule = ${connection.subjectRule}, subject_attribute = ${connection.subjectAttribute},
      subject_compare = ${connection.subjectCompare}, token_lifetime_sec = ${connection.tokenLifetimeSec}, rates = ${JSON.stringify(connection.rates)}::jsonb,
      just_in_time = ${jsonOf(connection.justInTime)}::jsonb, pull = ${jsonOf(connection.pull)}::jsonb
    WHERE id = ${connection.id} RETURNING ${connectionColumns}`);
  if (row === undefined) throw new Error("a locked connection is gone");
  return toConnection(row);
}

const settingNames = [
  "name",
  "kind",
  "dialect",
  "issuers",
  "audience",
  "subjectClaim",
  "subjectRule",
  "subjectAttribute",
  "subjectCompare",
  "tokenLifetimeSec",
  "rates",
  "justInTime",
  "pull",
] as const satisfies readonly (keyof ConnectionSettings)[];

function justInTimeOf(
  before: Pick<Connection, "justInTime"> | undefined,
  patch: JustInTimePatch | undefined,
): Connection["justInTime"] {
  return patch && changedJustInTime(before?.justInTime, patch);
}

/** Null in the column is "never said", which JSON's own null is not. */
function jsonOf(value: Json | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** What was named with a value: a setting left out, or set to undefined, stays as it is. */
function given(patch: GivenSettings): Partial<ConnectionSettings> {
  const entries = settingNames.flatMap((name) => (patch[name] === undefined ? [] : [[name, patch[name]] as const]));
  return Object.fromEntries(entries) as Partial<ConnectionSettings>;
}

function settingsDetail(
  settings: ConnectionSettings,
  names: readonly (keyof ConnectionSettings)[] = settingNames,
): { readonly [name: string]: Json } {
  return Object.fromEntries(names.map((name) => [name, settings[name] ?? null]));
}
