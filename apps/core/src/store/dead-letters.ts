import { DirectoryError, type EventKind, type SubjectKind, supersedes } from "../domain/index.ts";
import type { Act } from "./admin-denials.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { firstOf } from "./index-condition.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesBefore } from "./keyset-place.ts";

/** An event that was given up, with the fault and none of the data. */
export type DeadLetter = {
  readonly id: number;
  readonly connectionId: string;
  readonly kind: EventKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  /** It may take access away, so its subject is denied until it is applied. */
  readonly denying: boolean;
  readonly attempts: number;
  readonly reason: string | null;
  readonly acceptedAt: Date;
  readonly deadAt: Date;
  /** `superseded` where a later event of the subject has brought all that this one would have brought. */
  readonly state: "open" | "superseded" | "dropped";
};

/** And what stands against its subject now. */
export type DeadLetterShown = DeadLetter & { readonly source: string; readonly denials: readonly string[] };

export type Replayed = {
  readonly id: number;
  /** `waiting` for a worker, or `applied` where one has been there already. */
  readonly state: "waiting" | "applied";
  readonly changed: boolean;
  readonly lanes: readonly number[];
};

type Row = Omit<DeadLetter, "state"> & { readonly droppedAt: Date | null; readonly applied: readonly EventKind[] };

const columns = sql`event.id, event.connection_id AS "connectionId", event.kind, event.subject_kind AS "subjectKind", event.subject_id AS "subjectId", event.denying,
  event.attempts, event.last_error AS reason, event.accepted_at AS "acceptedAt", event.dead_at AS "deadAt", event.dropped_at AS "droppedAt",
  ARRAY(SELECT DISTINCT later.kind FROM lifecycle_event AS later WHERE later.subject_id = event.subject_id AND later.applied_at > event.dead_at) AS applied`;

/** Those that nobody has dropped, the newest event first. */
export async function listDeadLetters(
  database: Database,
  tenantId: string,
  page: KeysetRequest,
): Promise<Keyset<DeadLetter>> {
  const after = page.after === undefined ? null : Number(page.after);
  const rows = await database.once<Row>(
    tenantId,
    sql`SELECT ${columns} FROM lifecycle_event AS event
      WHERE event.tenant_id = ${tenantId} AND event.dead_at IS NOT NULL AND event.dropped_at IS NULL AND ${placesBefore(sql`event.id`, after)}
      ORDER BY event.id DESC LIMIT ${page.limit + 1}`,
  );
  return keyset(rows.map(toLetter), page.limit, ({ id }) => String(id));
}

/** One of them, dropped or not. */
export async function findDeadLetter(
  database: Database,
  tenantId: string,
  id: number,
): Promise<DeadLetterShown | undefined> {
  const [row] = await database.once<Row & { source: string; denials: string[] }>(
    tenantId,
    sql`SELECT ${columns}, event.source,
        ARRAY(SELECT DISTINCT reason FROM denial WHERE denial.user_id = ${firstOf(sql`tie.user_id`, sql`event.subject_id`)} ORDER BY reason) AS denials
      FROM lifecycle_event AS event LEFT JOIN link AS tie ON tie.directory_user_id = event.subject_id
      WHERE event.id = ${id} AND event.dead_at IS NOT NULL`,
  );
  return row && { ...toLetter(row), source: row.source, denials: row.denials };
}

/**
 * Has the workers try an event again that was given up, by the way that every event goes. Done twice,
 * it is done once. Throws `not_found`.
 */
export async function replayDeadLetter(database: Database, tenantId: string, id: number, act: Act): Promise<Replayed> {
  return database.inTenant(tenantId, async (transaction) => {
    const event = await lockEvent(transaction, id);
    // What never failed is no dead letter; what did may have been replayed a moment ago.
    if (event === undefined || (event.deadAt === null && event.reason === null)) throw noLetter();
    if (event.deadAt === null)
      return { id, state: event.appliedAt === null ? "waiting" : "applied", changed: false, lanes: [] };
    // One attempt is behind it: the feed's as_of waits for denials that nobody has tried, and this one
    // has closed the door long ago. As untried, it would blind every gateway at once.
    await transaction.query(sql`
      UPDATE lifecycle_event SET dead_at = NULL, dropped_at = NULL, attempts = 1, next_attempt_at = NULL WHERE id = ${id}`);
    await settleAlerts(transaction, [event.subjectId]);
    await record(transaction, tenantId, "deadletter.replay", event, act);
    return { id, state: "waiting", changed: true, lanes: [event.lane] };
  });
}

/**
 * Puts a dead letter aside for good. It changes nobody: what its failing has denied stays denied until
 * an event of the subject is applied. One that may take access away is dropped only where that is
 * said. Throws `not_found`, `value_invalid`.
 */
export async function dropDeadLetter(
  database: Database,
  tenantId: string,
  id: number,
  drop: Act & { readonly note: string; readonly isDenial: boolean },
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    const event = await lockEvent(transaction, id);
    if (event === undefined || event.deadAt === null) throw noLetter();
    if (event.denying && !drop.isDenial)
      throw new DirectoryError(
        "value_invalid",
        "denial: the event may take access away: say true to drop it all the same; its subject stays denied",
      );
    if (event.droppedAt !== null) return;
    await transaction.query(sql`UPDATE lifecycle_event SET dropped_at = ${drop.at} WHERE id = ${id}`);
    await settleAlerts(transaction, [event.subjectId]);
    await record(transaction, tenantId, "deadletter.drop", event, drop);
  });
}

/** Closes the alerts of dead letters that later events have superseded. */
export async function settleDeadLetters(database: Database): Promise<void> {
  const tenants = await database.house<{ tenant_id: string }>(
    sql`SELECT DISTINCT tenant_id FROM alert WHERE kind = 'dead_letter' AND resolved_at IS NULL`,
  );
  for (const { tenant_id: tenantId } of tenants)
    await database.inTenant(tenantId, async (transaction) => {
      const open = await transaction.query<{ subject_id: string }>(sql`
        SELECT DISTINCT subject_id FROM alert
        WHERE tenant_id = ${tenantId} AND kind = 'dead_letter' AND resolved_at IS NULL AND subject_id IS NOT NULL ORDER BY subject_id LIMIT 1000`);
      await settleAlerts(
        transaction,
        open.map((alert) => alert.subject_id),
      );
    });
}

type EventRow = {
  readonly id: number;
  readonly kind: EventKind;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly lane: number;
  readonly reason: string | null;
  readonly appliedAt: Date | null;
  readonly deadAt: Date | null;
  readonly droppedAt: Date | null;
};

async function lockEvent(transaction: Transaction, id: number): Promise<EventRow | undefined> {
  const [row] = await transaction.query<EventRow>(sql`
    SELECT id, kind, subject_id AS "subjectId", denying, lane, last_error AS reason, applied_at AS "appliedAt", dead_at AS "deadAt", dropped_at AS "droppedAt"
    FROM lifecycle_event WHERE id = ${id} FOR UPDATE`);
  return row;
}

/** Closes the alerts of subjects none of whose dead letters is still open. */
async function settleAlerts(transaction: Transaction, subjectIds: readonly string[]): Promise<void> {
  const rows = await transaction.query<Row>(sql`
    SELECT ${columns} FROM lifecycle_event AS event
    WHERE event.subject_id = ANY(${subjectIds}::uuid[]) AND event.dead_at IS NOT NULL AND event.dropped_at IS NULL`);
  const open = new Set(rows.map(toLetter).flatMap(({ state, subjectId }) => (state === "open" ? [subjectId] : [])));
  const settled = subjectIds.filter((subjectId) => !open.has(subjectId));
  if (settled.length > 0) await transaction.query(closing(settled));
}

function closing(subjectIds: readonly string[]): Sql {
  return sql`UPDATE alert SET resolved_at = now() WHERE kind = 'dead_letter' AND resolved_at IS NULL AND subject_id = ANY(${subjectIds}::uuid[])`;
}

async function record(
  transaction: Transaction,
  tenantId: string,
  action: string,
  { id, kind, subjectId, denying }: EventRow,
  { actor, note }: Act,
): Promise<void> {
  const detail = { kind, subject: subjectId, denying, ...(note === undefined ? {} : { note }) };
  const after = { state: action === "deadletter.drop" ? "dropped" : "waiting" };
  await recordAudit(transaction, tenantId, {
    actor,
    action,
    target: String(id),
    before: { state: "dead" },
    after,
    detail,
  });
}

function toLetter({ droppedAt, applied, ...letter }: Row): DeadLetter {
  const isSuperseded = applied.some((kind) => supersedes(kind, letter.kind, letter.subjectKind));
  return { ...letter, state: droppedAt !== null ? "dropped" : isSuperseded ? "superseded" : "open" };
}

function noLetter(): DirectoryError {
  return new DirectoryError("not_found", "no such dead letter");
}
