import type { Database } from "./database.ts";
import { deleteInPieces } from "./delete-in-pieces.ts";
import { type Sql, sql } from "./sql.ts";

/** A refusal as a gateway tells of it, with what it knows of the bearer; never the token. */
export type ToldRefusal = {
  readonly at: Date;
  readonly reason: string;
  readonly requestId?: string | undefined;
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  /** In place of `sub`, by a gateway that follows a hashed feed. */
  readonly subHash?: Buffer | undefined;
  readonly claims?: readonly string[] | undefined;
};

export type RefusalCount = { readonly minute: Date; readonly reason: string; readonly count: number };

/** What one gateway refused: all of it counted, and some of it told one by one. */
export type RefusalBatch = {
  /** The gateway's own: a report that is sent again counts once. */
  readonly id: string;
  readonly gateway: string;
  /** At least as many of a minute and a reason as are told one by one. */
  readonly counts: readonly RefusalCount[];
  readonly refusals: readonly ToldRefusal[];
};

/** In a reason's place: refusals that a gateway could not report in time, so that nobody knows what they were. */
export const unreported = "unreported";

/** So many of one minute and reason are kept one by one, whoever reports them; the others are counted alone. */
export const refusalsKeptPerMinute = 60;
const keptMax = 200_000;
const keptDays = 7;
/** A gateway gives a report up long before. */
const batchHours = 6;

/** Counts what a gateway refused, and keeps as much of it as there is room for. A report that was taken before changes nothing. */
export async function recordRefusals(database: Database, tenantId: string, batch: RefusalBatch): Promise<void> {
  const { id, gateway, counts, refusals } = batch;
  const told = Map.groupBy(refusals, (refusal) => keyOf(minuteOf(refusal.at), refusal.reason));
  const said = refusals.map(({ at, reason, requestId, iss, sub, subHash, claims = [] }) => ({
    at,
    minute: minuteOf(at),
    reason,
    request_id: requestId,
    iss,
    sub,
    sub_hash: subHash?.toString("hex"),
    claims,
  }));
  await database.once(
    tenantId,
    sql`WITH fresh AS (
        INSERT INTO refusal_batch (tenant_id, id) VALUES (${tenantId}, ${id}) ON CONFLICT DO NOTHING RETURNING id
      ), counted AS (
        INSERT INTO refusal_count AS own (tenant_id, minute, reason, count, told)
        SELECT ${tenantId}::uuid, said.minute, said.reason, said.count, said.told
        FROM fresh, unnest(${counts.map(({ minute }) => minute)}::timestamptz[], ${counts.map(({ reason }) => reason)}::text[], ${counts.map(({ count }) => count)}::bigint[],
          ${counts.map(({ minute, reason }) => told.get(keyOf(minute, reason))?.length ?? 0)}::bigint[]) AS said(minute, reason, count, told)
        -- In one order for all, so that two never wait for each other.
        ORDER BY said.minute, said.reason
        ON CONFLICT (tenant_id, minute, reason) DO UPDATE SET count = own.count + excluded.count, told = own.told + excluded.told
        RETURNING minute, reason, told
      ), said AS (
        SELECT *, row_number() OVER alike AS place, count(*) OVER (PARTITION BY minute, reason) AS alike
        FROM jsonb_to_recordset(${JSON.stringify(said)}::jsonb)
          AS refused(at timestamptz, minute timestamptz, reason text, request_id text, iss text, sub text, sub_hash text, claims text[])
        WINDOW alike AS (PARTITION BY minute, reason ORDER BY at)
      )
      INSERT INTO refusal (tenant_id, at, gateway, reason, request_id, iss, sub, sub_hash, claims)
      SELECT ${tenantId}::uuid, said.at, ${gateway}::text, said.reason, said.request_id, said.iss, said.sub, decode(said.sub_hash, 'hex'), said.claims
      FROM said JOIN counted USING (minute, reason)
      WHERE counted.told - said.alike + said.place <= ${refusalsKeptPerMinute} ORDER BY said.at`,
  );
}

/**
 * How many refusals of each reason there were in each minute from the one of `since` on, kept one by one or
 * not; the oldest first. `unreported` stands for those that a gateway could not report in time.
 */
export async function countRefusals(
  database: Database,
  tenantId: string,
  since: Date,
  until?: Date,
): Promise<readonly RefusalCount[]> {
  return database.once<RefusalCount>(
    tenantId,
    sql`SELECT minute, reason, count FROM refusal_count
      WHERE tenant_id = ${tenantId} AND minute >= ${minuteOf(since)} AND ${before(until)} ORDER BY minute, reason`,
  );
}

/** The tenants of whose tokens something was refused, or was within the last days. */
export async function tenantsRefusing(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`SELECT DISTINCT tenant_id FROM refusal_count`);
  return rows.map(({ tenant_id: tenantId }) => tenantId);
}

/** Forgets what was refused a week ago, and the oldest of what is more than there is room for. Answers how many are gone. */
export async function trimRefusals(database: Database, tenantId: string, keptCountMax = keptMax): Promise<number> {
  await database.once(
    tenantId,
    sql`WITH counts AS (
        DELETE FROM refusal_count WHERE tenant_id = ${tenantId} AND minute < now() - ${keptDays} * interval '1 day'
      )
      DELETE FROM refusal_batch WHERE tenant_id = ${tenantId} AND received_at < now() - ${batchHours} * interval '1 hour'`,
  );
  return deleteInPieces(
    database,
    tenantId,
    (pieceMax) => sql`WITH excess AS (
          SELECT at, id FROM refusal WHERE tenant_id = ${tenantId} ORDER BY at DESC, id DESC OFFSET ${keptCountMax} LIMIT 1
        )
        DELETE FROM refusal WHERE id IN (
          SELECT id FROM refusal
          WHERE tenant_id = ${tenantId} AND (at < now() - ${keptDays} * interval '1 day' OR (at, id) <= (SELECT at, id FROM excess))
          ORDER BY at, id LIMIT ${pieceMax}
        ) RETURNING id`,
  );
}

/** The minute of a moment, as refusals are counted. */
export function minuteOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 60_000) * 60_000);
}

function before(until: Date | undefined): Sql {
  return until === undefined ? sql`true` : sql`minute < ${until}`;
}

function keyOf(minute: Date, reason: string): string {
  return `${minute.getTime()} ${reason}`;
}
