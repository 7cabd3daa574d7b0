import type { EventKind, SubjectKind } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

export type EventState = "waiting" | "applied" | "dead" | "dropped";

/** An accepted change and what has become of it. Whom it is about is told by ids alone. */
export type AdminEvent = {
  readonly id: number;
  readonly connectionId: string;
  readonly source: string;
  readonly kind: EventKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly lane: number;
  readonly state: EventState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly occurredAt: Date | null;
  readonly acceptedAt: Date;
  readonly nextAttemptAt: Date | null;
  readonly appliedAt: Date | null;
  readonly deadAt: Date | null;
};

/** One of them with where its subject stands now. */
export type AdminEventShown = AdminEvent & {
  readonly sourceEventId: string;
  /** How many events of its lane go before it; undefined where it does not wait. */
  readonly ahead: number | undefined;
  /** The directory's version of its subject, and the one that the user store shows. */
  readonly version: number | null;
  readonly appliedVersion: number | null;
};

export type EventQuery = {
  readonly connectionId?: string | undefined;
  readonly kind?: EventKind | undefined;
  readonly subjectId?: string | undefined;
  readonly state?: "waiting" | "applied" | "dead" | undefined;
};

/** Where a page ends: a moment to the microsecond, as PostgreSQL writes it, and an id. */
export type EventPlace = { readonly at: string; readonly id: number };

type PlacedRow = AdminEvent & { readonly place: string; readonly found: boolean };

/** So many events are looked at for one page: a filter that finds little costs no more than one that finds much. */
const windowMax = 5_000;

const columns = sql`id, connection_id AS "connectionId", source, kind, subject_kind AS "subjectKind", subject_id AS "subjectId", denying, lane,
  CASE WHEN applied_at IS NOT NULL THEN 'applied' WHEN dropped_at IS NOT NULL THEN 'dropped' WHEN dead_at IS NOT NULL THEN 'dead' ELSE 'waiting' END AS state,
  attempts, last_error AS "lastError", occurred_at AS "occurredAt", accepted_at AS "acceptedAt", next_attempt_at AS "nextAttemptAt",
  applied_at AS "appliedAt", dead_at AS "deadAt"`;

/**
 * What was accepted, the newest first. A page looks at so many events and no more, so that each costs
 * the same wherever it is: with a filter it may hold fewer than were asked for, even none, and where
 * there is a `next` there may be more.
 */
export async function listEvents(
  database: Database,
  tenantId: string,
  query: EventQuery,
  page: { readonly after: EventPlace | undefined; readonly limit: number },
): Promise<{ readonly items: readonly AdminEvent[]; readonly next: EventPlace | undefined }> {
  const { after, limit } = page;
  const before =
    after === undefined
      ? sql``
      : sql` AND accepted_at <= ${after.at}::timestamptz AND (accepted_at, id) < (${after.at}::timestamptz, ${after.id}::bigint)`;
  const rows = await database.once<PlacedRow>(
    tenantId,
    sql`
    WITH looked AS (
      SELECT * FROM lifecycle_event WHERE tenant_id = ${tenantId} AND ${within(query)}${before} ORDER BY accepted_at DESC, id DESC LIMIT ${windowMax}
    ), found AS (
      SELECT true AS found, ${columns}, accepted_at::text AS place FROM looked WHERE ${matching(query)} ORDER BY accepted_at DESC, id DESC LIMIT ${limit + 1}
    ), last AS (
      SELECT false AS found, ${columns}, accepted_at::text AS place FROM looked WHERE (SELECT count(*) FROM looked) = ${windowMax} ORDER BY accepted_at, id LIMIT 1
    )
    SELECT * FROM found UNION ALL SELECT * FROM last ORDER BY found DESC, "acceptedAt" DESC, id DESC`,
  );
  const found = rows.filter((row) => row.found);
  const items = found.slice(0, limit);
  const last = found.length > limit ? items.at(-1) : rows.find((row) => !row.found);
  return { items: items.map(toEvent), next: last && { at: last.place, id: last.id } };
}

/** The part of the events that an index leads through in the order of the list. */
function within({ subjectId, state }: EventQuery): Sql {
  if (subjectId !== undefined) return sql`subject_id = ${subjectId}`;
  return state === "waiting" || state === "dead" ? sql`applied_at IS NULL` : sql`true`;
}

function matching({ connectionId, kind, subjectId, state }: EventQuery): Sql {
  const states = {
    waiting: sql`applied_at IS NULL AND dead_at IS NULL`,
    applied: sql`applied_at IS NOT NULL`,
    dead: sql`dead_at IS NOT NULL AND dropped_at IS NULL AND applied_at IS NULL`,
  };
  return sql`${state === undefined ? sql`true` : states[state]}
    AND (${connectionId ?? null}::uuid IS NULL OR connection_id = ${connectionId ?? null}::uuid)
    AND (${kind ?? null}::text IS NULL OR kind = ${kind ?? null}::text)
    AND (${subjectId ?? null}::uuid IS NULL OR subject_id = ${subjectId ?? null}::uuid)`;
}

function toEvent({ place: _place, found: _found, ...event }: PlacedRow): AdminEvent {
  return event;
}

/** One event, and how far it is from being applied. */
export async function findEvent(
  database: Database,
  tenantId: string,
  id: number,
): Promise<AdminEventShown | undefined> {
  const [row] = await database.once<Omit<AdminEventShown, "ahead"> & { ahead: number | null }>(
    tenantId,
    sql`SELECT ${columns}, source_event_id AS "sourceEventId",
        coalesce((SELECT version FROM directory_user WHERE id = own.subject_id), (SELECT version FROM directory_group WHERE id = own.subject_id)) AS version,
        coalesce((SELECT applied_version FROM link WHERE directory_user_id = own.subject_id), (SELECT applied_version FROM app_group WHERE id = own.subject_id)) AS "appliedVersion",
        CASE WHEN applied_at IS NULL AND dead_at IS NULL THEN (
          SELECT count(*) FROM lifecycle_event AS earlier
          WHERE earlier.lane = own.lane AND earlier.applied_at IS NULL AND earlier.dead_at IS NULL AND (earlier.denying > own.denying OR (earlier.denying = own.denying AND earlier.id < own.id))
        ) END AS ahead
      FROM lifecycle_event AS own WHERE own.id = ${id}`,
  );
  return row && { ...row, ahead: row.ahead ?? undefined };
}
