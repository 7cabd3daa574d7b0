/** What happened to a subject. The worker reads the subject's present state; the kind is for people and for urgency. */
export type EventKind =
  | "user.created"
  | "user.updated"
  | "user.activated"
  | "user.deactivated"
  | "user.deleted"
  | "user.resync"
  | "group.created"
  | "group.updated"
  | "group.deleted"
  | "group.resync"
  | "membership.added"
  | "membership.removed";

export type EventSource = "scim" | "resync" | "admin";
export type SubjectKind = "user" | "group";

/**
 * Whether an event may take access away. Such events are drained first, and the feed's `as_of`
 * waits for them. A resync is denying where the directory says the subject may not enter, which
 * the statement that writes it knows.
 */
export function isDenying(kind: EventKind): boolean {
  return kind === "user.deactivated" || kind === "user.deleted";
}

/** Names a change of a user's state from what was to what is; a new user who may not enter is denied at once. */
export function userEventKind(before: { readonly active: boolean } | undefined, after: { readonly active: boolean }): EventKind {
  if (before === undefined) return after.active ? "user.created" : "user.deactivated";
  if (before.active === after.active) return "user.updated";
  return after.active ? "user.activated" : "user.deactivated";
}

export const laneCount = 32;

/** The lane of a subject: the last byte of its id modulo 32. Ids end in random bits, so lanes fill evenly. */
export function laneOf(subjectId: string): number {
  return Number.parseInt(subjectId.slice(-2), 16) % laneCount;
}
