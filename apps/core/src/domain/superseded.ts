import type { EventKind, SubjectKind } from "./event.ts";

/** Kinds after which a user's memberships may differ; the others cannot touch an edge. */
export const membershipKinds: ReadonlySet<EventKind> = new Set([
  "user.created",
  "user.deleted",
  "user.resync",
  "membership.added",
  "membership.removed",
]);

/**
 * Whether an event that was applied has done all that one of the same subject would have done that was
 * given up before it: the worker brings what the directory says at that moment, of which both are
 * part. Only what one kind brings and another does not is still missing.
 */
export function supersedes(applied: EventKind, given: EventKind, subjectKind: SubjectKind): boolean {
  // A group's move is passed on along its edges, and nothing else is.
  if (subjectKind === "group") return isMove(applied) === isMove(given);
  return membershipKinds.has(applied) || !membershipKinds.has(given);
}

function isMove(kind: EventKind): boolean {
  return kind === "membership.added" || kind === "membership.removed";
}
