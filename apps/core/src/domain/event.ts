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

/** Which way it came in: by SCIM, by a source's hook, from a provider that was asked, … */
export type EventSource = "scim" | "hook" | "provider" | "resync" | "admin" | "nesting" | "token" | "canary";
export type SubjectKind = "user" | "group";

/**
 * Whether an event took access away from somebody who had it, so that tokens issued before it are
 * dead. Such events, and those of subjects who may not enter, are denying: drained first, and what
 * the feed's `as_of` waits for. The statement that writes an event knows which it is.
 */
export function takesAccess(kind: EventKind): boolean {
  return kind === "user.deactivated" || kind === "user.deleted";
}
