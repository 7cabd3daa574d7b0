import type { EventKind, SubjectKind } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { appliedAndNoted } from "./lag-samples.ts";
import { type Sql, sql } from "./sql.ts";

/** An accepted event that waits to be applied. */
export type WaitingEvent = {
  readonly id: number;
  readonly kind: EventKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly acceptedAt: Date;
  readonly occurredAt: Date | null;
  readonly attempts: number;
};

type EventRow = {
  id: number;
  kind: EventKind;
  subject_kind: SubjectKind;
  subject_id: string;
  denying: boolean;
  accepted_at: Date;
  occurred_at: Date | null;
  attempts: number;
};

const waiting = sql`applied_at IS NULL AND dead_at IS NULL`;
const due = sql`(next_attempt_at IS NULL OR next_attempt_at <= now())`;
const columns = sql`id, kind, subject_kind, subject_id, denying, accepted_at, occurred_at, attempts`;

export const laneCount = 32;

/** The lanes with events older than `ageMs` that nobody has applied: what a lost wake-up leaves behind. */
export async function lanesWaiting(database: Database, ageMs: number): Promise<readonly number[]> {
  const rows = await database.house<{ lane: number }>(sql`
    SELECT lane FROM generate_series(0, ${laneCount - 1}::int) AS lane
    WHERE EXISTS (SELECT FROM lifecycle_event WHERE lifecycle_event.lane = lane.lane AND ${waiting} AND ${due}
      AND accepted_at < now() - ${ageMs} * interval '1 millisecond')`);
  return rows.map((row) => row.lane);
}

/** The tenants with work in a lane, those with a waiting denial first. */
export async function tenantsWaiting(database: Database, lane: number): Promise<readonly string[]> {
  const rows = await database.house<{ tenant_id: string }>(sql`
    SELECT tenant_id FROM (
      SELECT tenant_id, denying, id FROM lifecycle_event WHERE lane = ${lane} AND ${waiting} AND ${due} ORDER BY denying DESC, id LIMIT 5000
    ) AS head
    GROUP BY tenant_id ORDER BY bool_or(denying) DESC, min(id)`);
  return rows.map((row) => row.tenant_id);
}

/** The tenants whose denials wait, in whichever lane. */
export async function denialsWaiting(database: Database): Promise<readonly string[]> {
  // From tenant to tenant, so that however much waits of one hides nobody else's.
  const rows = await database.house<{ tenant_id: string }>(sql`
    WITH RECURSIVE head AS (
      (SELECT tenant_id FROM lifecycle_event WHERE denying AND ${waiting} ORDER BY tenant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT event.tenant_id FROM lifecycle_event AS event WHERE event.tenant_id > head.tenant_id AND denying AND ${waiting} ORDER BY event.tenant_id LIMIT 1)
      FROM head WHERE head.tenant_id IS NOT NULL
    )
    SELECT tenant_id FROM head WHERE EXISTS (
      SELECT FROM lifecycle_event AS event WHERE event.tenant_id = head.tenant_id AND denying AND ${waiting} AND ${due})`);
  return rows.map((row) => row.tenant_id);
}

/** Locks the next events of a lane, denials first. Events that another worker holds are left to it. */
export function takeLane(transaction: Transaction, lane: number, limit: number): Promise<readonly WaitingEvent[]> {
  return take(transaction, sql`lane = ${lane} AND ${due} ORDER BY denying DESC, id LIMIT ${limit}`);
}

/** The same of the tenant's denials in all lanes. */
export function takeDenials(transaction: Transaction, limit: number): Promise<readonly WaitingEvent[]> {
  return take(transaction, sql`denying AND ${due} ORDER BY accepted_at, id LIMIT ${limit}`);
}

/** Locks those of the named events that still wait. */
export function takeEvents(transaction: Transaction, ids: readonly number[]): Promise<readonly WaitingEvent[]> {
  return take(transaction, sql`id = ANY(${ids}::bigint[]) ORDER BY denying DESC, id`);
}

async function take(transaction: Transaction, which: Sql): Promise<readonly WaitingEvent[]> {
  const rows = await transaction.query<EventRow>(
    sql`SELECT ${columns} FROM lifecycle_event WHERE ${waiting} AND ${which} FOR UPDATE SKIP LOCKED`,
  );
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    denying: row.denying,
    acceptedAt: row.accepted_at,
    occurredAt: row.occurred_at,
    attempts: row.attempts,
  }));
}

export async function markApplied(transaction: Transaction, ids: readonly number[]): Promise<void> {
  await transaction.query(appliedAndNoted(ids));
}

/** Puts failed events back for later; the reason names the fault, never the data. */
export async function markFailed(
  database: Database,
  tenantId: string,
  ids: readonly number[],
  reason: string,
  retryMs: number,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE lifecycle_event
      SET attempts = attempts + 1, last_error = ${reason}, next_attempt_at = now() + ${retryMs} * interval '1 millisecond'
      WHERE id = ANY(${ids}::bigint[]) AND ${waiting}`,
  );
}

/** Gives events up, with an alert for a person; nothing is deleted, and a resync takes the subject up again. */
export async function markDead(
  database: Database,
  tenantId: string,
  subjectId: string,
  ids: readonly number[],
  reason: string,
  alertId: string,
): Promise<void> {
  await database.once(
    tenantId,
    sql`WITH dead AS (
        UPDATE lifecycle_event SET attempts = attempts + 1, last_error = ${reason}, dead_at = now()
        WHERE id = ANY(${ids}::bigint[]) AND ${waiting}
        RETURNING id
      )
      INSERT INTO alert (id, tenant_id, kind, subject_id, detail)
      SELECT ${alertId}, ${tenantId}, 'dead_letter', ${subjectId}, jsonb_build_object('reason', ${reason}::text, 'events', jsonb_agg(id))
      FROM dead HAVING count(*) > 0`,
  );
}
