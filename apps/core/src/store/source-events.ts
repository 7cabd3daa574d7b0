import type { SourceEvent, SourceOutcome } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { deleteInPieces } from "./delete-in-pieces.ts";
import { type Sql, sql } from "./sql.ts";

/** What a source has said, and what came of it. */
export type NotedEvent = {
  readonly id: string;
  readonly kind: SourceEvent["kind"];
  readonly outcome: SourceOutcome | "conflict";
  readonly subjectId: string | null;
  readonly occurredAt: Date | null;
  readonly acceptedAt: Date;
};

/** A sender that repeats itself does so within days; whoever comes later than this is not repeating. */
const retentionDays = 30;

/**
 * Notes an event before it is looked at. `again` is what was noted before, word for word; `other` has
 * the same id and says something else.
 */
export async function noteSourceEvent(
  transaction: Transaction,
  tenantId: string,
  sourceId: string,
  event: SourceEvent,
  payloadHash: Buffer,
): Promise<"new" | "again" | "other"> {
  const [inserted] = await transaction.query(sql`
    INSERT INTO source_event (source_id, event_id, tenant_id, payload_hash, kind, outcome, occurred_at)
    VALUES (${sourceId}, ${event.id}, ${tenantId}, ${payloadHash}, ${event.kind}, 'unchanged', ${event.occurredAt ?? null})
    ON CONFLICT DO NOTHING RETURNING event_id`);
  if (inserted !== undefined) return "new";
  const [held] = await transaction.query<{ payload_hash: Buffer }>(
    sql`SELECT payload_hash FROM source_event WHERE source_id = ${sourceId} AND event_id = ${event.id}`,
  );
  return held?.payload_hash.equals(payloadHash) === true ? "again" : "other";
}

export async function settleSourceEvent(
  transaction: Transaction,
  sourceId: string,
  eventId: string,
  outcome: NotedEvent["outcome"],
  subjectId: string | undefined,
): Promise<void> {
  await transaction.query(sql`
    UPDATE source_event SET outcome = ${outcome}, subject_id = ${subjectId ?? null}
    WHERE source_id = ${sourceId} AND event_id = ${eventId}`);
}

/** Where a page ends: a moment to the microsecond, as PostgreSQL writes it, and the sender's id, for a delivery may bring many at one moment. */
export type SourceEventPlace = { readonly at: string; readonly id: string };

/** The newest first, behind a place, or older than a moment. */
export async function listSourceEvents(
  database: Database,
  tenantId: string,
  sourceId: string,
  after: SourceEventPlace | Date | undefined,
  limit: number,
): Promise<{ readonly items: readonly NotedEvent[]; readonly next: SourceEventPlace | undefined }> {
  const rows = await database.once<NotedEvent & { place: string }>(
    tenantId,
    sql`SELECT event_id AS id, kind, outcome, subject_id AS "subjectId", occurred_at AS "occurredAt", accepted_at AS "acceptedAt", accepted_at::text AS place
      FROM source_event
      WHERE tenant_id = ${tenantId} AND source_id = ${sourceId} AND ${behind(after)}
      ORDER BY accepted_at DESC, event_id DESC LIMIT ${limit + 1}`,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(({ place: _place, ...event }) => event),
    next: last && { at: last.place, id: last.id },
  };
}

function behind(after: SourceEventPlace | Date | undefined): Sql {
  if (after === undefined) return sql`true`;
  return after instanceof Date
    ? sql`accepted_at < ${after}`
    : sql`accepted_at <= ${after.at}::timestamptz AND (accepted_at, event_id) < (${after.at}::timestamptz, ${after.id})`;
}

/** The tenants whose sources said something longer ago than anybody repeats it. */
export async function tenantsWithOldSourceEvents(database: Database): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`
    SELECT id AS tenant_id FROM tenant
    WHERE EXISTS (SELECT FROM source_event WHERE tenant_id = tenant.id AND accepted_at < now() - ${retentionDays} * interval '1 day')`);
  return rows.map((row) => row.tenant_id);
}

/** Forgets them, piece by piece until none is left; first what nobody came for, which is found by them. */
export async function trimSourceEvents(database: Database, tenantId: string): Promise<void> {
  await trimOld(database, tenantId, sql`parked_event`, sql`received_at`);
  await trimOld(database, tenantId, sql`source_event`, sql`accepted_at`);
}

async function trimOld(database: Database, tenantId: string, table: Sql, at: Sql): Promise<void> {
  await deleteInPieces(
    database,
    tenantId,
    (pieceMax) => sql`DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM ${table} WHERE tenant_id = ${tenantId} AND ${at} < now() - ${retentionDays} * interval '1 day' LIMIT ${pieceMax}))
        RETURNING tenant_id`,
  );
}
