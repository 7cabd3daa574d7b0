import type { JsonObject } from "./directory.ts";

/** What an identity provider calls one of its users. The id is the strong name: it is never given to anybody else. */
export type SubjectNames = {
  /** The provider's own id, as in Okta's `00u…` or Entra's object id. */
  readonly id?: string | undefined;
  readonly userName?: string | undefined;
  readonly email?: string | undefined;
  /** What a token calls them. */
  readonly token?: { readonly iss: string; readonly sub: string } | undefined;
};

/**
 * What a source says has happened, in the words that all sources share.
 *
 * - `disabled`, `deleted`: access was taken away;
 * - `enabled`, `created`, `changed`: somebody may enter, or is described otherwise;
 * - `sessions_ended`: what was issued until then is dead, and nothing is denied.
 */
export type SourceEventKind = "created" | "changed" | "enabled" | "disabled" | "deleted" | "sessions_ended";

/** One event of one source, verified and read. */
export type SourceEvent = {
  /** The sender's own id for it, the same however often it is sent: the idempotency key within its source. */
  readonly id: string;
  readonly kind: SourceEventKind;
  readonly subject: SubjectNames;
  /** When it happened at the sender; undefined where the sender does not say. */
  readonly occurredAt: Date | undefined;
  /** SCIM attributes that it states, of any number; undefined where it carries no state (a ping). */
  readonly attributes?: JsonObject | undefined;
  /** For `sessions_ended`: the one session, where it names one. */
  readonly session?: string | undefined;
};
