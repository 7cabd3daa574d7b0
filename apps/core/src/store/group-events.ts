import type { EventKind, SubjectKind } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import type { Sender } from "./directory-store.ts";
import type { ChangedEdges } from "./membership-edges.ts";
import { sql } from "./sql.ts";

export type GroupEvent = { readonly kind: EventKind; readonly subjectKind: SubjectKind; readonly id: string };

/** One event for each user or group whose membership changed; for a group, the worker passes it on to whoever is in it. */
export function membershipEvents({ added, removed }: ChangedEdges): readonly GroupEvent[] {
  const eventsOf = (ends: ChangedEdges["added"], kind: EventKind): readonly GroupEvent[] =>
    ends.flatMap((end) =>
      end === undefined ? [] : [{ kind, subjectKind: end.kind === "User" ? "user" : "group", id: end.id }],
    );
  return [...eventsOf(added, "membership.added"), ...eventsOf(removed, "membership.removed")];
}

/** Records events in the transaction of the change, and answers the lanes that they wait in. */
export async function recordGroupEvents(
  transaction: Transaction,
  tenantId: string,
  sender: Sender,
  events: readonly GroupEvent[],
): Promise<readonly number[]> {
  if (events.length === 0) return [];
  const rows = await transaction.query<{ lane: number }>(sql`
    INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
    SELECT ${tenantId}, ${sender.connectionId}, ${sender.source ?? "scim"}::text, ${sender.requestId} || ':' || row_number() OVER (), event.kind, event.subject_kind, event.id, false, rollcall_lane(event.id)
    FROM unnest(${events.map((event) => event.kind)}::text[], ${events.map((event) => event.subjectKind)}::text[], ${events.map((event) => event.id)}::uuid[])
      AS event(kind, subject_kind, id)
    RETURNING lane`);
  return [...new Set(rows.map((row) => row.lane))];
}
