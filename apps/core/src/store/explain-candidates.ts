import {
  type Connection,
  type DenialFact,
  type EventKind,
  type ExplainCandidate,
  subjectOf,
  type TieFact,
  type UserAttributes,
} from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

type CandidateRow = {
  id: string;
  user_id: string;
  connection_id: string;
  user_name: string;
  external_id: string | null;
  attributes: UserAttributes;
  active: boolean;
  deleted_at: Date | null;
  version: number;
  applied_version: number;
  linked_at: Date | null;
  linked_by: string | null;
};

type EventRow = { subject_id: string; id: number; kind: EventKind; at: Date };
type WaitingRow = EventRow & { lane: number; attempts: number; ahead: number };
type DeadRow = EventRow & { reason: string | null };
type ChangedRow = { subject_id: string; at: Date };
type DriftRow = { subject_id: string; kind: string; foundAt: Date };
type DenialRow = { user_id: string; reason: string; since: Date; by: string | null };

type About = {
  readonly left: ReadonlyMap<string, EventRow>;
  readonly waiting: ReadonlyMap<string, WaitingRow>;
  readonly dead: ReadonlyMap<string, DeadRow>;
  readonly denials: ReadonlyMap<string, readonly DenialRow[]>;
  readonly changed: ReadonlyMap<string, ChangedRow>;
  readonly drift: ReadonlyMap<string, DriftRow>;
};

/** Directory users with everything that the checklist asks about each. */
export async function readCandidates(
  transaction: Transaction,
  connections: ReadonlyMap<string, Connection>,
  ids: readonly string[],
): Promise<readonly ExplainCandidate[]> {
  if (ids.length === 0) return [];
  const rows = await transaction.query<CandidateRow>(sql`
    SELECT usr.id, coalesce(link.user_id, usr.id) AS user_id, usr.connection_id, usr.user_name, usr.external_id, usr.attributes, usr.active, usr.deleted_at,
      usr.version, coalesce(link.applied_version, 0) AS applied_version, link.linked_at, link.linked_by
    FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id
    WHERE usr.id = ANY(${ids}::uuid[]) ORDER BY usr.id`);
  const about: About = {
    left: await readLeft(transaction, ids),
    waiting: await readWaiting(transaction, ids),
    dead: await readDead(transaction, ids),
    changed: await readChanged(transaction, ids),
    drift: await readDrift(
      transaction,
      rows.flatMap((row) => [row.id, row.user_id]),
    ),
    denials: await readDenials(
      transaction,
      rows.map((row) => row.user_id),
    ),
  };
  return rows.flatMap((row) => {
    const connection = connections.get(row.connection_id);
    return connection === undefined ? [] : [toCandidate(row, connection, about)];
  });
}

function toCandidate(
  row: CandidateRow,
  connection: Connection,
  { left, waiting, dead, denials, changed, drift }: About,
): ExplainCandidate {
  const changedAt = changed.get(row.id)?.at;
  const differs = drift.get(row.id) ?? drift.get(row.user_id);
  const waits = waiting.get(row.id);
  const gaveUp = dead.get(row.id);
  return {
    directoryUserId: row.id,
    userId: row.user_id,
    connection,
    subject: subjectOf(connection, row.user_id, row.attributes),
    userName: row.user_name,
    externalId: row.external_id ?? undefined,
    active: row.active,
    deletedAt: row.deleted_at ?? undefined,
    version: row.version,
    appliedVersion: row.applied_version,
    left: left.get(row.id),
    waiting: waits,
    dead: gaveUp && { ...gaveUp, reason: gaveUp.reason ?? "no reason was recorded" },
    denials: (denials.get(row.user_id) ?? []).map(toDenial),
    changedAt,
    // What was converged since may be well: the next comparison tells.
    drift: differs !== undefined && (changedAt === undefined || changedAt < differs.foundAt) ? differs : undefined,
    linked: toTie(row),
  };
}

/** What an admin tied by hand; undefined where nobody did. */
export function toTie(row: {
  readonly linked_at: Date | null;
  readonly linked_by: string | null;
}): TieFact | undefined {
  return row.linked_at === null ? undefined : { at: row.linked_at, by: row.linked_by ?? undefined };
}

function toDenial(row: DenialRow): DenialFact {
  return { reason: row.reason, since: row.since, by: row.by ?? undefined };
}

async function readLeft(transaction: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, EventRow>> {
  const rows = await transaction.query<EventRow>(sql`
    SELECT DISTINCT ON (subject_id) subject_id, id, kind, coalesce(occurred_at, accepted_at) AS at FROM lifecycle_event
    WHERE subject_id = ANY(${ids}::uuid[]) AND kind IN ('user.deactivated', 'user.deleted') ORDER BY subject_id, id DESC`);
  return bySubject(rows);
}

async function readWaiting(transaction: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, WaitingRow>> {
  const rows = await transaction.query<WaitingRow>(sql`
    SELECT DISTINCT ON (event.subject_id) event.subject_id, event.id, event.kind, event.accepted_at AS at, event.lane::int AS lane, event.attempts::int AS attempts,
      (SELECT count(*) FROM lifecycle_event AS other
        WHERE other.lane = event.lane AND other.applied_at IS NULL AND other.dead_at IS NULL
          AND (other.denying > event.denying OR (other.denying = event.denying AND other.id < event.id))) AS ahead
    FROM lifecycle_event AS event
    WHERE event.subject_id = ANY(${ids}::uuid[]) AND event.applied_at IS NULL AND event.dead_at IS NULL
    ORDER BY event.subject_id, event.id`);
  return bySubject(rows);
}

/** A subject's newest event where that one was given up; one that was applied since has healed it. */
async function readDead(transaction: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, DeadRow>> {
  const rows = await transaction.query<DeadRow>(sql`
    SELECT subject_id, id, kind, dead_at AS at, last_error AS reason FROM (
      SELECT DISTINCT ON (subject_id) subject_id, id, kind, dead_at, last_error FROM lifecycle_event
      WHERE subject_id = ANY(${ids}::uuid[]) AND (applied_at IS NOT NULL OR dead_at IS NOT NULL) ORDER BY subject_id, id DESC
    ) AS newest WHERE dead_at IS NOT NULL`);
  return bySubject(rows);
}

async function readChanged(transaction: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, ChangedRow>> {
  const rows = await transaction.query<ChangedRow>(sql`
    SELECT subject_id, max(applied_at) AS at FROM lifecycle_event
    WHERE subject_id = ANY(${ids}::uuid[]) AND applied_at IS NOT NULL GROUP BY subject_id`);
  return bySubject(rows);
}

/** What the last comparison found to differ, and nothing has healed since. */
async function readDrift(transaction: Transaction, ids: readonly string[]): Promise<ReadonlyMap<string, DriftRow>> {
  const rows = await transaction.query<DriftRow>(sql`
    SELECT DISTINCT ON (subject_id) subject_id, kind, found_at AS "foundAt" FROM drift
    WHERE subject_id = ANY(${ids}::uuid[]) AND healed_at IS NULL AND standing ORDER BY subject_id, id DESC`);
  return bySubject(rows);
}

async function readDenials(
  transaction: Transaction,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, readonly DenialRow[]>> {
  const rows = await transaction.query<DenialRow>(sql`
    SELECT user_id, reason, since,
      CASE WHEN reason LIKE 'admin%' THEN (
        SELECT actor FROM audit WHERE target = denial.user_id::text AND action = CASE reason WHEN 'admin_suspended' THEN 'user.suspend' ELSE 'revocation.deny' END
        ORDER BY id DESC LIMIT 1
      ) END AS by
    FROM denial WHERE user_id = ANY(${userIds}::uuid[]) ORDER BY since, reason`);
  return Map.groupBy(rows, (row) => row.user_id);
}

function bySubject<Row extends { readonly subject_id: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.subject_id, row]));
}
