import type { JSONWebKeySet } from "jose";
import type { Decision } from "./decision.ts";

export type IssuerOptions = {
  /** Compared byte by byte with the token's `iss`. */
  readonly issuer: string;
  /** What `aud` must contain one of; `"any"` gives the check up, and has to be said. */
  readonly audience: string | readonly string[];
  /** Neither this nor `jwks`: found by discovery (OpenID Connect Discovery 1.0 §4). */
  readonly jwksUrl?: string | undefined;
  readonly jwks?: JSONWebKeySet | undefined;
  readonly algorithms?: readonly string[] | undefined;
  /** Allowed `typ` headers, letter case aside; `undefined` in the list allows a token without one. */
  readonly types?: readonly (string | undefined)[] | undefined;
  readonly subjectClaim?: string | undefined;
  readonly tenantClaim?: string | undefined;
  /** The tenant the claim must name; without `tenantClaim`, the tenant of all the issuer's tokens. */
  readonly tenant?: string | undefined;
  readonly subjectFormat?: RegExp | undefined;
  /** As the connection's subject rule compares; `casefold` where subjects are e-mail addresses or names. */
  readonly subjectCompare?: "exact" | "casefold" | undefined;
  /** At most 60; lengthens `exp` and `nbf`, never a revocation. */
  readonly clockToleranceSec?: number | undefined;
};

export type FeedOptions = {
  /** As in `https://rollcall.example/v1/feeds/acme`. */
  readonly url: string;
  readonly token: string;
  /** The name this gateway's receipts carry. */
  readonly gateway: string;
  /** A file of this process alone; with `keys` pinned, a restart needs no network. */
  readonly persistPath?: string | undefined;
  /** Pinned signing keys; otherwise those at `/.well-known/jwks.json` of the feed's origin. */
  readonly keys?: JSONWebKeySet | undefined;
  readonly waitSec?: number | undefined;
};

export type ResolveOptions = {
  /** As in `https://rollcall.example/v1/resolve`. */
  readonly url: string;
  readonly token: string;
  readonly timeoutMs?: number | undefined;
  /** How long an `active` answer may be used; it carries groups, which the feed does not. */
  readonly rememberSec?: number | undefined;
};

export type StaleChoice = "deny" | "allow" | "resolve";
export type UnknownChoice = "allow" | "resolve";
export type GuardRequest = { readonly route?: string | undefined };

export type GuardOptions = {
  readonly issuers: readonly IssuerOptions[];
  readonly feed: FeedOptions;
  /** What to do while the feed is too old to decide by. There is no default. */
  readonly stale: StaleChoice | ((route: string | undefined) => StaleChoice);
  /** Whether to ask Rollcall about a subject seen for the first time. There is no default. */
  readonly unknown: UnknownChoice;
  readonly resolve?: ResolveOptions | undefined;
  readonly onDecision?: ((decision: Decision, request: GuardRequest) => void) | undefined;
  readonly onError?: ((error: Error) => void) | undefined;
  readonly now?: (() => number) | undefined;
};

/** Names everything that is wrong with the options, not only the first. */
export class GuardConfigError extends Error {
  override readonly name = "GuardConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the guard cannot start:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
    this.problems = problems;
  }
}
