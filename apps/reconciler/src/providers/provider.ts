import type { GroupAttributes, SubjectNames, UserAttributes } from "@rollcall/core/domain";
import type { Progress } from "./listing.ts";

/** A user as their provider describes them now, in SCIM's terms; `externalId` is the provider's own id. */
export type ProviderUser = { readonly id: string; readonly attributes: UserAttributes };

/** A group with the providers' ids of who is in it directly. */
export type ProviderGroup = {
  readonly id: string;
  readonly attributes: GroupAttributes;
  readonly members: readonly string[];
};

/**
 * What has changed since a mark. `deleted` names whom the provider says it has deleted, and `unread` of whom what it
 * says cannot be read: they are to be asked about, and keep nobody else's change waiting.
 */
export type ProviderChanges = {
  readonly users: readonly ProviderUser[];
  readonly deleted: readonly string[];
  readonly unread: readonly string[];
  /** Where the next question goes on. */
  readonly mark: string;
};

/**
 * Asks one identity provider about its users. Every answer is a proof or a failure: whoever is told
 * "undefined" may deny on it, so doubt throws `ProviderFailure`.
 */
export type Provider = {
  /** The user now; undefined where the provider says that there is none. */
  readUser(names: SubjectNames, signal: AbortSignal): Promise<ProviderUser | undefined>;
  /** Every user, page by page. Ends without a failure only where the listing was complete. */
  listUsers(signal: AbortSignal, progress?: Progress): AsyncIterable<readonly ProviderUser[]>;
  /** The same of groups; left out by providers that have none. */
  readonly listGroups?: (signal: AbortSignal, progress?: Progress) => AsyncIterable<readonly ProviderGroup[]>;
  /** What changed since the mark, or since now where there is none; left out by providers that cannot say. */
  readonly changesSince?: (mark: string | undefined, signal: AbortSignal) => Promise<ProviderChanges>;
};

/**
 * - `unreachable`, `throttled`, `interrupted` pass;
 * - `incomplete` passes where people came and went while they were listed, and else waits for a person;
 * - `expired`: the mark is too old to go on from. Take a new one, list everybody, go on from it;
 * - the others wait for a person.
 */
export type ProviderFailureReason =
  | "unreachable"
  | "throttled"
  | "interrupted"
  | "unauthenticated"
  | "forbidden"
  | "incomplete"
  | "malformed"
  | "expired";

/** Why a provider could not be asked, or could not be believed. */
export class ProviderFailure extends Error {
  override readonly name = "ProviderFailure";

  readonly reason: ProviderFailureReason;
  /** How long it asked to be left alone, in seconds. */
  readonly retryAfterSec: number | undefined;

  /** The message holds nothing that the provider has said in free text: that may be a secret or somebody's name. */
  constructor(reason: ProviderFailureReason, message: string, retryAfterSec?: number) {
    super(message);
    this.reason = reason;
    this.retryAfterSec = retryAfterSec;
  }
}

/** Whoever asked has ended it. */
export function interrupted(): ProviderFailure {
  return new ProviderFailure("interrupted", "the question was ended before its answer came");
}
