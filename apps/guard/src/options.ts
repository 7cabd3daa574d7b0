import type { JSONWebKeySet } from "jose";
import type { Decision } from "./decision.ts";
import type { FeedEvent } from "./following.ts";

/** Tells a service account by one of its token's claims. Use a claim that no person can choose. */
export type ServiceRule =
  | { readonly claim: string; readonly equals: string | number | boolean }
  | { readonly claim: string; readonly prefix: string }
  /** The token was issued to one of these clients, by `azp` or `client_id`. */
  | { readonly clientIds: readonly string[] };

export type IssuerOptions = {
  /**
   * Compared byte by byte with the token's `iss`. May be a template that names one claim, as in
   * `https://login.example/{tid}/v2.0`: each tenant has an issuer of its own, and the claim is the tenant.
   */
  readonly issuer: string;
  /** What `aud` must contain one of; `"any"` gives the check up, and has to be said. */
  readonly audience: string | readonly string[];
  /** Neither this nor `jwks`: found by discovery (OpenID Connect Discovery 1.0 §4). A template has to name one. */
  readonly jwksUrl?: string | undefined;
  readonly jwks?: JSONWebKeySet | undefined;
  /** The ids of keys that verify nothing, though the issuer publishes them: those that were stolen. */
  readonly refusedKeys?: readonly string[] | undefined;
  readonly algorithms?: readonly string[] | undefined;
  /** Allowed `typ` headers, letter case and a leading `application/` aside; `undefined` in the list allows a token without one. */
  readonly types?: readonly (string | undefined)[] | undefined;
  readonly subjectClaim?: string | undefined;
  readonly tenantClaim?: string | undefined;
  /** The tenant the claim must name; without `tenantClaim`, the tenant of all the issuer's tokens. */
  readonly tenant?: string | undefined;
  /** The tenants the claim may name. A template has to say them, or `"any"`. */
  readonly tenants?: readonly string[] | "any" | undefined;
  readonly subjectFormat?: RegExp | undefined;
  /** As the connection's subject rule compares; `casefold` where subjects are e-mail addresses or names. */
  readonly subjectCompare?: "exact" | "casefold" | undefined;
  /** A token that one of these tells is a service account's: revocations hold for it, and it is never looked up as a person. */
  readonly services?: readonly ServiceRule[] | undefined;
  /** At most 60; lengthens `exp` and `nbf`, never a revocation. */
  readonly clockToleranceSec?: number | undefined;
};

/** Whoever re-serves the feed. It is believed no more than any other messenger: what it says is signed by the feed. */
export type RelayOptions = {
  /** As in `https://relay.example/v1/feeds/acme`. */
  readonly url: string;
  /** The relay's own token; the feed's is never sent to it. */
  readonly token?: string | undefined;
};

/** How changes arrive: held back until there are any, asked for every `pollSec`, or as server-sent events. */
export type FeedTransport = "long-poll" | "short-poll" | "stream";

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
  readonly transport?: FeedTransport | undefined;
  readonly waitSec?: number | undefined;
  readonly pollSec?: number | undefined;
  /** Asked before the feed itself, which is asked when they fail or lag. */
  readonly relays?: readonly RelayOptions[] | undefined;
  /** The key under which a hashed feed names subjects, base64url, at least 16 bytes. */
  readonly subjectKey?: string | undefined;
  /** Follow also which subjects Rollcall knows, to tell an unknown one without asking. Needs `subjectKey`. */
  readonly subjects?: boolean | undefined;
  /** Tell Rollcall what was refused and why, so that it can say what is wrong; never the token. Off unless this is true. */
  readonly report?: boolean | undefined;
};

export type ResolveOptions = {
  /** As in `https://rollcall.example/v1/resolve`. */
  readonly url: string;
  readonly token: string;
  readonly timeoutMs?: number | undefined;
  /** How long an `active` answer may be used; it carries groups, which the feed does not. */
  readonly rememberSec?: number | undefined;
  /** Whether Rollcall is given the token where it says that it would make a user of it; it is, unless this is false. */
  readonly provision?: boolean | undefined;
};

export type StaleChoice = "deny" | "allow" | "resolve";
export type UnknownChoice = "allow" | "resolve" | "deny";
export type GuardRequest = {
  readonly route?: string | undefined;
  /** What your log knows the request by; told where `feed.report` is true. */
  readonly requestId?: string | undefined;
};

export type GuardOptions = {
  readonly issuers: readonly IssuerOptions[];
  readonly feed: FeedOptions;
  /** What to do while the feed is too old to decide by. There is no default. */
  readonly stale: StaleChoice | ((route: string | undefined) => StaleChoice);
  /**
   * What to do with a subject the guard does not know: let it pass, ask Rollcall, or refuse it, which
   * needs `feed.subjects`. There is no default.
   */
  readonly unknown: UnknownChoice;
  readonly resolve?: ResolveOptions | undefined;
  /** How many verified tokens are remembered; 0 for none. Never what was decided about them. */
  readonly rememberTokens?: number | undefined;
  readonly onDecision?: ((decision: Decision, request: GuardRequest) => void) | undefined;
  /** Told of what went wrong and was survived. A `FeedError` has a stable `code`. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** Told of every answer of a feed that was verified and taken. */
  readonly onFeed?: ((event: FeedEvent) => void) | undefined;
  readonly now?: (() => number) | undefined;
  /** Milliseconds on a clock that nobody sets; the process's own unless given. */
  readonly uptimeMs?: (() => number) | undefined;
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
