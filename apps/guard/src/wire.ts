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
  readonly s: string;
  readonly nbf?: number;
  readonly exp?: number;
  readonly r: string;
  readonly ev: number;
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
  readonly iss: readonly string[];
  readonly max_stale: number;
};

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
  /** Live entries and their digest at `seq`; left out of a page that does not reach the head. */
  readonly n?: number;
  readonly digest?: string;
  /** Base64url SHA-256 of the uncoded body; left out of an answer without one. */
  readonly body_sha256?: string;
};

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

/** `POST /v1/resolve` asks about one subject of a verified token. */
export type ResolveRequest = { readonly iss: string; readonly sub: string };
export type ResolveAnswer =
  | {
      readonly status: "active";
      readonly userId: string;
      readonly userName: string;
      readonly groups: readonly string[];
    }
  | { readonly status: "denied"; readonly reason: string }
  | { readonly status: "unknown"; readonly reason: string };

export const checkpointHeader = "revocation-checkpoint";
export const checkpointType = "revocation-checkpoint+jwt";
export const changesMediaType = "application/vnd.rollcall.revocations+json";
export const snapshotMediaType = "application/vnd.rollcall.snapshot+ndjson";

export function toWire(entry: FeedEntry, issuerIndex: number): WireEntry {
  return {
    q: entry.seq,
    op: entry.op,
    ...(entry.scope === "sub" ? {} : { k: entry.scope }),
    i: issuerIndex,
    s: entry.sub,
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
  entry: Pick<FeedEntry, "op" | "scope" | "iss" | "sub" | "nbf" | "exp">,
): string | undefined {
  if (entry.op === "allow" && entry.nbf === undefined) return undefined;
  return JSON.stringify([entry.scope, entry.iss, entry.sub, entry.op === "deny", entry.nbf ?? null, entry.exp ?? null]);
}
