import { foldCase } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { readSubjectKey } from "./feeds.ts";
import { countRefusals, minuteOf, type RefusalCount } from "./refusals.ts";
import { type Sql, sql } from "./sql.ts";
import type { Keyset } from "./tenants.ts";

/** A refusal that a gateway told of and that is kept. */
export type KeptRefusal = {
  readonly id: number;
  readonly at: Date;
  readonly gateway: string;
  readonly reason: string;
  readonly requestId: string | undefined;
  readonly iss: string | undefined;
  readonly sub: string | undefined;
  /** In place of `sub`, by a gateway of a hashed feed. */
  readonly subHash: Buffer | undefined;
  readonly claims: readonly string[];
  /** Whose subject it is now, where the application knows. */
  readonly userId: string | undefined;
};

export type RefusalQuery = {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly reason?: string | undefined;
  readonly gateway?: string | undefined;
};

/** What was refused in a span of time. All of it is counted; the rest is of what is kept one by one. */
export type RefusalSummary = {
  readonly total: number;
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** How many different subjects are kept, and how many gateways told of them. */
  readonly subjects: number;
  readonly gateways: readonly string[];
  /** One of each reason and subject, the most frequent first. */
  readonly samples: readonly (KeptRefusal & { readonly count: number })[];
};

type Row = {
  id: number;
  at: Date;
  gateway: string;
  reason: string;
  request_id: string | null;
  iss: string | null;
  sub: string | null;
  sub_hash: Buffer | null;
  claims: string[];
};

const columns = sql`id, at, gateway, reason, request_id, iss, sub, sub_hash, claims`;
const foundMax = 20;
/** So many of what is kept are looked at for a summary, the newest first. */
const summedMax = 20_000;
const gatewaysMax = 50;
const minuteMs = 60_000;

/** The kept refusals of a tenant, the newest first; `after` is the `next` of the page before. */
export async function listRefusals(
  database: Database,
  tenantId: string,
  query: RefusalQuery,
  page: { readonly after: RefusalCursor | undefined; readonly limit: number },
): Promise<Keyset<KeptRefusal>> {
  const { after, limit } = page;
  const behind = after === undefined ? sql`true` : sql`(at, id) < (${after.at}, ${after.id}::bigint)`;
  const rows = await database.once<Row>(
    tenantId,
    sql`SELECT ${columns} FROM refusal WHERE tenant_id = ${tenantId} AND ${matching(query)} AND ${behind} ORDER BY at DESC, id DESC LIMIT ${limit + 1}`,
  );
  const items = await withUsers(database, tenantId, rows.slice(0, limit));
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? `${last.at.getTime()}-${last.id}` : undefined };
}

/** The place of a refusal in the list, as `next` says it. */
export type RefusalCursor = { readonly at: Date; readonly id: number };

export function refusalCursor(text: string): RefusalCursor | undefined {
  const [, ms, id] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  return ms === undefined || id === undefined ? undefined : { at: new Date(Number(ms)), id: Number(id) };
}

/** What gateways told of one request, the newest first. */
export async function findRefusals(
  database: Database,
  tenantId: string,
  requestId: string,
): Promise<readonly KeptRefusal[]> {
  const rows = await database.once<Row>(
    tenantId,
    sql`SELECT ${columns} FROM refusal WHERE tenant_id = ${tenantId} AND request_id = ${requestId} ORDER BY at DESC, id DESC LIMIT ${foundMax}`,
  );
  return withUsers(database, tenantId, rows);
}

/** Two moments, and the present, which the later one may be. */
export type RefusalSpan = { readonly from: Date; readonly to: Date; readonly nowMs: number };

/** What was refused between two moments. */
export async function summarizeRefusals(
  database: Database,
  tenantId: string,
  span: RefusalSpan,
  samplesMax: number,
): Promise<RefusalSummary> {
  const { from, to } = span;
  const counts = await countWithin(database, tenantId, span);
  const byReason = Map.groupBy(counts, ({ reason }) => reason);
  const reasons = [...byReason]
    .map(([reason, rows]) => ({ reason, count: rows.reduce((sum, { count }) => sum + count, 0) }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
  const kept = sql`SELECT ${columns} FROM refusal WHERE tenant_id = ${tenantId} AND ${matching({ from, to })} ORDER BY at DESC, id DESC LIMIT ${summedMax}`;
  const [whole] = await database.once<{ subjects: number; gateways: string[] }>(
    tenantId,
    sql`SELECT count(DISTINCT (iss, coalesce(sub, encode(sub_hash, 'hex')))) FILTER (WHERE sub IS NOT NULL OR sub_hash IS NOT NULL) AS subjects,
        (array_agg(DISTINCT gateway))[1:${gatewaysMax}] AS gateways FROM (${kept}) AS kept`,
  );
  const rows = await database.once<Row & { count: number }>(
    tenantId,
    sql`SELECT ${columns}, count FROM (
        SELECT kept.*, count(*) OVER alike AS count, row_number() OVER (PARTITION BY reason, iss, sub, sub_hash ORDER BY at DESC, id DESC) AS place
        FROM (${kept}) AS kept WINDOW alike AS (PARTITION BY reason, iss, sub, sub_hash)
      ) AS ranked WHERE place = 1 ORDER BY count DESC, at DESC, id DESC LIMIT ${samplesMax}`,
  );
  const samples = await withUsers(database, tenantId, rows);
  return {
    total: reasons.reduce((sum, { count }) => sum + count, 0),
    reasons,
    subjects: whole?.subjects ?? 0,
    gateways: whole?.gateways ?? [],
    samples: samples.map((sample, at) => ({ ...sample, count: rows[at]?.count ?? 1 })),
  };
}

/**
 * How many refusals of each reason and minute there were between two moments. Of a minute that is within them in part
 * what is kept one by one tells; where more were counted than are kept, its part of the minute, as far as that has gone
 * by, is taken for theirs.
 */
async function countWithin(
  database: Database,
  tenantId: string,
  { from, to, nowMs }: RefusalSpan,
): Promise<readonly RefusalCount[]> {
  const counts = await countRefusals(database, tenantId, from, to);
  const overlap = (minute: Date): number =>
    Math.min(minute.getTime() + minuteMs, to.getTime()) - Math.max(minute.getTime(), from.getTime());
  if (counts.every(({ minute }) => overlap(minute) === minuteMs)) return counts;
  const kept = await database.once<{ minute: Date; reason: string; whole: number; within: number }>(
    tenantId,
    sql`SELECT date_bin('1 minute', at, 'epoch') AS minute, reason, count(*) AS whole, count(*) FILTER (WHERE ${matching({ from, to })}) AS within FROM refusal
      WHERE tenant_id = ${tenantId} AND (${inMinute(from)} OR ${inMinute(to)}) GROUP BY 1, 2`,
  );
  return counts.map(({ minute, reason, count }) => {
    if (overlap(minute) === minuteMs) return { minute, reason, count };
    const { whole = 0, within = 0 } =
      kept.find((row) => row.reason === reason && row.minute.getTime() === minute.getTime()) ?? {};
    const goneByMs = Math.min(minuteMs, Math.max(nowMs - minute.getTime(), overlap(minute)));
    const rest = Math.ceil((Math.max(0, count - whole) * overlap(minute)) / goneByMs);
    return { minute, reason, count: within + rest };
  });
}

function inMinute(at: Date): Sql {
  const begin = minuteOf(at);
  return sql`(at >= ${begin} AND at < ${new Date(begin.getTime() + minuteMs)})`;
}

/** The subject that a gateway of a hashed feed means; undefined where the application knows none of that hash. Costs a look at every subject of the issuer. */
export async function findHashedSubject(
  database: Database,
  tenantId: string,
  feedId: string,
  { iss, subHash }: { readonly iss: string; readonly subHash: Buffer },
): Promise<string | undefined> {
  const key = await readSubjectKey(database, feedId);
  const padded = Buffer.concat([key, Buffer.alloc(64 - key.length)]);
  // HMAC-SHA-256 (RFC 2104 §2) where the subjects are, so that a million of them need not travel.
  const [inner, outer] = [0x36, 0x5c].map((pad) => padded.map((byte) => byte ^ pad));
  const [row] = await database.once<{ sub: string }>(
    tenantId,
    sql`SELECT sub FROM identity WHERE tenant_id = ${tenantId} AND iss = ${iss}
      AND substring(sha256(${Buffer.from(outer ?? [])}::bytea || sha256(${Buffer.from(inner ?? [])}::bytea || convert_to(iss, 'UTF8') || '\\x00'::bytea || convert_to(sub_key, 'UTF8'))) FOR 16) = ${subHash}
      LIMIT 1`,
  );
  return row?.sub;
}

function matching({ from, to, reason, gateway }: RefusalQuery): Sql {
  const since = from === undefined ? sql`true` : sql`at >= ${from}`;
  const until = to === undefined ? sql`true` : sql`at < ${to}`;
  const why = reason === undefined ? sql`true` : sql`reason = ${reason}`;
  const where = gateway === undefined ? sql`true` : sql`gateway = ${gateway}`;
  return sql`${since} AND ${until} AND ${why} AND ${where}`;
}

async function withUsers(database: Database, tenantId: string, rows: readonly Row[]): Promise<readonly KeptRefusal[]> {
  const named = rows.flatMap(({ iss, sub }) => (iss === null || sub === null ? [] : [{ iss, sub }]));
  const found =
    named.length === 0
      ? []
      : await database.once<{ iss: string; sub: string; user_id: string }>(
          tenantId,
          sql`SELECT named.iss, named.sub, identity.user_id
            FROM unnest(${named.map(({ iss }) => iss)}::text[], ${named.map(({ sub }) => sub)}::text[], ${named.map(({ sub }) => foldCase(sub))}::text[]) AS named(iss, sub, folded)
            JOIN identity ON identity.tenant_id = ${tenantId} AND identity.iss = named.iss AND identity.sub_key IN (named.sub, named.folded)
            JOIN directory_user AS usr ON usr.id = identity.directory_user_id JOIN connection ON connection.id = usr.connection_id
            WHERE connection.subject_compare = 'casefold' OR identity.sub_key = named.sub`,
        );
  const users = new Map(found.map(({ iss, sub, user_id: userId }) => [JSON.stringify([iss, sub]), userId]));
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    gateway: row.gateway,
    reason: row.reason,
    requestId: row.request_id ?? undefined,
    iss: row.iss ?? undefined,
    sub: row.sub ?? undefined,
    subHash: row.sub_hash ?? undefined,
    claims: row.claims,
    userId: users.get(JSON.stringify([row.iss, row.sub])),
  }));
}
