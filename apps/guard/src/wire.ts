/**
 * The revocation feed on the wire, version 1: what the feed serves and the guard reads.
 * Times are seconds since the epoch (NumericDate, RFC 7519 §2) unless a name says `Ms`.
 */

/** What an entry's subject names: a user, a session, one token, a whole tenant, or a whole issuer. */
export type Scope = "sub" | "sid" | "jti" | "tenant" | "iss";

/**
 * An entry is its key's whole state, so a later one replaces an earlier one:
 * `deny` refuses the key while it stands; `nbf` refuses tokens issued before `nbf`;
 * `allow` lifts a denial and keeps `nbf` where it has one, and forgets the key where it has none.
 */
export type FeedOperation = "deny" | "nbf" | "allow";

export type FeedEntry = {
  readonly seq: number;
  readonly op: FeedOperation;
  readonly scope: Scope;
  readonly iss: string;
  readonly sub: string;
  /** In a feed of many tenants, whose `sub`, `sid` or `jti` this is: the entry strikes tokens of this tenant alone. */
  readonly tid?: string;
  readonly nbf?: number;
  /** After this no token that the entry could refuse is alive. */
  readonly exp?: number;
  readonly reason: string;
  /** When Rollcall accepted the event behind it. */
  readonly acceptedAt: number;
};

/** One entry on the wire; `i` points into the page's list of issuers. */
export type WireEntry = {
  readonly q: number;
  readonly op: FeedOperation;
  readonly k?: Scope;
  readonly i: number;
  /** The subject; of scope `sub`, `sid` and `jti` its name under `hash`, where the body says one. */
  readonly s: string;
  readonly t?: string;
  readonly nbf?: number;
  readonly exp?: number;
  readonly r: string;
  readonly ev: number;
};

/**
 * How a hashed feed names subjects: the first 16 bytes of HMAC-SHA-256 under the feed's subject key
 * over `iss`, a zero byte and the subject, base64url.
 */
export const subjectHash = "hmac-sha256-128";

/** Said by the body of a hashed feed. */
export type HashedBy = {
  readonly hash: typeof subjectHash;
  /** The name of the empty subject of the empty issuer: with another key, a guard would match nobody and not know it. */
  readonly hash_key: string;
};

/** `GET /v1/feeds/{feed}/changes` → 200. The page holds every entry with `from < q ≤ to`. */
export type ChangesPage = {
  readonly v: 1;
  readonly feed: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** More entries wait behind `to`. */
  readonly more: boolean;
  /** Both are left out where subjects are named as they are. */
  readonly hash?: typeof subjectHash;
  readonly hash_key?: string;
  readonly iss: readonly string[];
  readonly ops: readonly WireEntry[];
  readonly poll_after_ms: number;
  readonly max_stale: number;
};

/** First line of a snapshot; each further line is a `WireEntry`, ordered by `q`. */
export type SnapshotHeader = {
  readonly v: 1;
  readonly feed: string;
  readonly epoch: number;
  readonly seq: number;
  /** How many entries follow: a truncated body must not parse. */
  readonly n: number;
  readonly hash?: typeof subjectHash;
  readonly hash_key?: string;
  readonly iss: readonly string[];
  readonly max_stale: number;
};

/**
 * The set of known subjects is a feed of its own, at `/v1/feeds/{feed}/subjects`, with the same routes, cursors
 * and checkpoints; its name is `{feed}/subjects`, so that neither feed's checkpoint passes for the other's.
 * A subject is in it while `POST /v1/resolve` would answer `active`. Subjects are named by `subjectHash` alone.
 */
export const subjectsPath = "/subjects";

/**
 * First line of a snapshot of subjects, which ends with a newline. `n` hashes of 16 bytes follow, each greater
 * than the one before, and nothing else.
 */
export type SubjectSnapshotHeader = Omit<SnapshotHeader, "iss" | keyof HashedBy> & HashedBy;

/** A page of changes to the set of subjects: `+` or `-` and a hash in base64url for each `from < q ≤ to`, in order. */
export type SubjectChangesPage = Omit<ChangesPage, "iss" | "ops" | keyof HashedBy> &
  HashedBy & { readonly ops: readonly string[] };

/** Claims of the `Revocation-Checkpoint` header on every answer of the feed, 304 included. */
export type CheckpointClaims = {
  readonly iss: string;
  readonly feed: string;
  readonly epoch: number;
  readonly seq: number;
  /** Everything acknowledged before this is in the feed up to `seq`. */
  readonly as_of: number;
  readonly iat: number;
  readonly exp: number;
  /**
   * Live entries and their digest at `seq`; left out of a page that does not reach the head. A hashed feed's
   * digest is over the names as they travel; that of subjects is the sum of their hashes modulo 2^128.
   */
  readonly n?: number;
  readonly digest?: string;
  /** Base64url SHA-256 of the uncoded body; left out of an answer without one. */
  readonly body_sha256?: string;
};

/**
 * `GET /v1/feeds/{feed}/stream?since={epoch}-{seq}`, or with `Last-Event-ID`: server-sent events whose id is the
 * cursor after them. `ops` has two data lines, the checkpoint and the page, whose bytes are what the checkpoint
 * signs; `checkpoint`, at least every 5 seconds, has the checkpoint alone. Before it begins it may be refused as
 * `changes` is, with 410 too.
 */
export type StreamEvent = "ops" | "checkpoint";

/** `POST /v1/feeds/{feed}/receipts`: how far a gateway is. */
export type Receipt = {
  readonly gateway: string;
  readonly epoch: number;
  readonly seq: number;
  readonly as_of: number;
  readonly entries: number;
  readonly digest: string;
  readonly max_ttl_seen?: number;
};

/** Refusals of one minute and one reason, all of them. */
export type RefusalCounted = {
  /** When the minute began. */
  readonly minute: number;
  readonly reason: string;
  /** In a report to the feed of all tenants, whose tokens they were: the tenant where it is known, else the issuer. */
  readonly tenant?: string;
  readonly iss?: string;
  readonly count: number;
};

/** One refusal. What it says of the bearer comes from a token whose signature held; the token itself is never told. */
export type RefusalTold = {
  readonly at: number;
  readonly reason: string;
  /** What the gateway's own log knows the request by. */
  readonly request?: string;
  readonly iss?: string;
  readonly sub?: string;
  /** In place of `sub`, by a gateway that follows a hashed feed: the subject's name under `subjectHash`. */
  readonly hash?: string;
  readonly tenant?: string;
  /** The claims that the token lacks, where that is the reason. */
  readonly claims?: readonly string[];
};

/** `POST /v1/feeds/{feed}/refusals`: what a gateway has refused since it last said so. */
export type RefusalReport = {
  readonly gateway: string;
  /** A UUID: a report that is sent again counts once. */
  readonly id: string;
  readonly counts: readonly RefusalCounted[];
  /** Some of those that are counted. */
  readonly refusals: readonly RefusalTold[];
  /** How many could not be told in time, and never will. */
  readonly dropped: number;
};

/** `POST /v1/resolve` asks about one subject of a verified token. */
export type ResolveRequest = {
  readonly iss: string;
  readonly sub: string;
  /** How long the answer may take where something is on its way that would change it; without it none waits. */
  readonly deadline_ms?: number;
  /** The token itself, once Rollcall has answered `token_needed`: it verifies it anew, and may make a user of it. */
  readonly token?: string;
};
export type ResolveAnswer =
  | {
      readonly status: "active";
      readonly userId: string;
      readonly userName: string;
      readonly groups: readonly string[];
    }
  | { readonly status: "denied"; readonly reason: string }
  /** `claims` names those that are missing or invalid, where that is the reason. */
  | { readonly status: "unknown"; readonly reason: string; readonly claims?: readonly string[] };

export const checkpointHeader = "revocation-checkpoint";
export const checkpointType = "revocation-checkpoint+jwt";
export const changesMediaType = "application/vnd.rollcall.revocations+json";
export const subjectsMediaType = "application/vnd.rollcall.subjects";
export const streamMediaType = "text/event-stream";
export const snapshotMediaType = "application/vnd.rollcall.snapshot+ndjson";

export function toWire(entry: FeedEntry, issuerIndex: number): WireEntry {
  return {
    q: entry.seq,
    op: entry.op,
    ...(entry.scope === "sub" ? {} : { k: entry.scope }),
    i: issuerIndex,
    s: entry.sub,
    ...(entry.tid === undefined ? {} : { t: entry.tid }),
    ...(entry.nbf === undefined ? {} : { nbf: entry.nbf }),
    ...(entry.exp === undefined ? {} : { exp: entry.exp }),
    r: entry.reason,
    ev: entry.acceptedAt,
  };
}

/**
 * What is hashed into the running digest: the state an entry leaves behind, or undefined where it
 * leaves none. Sequence, reason and times stay out, so a republished key digests alike.
 */
export function digestInput(
  entry: Pick<FeedEntry, "op" | "scope" | "iss" | "sub" | "nbf" | "exp"> & { readonly tid?: string | undefined },
): string | undefined {
  const { op, scope, iss, sub, tid, nbf, exp } = entry;
  if (op === "allow" && nbf === undefined) return undefined;
  const state = [scope, iss, sub, op === "deny", nbf ?? null, exp ?? null];
  return JSON.stringify(tid === undefined ? state : [...state, tid]);
}
