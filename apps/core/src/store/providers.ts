import { isDeepStrictEqual } from "node:util";
import {
  audienceOf,
  DirectoryError,
  type Json,
  type JsonObject,
  providerKinds,
  type ProviderKind,
} from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { cancelPulls } from "./pull-lease.ts";
import { openSecret } from "./sealed-secret.ts";
import { sql } from "./sql.ts";

/** A connection's provider as an admin sees it: without its secret. */
export type ConfiguredProvider = {
  readonly connectionId: string;
  readonly kind: ProviderKind;
  readonly settings: JsonObject;
  /** When it last answered a question. */
  readonly answeredAt: Date | null;
  readonly lastError: string | null;
  /** Since when every question has failed. */
  readonly failingSince: Date | null;
  /** How many users it is still to be asked about. */
  readonly waiting: number;
  readonly updatedAt: Date;
};

/** What was found when it was tried, in words. */
export type ProviderReport = {
  readonly works: boolean;
  readonly lines: readonly string[];
};

export type NewProvider = {
  readonly kind: ProviderKind;
  readonly settings: JsonObject;
  /** As `sealSecret` sealed it, bound to the connection; undefined keeps the one that there is. */
  readonly secret: Buffer | undefined;
};

const columns = sql`connection_id AS "connectionId", kind, settings, answered_at AS "answeredAt", last_error AS "lastError", failing_since AS "failingSince",
  (SELECT count(*) FROM read_back WHERE read_back.connection_id = provider.connection_id) AS waiting, updated_at AS "updatedAt"`;

/** Throws `not_found` for a connection of nobody's or another's, and `value_invalid` where a new one has no secret. */
export async function setProvider(
  database: Database,
  tenantId: string,
  connectionId: string,
  { kind, settings, secret }: NewProvider,
  actor: string,
): Promise<ConfiguredProvider> {
  const { changes } = providerKinds[kind];
  return database.inTenant(tenantId, async (transaction) => {
    const [known] = await transaction.query<{ kind: ProviderKind | null; settings: JsonObject | null }>(sql`
      SELECT provider.kind, provider.settings FROM connection LEFT JOIN provider ON provider.connection_id = connection.id WHERE connection.id = ${connectionId}
      FOR NO KEY UPDATE OF connection`);
    if (known === undefined) throw new DirectoryError("not_found", "no such connection");
    // Another kind of provider must never be shown the secret of the one before.
    if (secret === undefined && known.kind !== kind)
      throw new DirectoryError("value_invalid", `secret: is required: ${providerKinds[kind].secret}`);
    // Nor must another place: whoever says where it is could have it sent to themselves.
    if (secret === undefined && isElsewhere(kind, known.settings ?? {}, settings))
      throw new DirectoryError(
        "value_invalid",
        "secret: is required: the one that there is was given for another host",
      );
    const [set] = await transaction.query<ConfiguredProvider>(sql`
      INSERT INTO provider (connection_id, tenant_id, kind, settings, secret, changes_at)
      VALUES (${connectionId}, ${tenantId}, ${kind}, ${JSON.stringify(settings)}::jsonb, ${secret ?? null}, CASE WHEN ${changes}::boolean THEN now() END)
      ON CONFLICT (connection_id) DO UPDATE SET kind = excluded.kind, settings = excluded.settings, secret = coalesce(excluded.secret, provider.secret),
        changes_at = excluded.changes_at, 
        -- A mark is of one directory at one place.
        mark = CASE WHEN (provider.kind, provider.settings->'tenant', provider.settings->'url') IS NOT DISTINCT FROM (excluded.kind, excluded.settings->'tenant', excluded.settings->'url')
          THEN provider.mark END,
        last_error = NULL, failing_since = NULL, test_report = NULL, updated_at = clock_timestamp()
      RETURNING ${columns}`);
    if (set === undefined) throw new Error("a provider was not set");
    // What was answered under other settings, and by whom, says nothing under these.
    await transaction.query(
      sql`UPDATE read_back SET due_at = now(), last_error = NULL, absent_since = NULL WHERE connection_id = ${connectionId}`,
    );
    await transaction.query(
      sql`UPDATE event_source SET upkeep_at = now() WHERE connection_id = ${connectionId} AND upkeep_at IS NOT NULL`,
    );
    const detail = { secret: secret === undefined ? "kept" : "set" };
    // By their names: what they say may be whom it is asked as.
    const before = { kind: known.kind, settings: Object.keys(known.settings ?? {}) };
    const told = { before, after: { kind, settings: Object.keys(settings) } };
    await recordAudit(transaction, tenantId, { actor, action: "provider.set", target: connectionId, ...told, detail });
    await transaction.query(sql`SELECT pg_notify('rollcall_read_back', ${tenantId})`);
    return set;
  });
}

function isElsewhere(kind: ProviderKind, before: JsonObject, after: JsonObject): boolean {
  return !isDeepStrictEqual(audienceOf(kind, before), audienceOf(kind, after));
}

export async function findProvider(
  database: Database,
  tenantId: string,
  connectionId: string,
): Promise<ConfiguredProvider | undefined> {
  const [row] = await database.once<ConfiguredProvider>(
    tenantId,
    sql`SELECT ${columns} FROM provider WHERE connection_id = ${connectionId}`,
  );
  return row;
}

/** Nobody is asked any more: what was still to be asked is forgotten with it. Throws `not_found`. */
export async function removeProvider(
  database: Database,
  tenantId: string,
  connectionId: string,
  actor: string,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const [removed] = await transaction.query<{ kind: string }>(
      sql`DELETE FROM provider WHERE connection_id = ${connectionId} RETURNING kind`,
    );
    if (removed === undefined) throw new DirectoryError("not_found", "no such provider");
    await transaction.query(sql`DELETE FROM read_back WHERE connection_id = ${connectionId}`);
    await cancelPulls(transaction, connectionId, "its provider was removed");
    await transaction.query(
      sql`UPDATE alert SET resolved_at = now() WHERE kind IN ('provider_unreachable', 'answer_refused') AND key = ${connectionId} AND resolved_at IS NULL`,
    );
    const before = { kind: removed.kind };
    await recordAudit(transaction, tenantId, { actor, action: "provider.remove", target: connectionId, before });
  });
}

/** A provider as whoever asks it needs it. */
export type OpenedProvider = {
  readonly kind: ProviderKind;
  readonly settings: JsonObject;
  readonly secret: string;
  /** Where the next question about changes goes on. */
  readonly mark: string | undefined;
  /** Changes with every change of the settings, and with nothing else. */
  readonly version: string;
};

/** Undefined where the connection has no provider, or none any more. */
export async function openedProvider(
  database: Database,
  key: Buffer,
  tenantId: string,
  connectionId: string,
): Promise<OpenedProvider | undefined> {
  const [row] = await database.once<
    Omit<OpenedProvider, "secret" | "mark"> & { secret: Buffer | null; mark: string | null }
  >(
    tenantId,
    sql`SELECT kind, settings, secret, mark, updated_at::text AS version FROM provider WHERE connection_id = ${connectionId}`,
  );
  if (row === undefined) return undefined;
  const secret = row.secret === null ? "" : openSecret(key, connectionId, row.secret);
  return { ...row, secret, mark: row.mark ?? undefined };
}

/** Asks for the provider to be tried. Throws `not_found`. Answers the request's time, by which its report is told. */
export async function requestProviderTest(
  database: Database,
  tenantId: string,
  connectionId: string,
  actor: string,
): Promise<string> {
  return database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<{ at: string }>(
      sql`UPDATE provider SET test_asked_at = clock_timestamp() WHERE connection_id = ${connectionId} RETURNING test_asked_at::text AS at`,
    );
    if (row === undefined) throw new DirectoryError("not_found", "no such provider");
    await recordAudit(transaction, tenantId, { actor, action: "provider.test", target: connectionId });
    await transaction.query(sql`SELECT pg_notify('rollcall_read_back', ${tenantId})`);
    return row.at;
  });
}

/** What was found after a moment; undefined until then. */
export async function readProviderReport(
  database: Database,
  tenantId: string,
  connectionId: string,
  askedAt: string,
): Promise<ProviderReport | undefined> {
  const [row] = await database.once<{ report: ProviderReport }>(
    tenantId,
    sql`SELECT test_report AS report FROM provider WHERE connection_id = ${connectionId} AND tested_at >= ${askedAt}::timestamptz AND test_report IS NOT NULL`,
  );
  return row?.report;
}

export async function keepProviderReport(
  database: Database,
  tenantId: string,
  connectionId: string,
  report: ProviderReport,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE provider SET test_report = ${JSON.stringify(report satisfies Json)}::jsonb, tested_at = clock_timestamp() WHERE connection_id = ${connectionId}`,
  );
}
