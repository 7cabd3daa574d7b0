import type { Transaction } from "./database.ts";
import type { WaitingEvent } from "./inbox.ts";
import { firstOf } from "./index-condition.ts";
import { type Sql, sql } from "./sql.ts";

/** What a batch of group events leaves to do. */
export type Expansion = {
  /** Events that go on in another transaction. */
  readonly unfinished: readonly number[];
  /** The lanes of the events that were recorded. */
  readonly lanes: readonly number[];
};

/** Edges that one transaction follows: a group of any size is passed on in pieces of this one. */
const edgesMax = 2_000;

/**
 * Passes on to the members of groups what happened to their group, as one event for each: a user's
 * groups are those around its own, so it is converged like any other, and a group passes it on in
 * turn. That ends, in a circle too, and each subject hears once, because what comes of one change is
 * told apart by that change and the subject. Whoever comes or goes meanwhile has an event of its own.
 */
export async function expandGroups(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<Expansion> {
  const isMove = ({ kind }: WaitingEvent): boolean => kind === "membership.added" || kind === "membership.removed";
  const moved = events.filter(isMove);
  const changed = events.filter((event) => !isMove(event));
  const [followed, released] = await Promise.all([
    moved.length === 0 ? nothing : followEdges(transaction, tenantId, moved),
    changed.length === 0 ? nothing : releaseEdges(transaction, tenantId, changed),
  ]);
  return {
    unfinished: [...followed.unfinished, ...released.unfinished],
    lanes: [...new Set([...followed.lanes, ...released.lanes])],
  };
}

const nothing: Expansion = { unfinished: [], lanes: [] };

/** Follows a piece of each living group's edges, and notes in its event how far it came. */
async function followEdges(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<Expansion> {
  const pieceMax = Math.ceil(edgesMax / events.length);
  const [row] = await transaction.query<{ unfinished: number[]; lanes: number[] }>(sql`
    WITH cause AS (
      SELECT event.*, split_part(event.source_event_id, ':', 1) AS origin
      FROM lifecycle_event AS event JOIN directory_group AS grp ON grp.id = event.subject_id AND grp.deleted_at IS NULL
      WHERE event.id = ANY(${events.map(({ id }) => id)}::bigint[])
    ), edge AS (
      SELECT cause.id AS event_id, piece.* FROM cause CROSS JOIN LATERAL (
        SELECT member, member_id, kind FROM directory_member
        WHERE group_id = cause.subject_id AND kind IS NOT NULL AND member > ${firstOf(sql`cause.expanded_to`, sql`''`)}
        ORDER BY member LIMIT ${pieceMax}
      ) AS piece
    ), ${passedOn(tenantId, sql`edge`, sql`cause.kind`)}, moved AS (
      UPDATE lifecycle_event SET expanded_to = piece.last
      FROM (SELECT event_id, max(member) AS last FROM edge GROUP BY event_id HAVING count(*) = ${pieceMax}) AS piece
      WHERE lifecycle_event.id = piece.event_id
      RETURNING lifecycle_event.id
    )
    SELECT ARRAY(SELECT id::double precision FROM moved) AS unfinished, ARRAY(SELECT DISTINCT lane::int FROM passed) AS lanes`);
  return row ?? nothing;
}

/**
 * Lets a piece of the edges of deleted groups go. They stay until here, so that deleting a group costs
 * the sender nothing for its members, and that its end can still be passed on to them: where it has
 * ever been within another group, its members lose that one too. Where it has not, the end of the
 * application's group is all there is to do.
 */
async function releaseEdges(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<Expansion> {
  const [row] = await transaction.query<{ size: number; lanes: number[] }>(sql`
    WITH cause AS (
      -- Told apart by this event and not by its request, whose other events may have been applied before the group's end.
      SELECT DISTINCT ON (subject_id) *, id::text AS origin
      FROM lifecycle_event WHERE id = ANY(${events.map(({ id }) => id)}::bigint[]) ORDER BY subject_id, id
    ), dead AS MATERIALIZED (
      SELECT grp.id, cause.id AS event_id, EXISTS (
        SELECT FROM lifecycle_event AS moved WHERE moved.subject_id = grp.id AND moved.kind IN ('membership.added', 'membership.removed')
      ) AS was_nested
      FROM cause JOIN directory_group AS grp ON grp.id = cause.subject_id WHERE grp.deleted_at IS NOT NULL ORDER BY grp.id
    ), piece AS (
      SELECT edge.place FROM dead CROSS JOIN LATERAL (
        SELECT ctid AS place FROM directory_member WHERE group_id = dead.id ORDER BY member LIMIT ${edgesMax} FOR UPDATE
      ) AS edge LIMIT ${edgesMax}
    ), gone AS (
      DELETE FROM directory_member WHERE ctid = ANY(ARRAY(SELECT place FROM piece))
      RETURNING group_id, member_id, kind
    ), edge AS (
      SELECT dead.event_id, gone.* FROM gone JOIN dead ON dead.id = gone.group_id WHERE dead.was_nested AND gone.kind IS NOT NULL
    ), ${passedOn(tenantId, sql`edge`, sql`'membership.removed'`)}
    SELECT (SELECT count(*) FROM piece) AS size, ARRAY(SELECT DISTINCT lane::int FROM passed) AS lanes`);
  if (row === undefined) throw new Error("what was released was not counted");
  return { unfinished: row.size < edgesMax ? [] : events.map(({ id }) => id), lanes: row.lanes };
}

/** Accepted when the change was, so that lag says how long the last of its members has waited. */
function passedOn(tenantId: string, edges: Sql, kind: Sql): Sql {
  return sql`passed AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, accepted_at)
      SELECT DISTINCT ON (cause.connection_id, source_event_id) ${tenantId}::uuid, cause.connection_id, 'nesting',
        cause.origin || ':' || edge.member_id AS source_event_id, ${kind}, lower(edge.kind), edge.member_id, false,
        rollcall_lane(edge.member_id), cause.accepted_at
      FROM ${edges} AS edge JOIN cause ON cause.id = edge.event_id
      ORDER BY cause.connection_id, source_event_id
      ON CONFLICT DO NOTHING
      RETURNING lane
    )`;
}
