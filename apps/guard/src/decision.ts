import type { Fingerprint } from "./fingerprint.ts";
import type { RefusalReason } from "./reasons.ts";

export type GuardedUser = { readonly id: string; readonly userName: string; readonly groups: readonly string[] };

export type Allowed = {
  readonly allow: true;
  readonly reason: "ok";
  readonly iss: string;
  readonly sub: string;
  readonly tenant?: string;
  /** Known only where Rollcall was asked about the subject. */
  readonly user?: GuardedUser;
  /** By the issuer's rules the bearer is a service account: nobody was looked up. */
  readonly service?: true;
  /** Whether the subject is among those Rollcall knows, where the guard follows them and can tell. */
  readonly known?: boolean;
  /** The feed was too old to decide by, and the route lets such requests pass. */
  readonly stale: boolean;
};

export type Refused = {
  readonly allow: false;
  readonly reason: RefusalReason;
  readonly status: 401 | 503;
  /** Only from a token whose signature held. */
  readonly iss?: string;
  readonly sub?: string;
  /** Only of a token that was good for somebody. */
  readonly tenant?: string;
  /** The claims that a token lacks, where that is the reason. */
  readonly claims?: readonly string[];
};

export type Decision = Allowed | Refused;

/** What a verified token says about its bearer; everything a revocation can name. */
export type Subject = {
  readonly iss: string;
  readonly sub: string;
  /** `sub` as the feed names it: itself, or without case where the issuer's subjects compare so. */
  readonly subKey: string;
  readonly tenant?: string;
  readonly sid?: string;
  readonly jti?: string;
  /** NumericDate; left out where the token does not say, which counts as oldest. */
  readonly iat?: number;
  readonly exp: number;
  readonly nbf?: number;
  readonly service?: true;
  /** What the revocations in force call this subject; they alone write it, and a token keeps it while it is remembered. */
  marks?: Marks;
  /** As the set of known subjects names it. */
  hash?: Buffer;
};

/** Fingerprints of what entries can name of a token, and whose they are: the user's is here itself, as nearly every entry names one. */
export type Marks = Fingerprint & { readonly of: object; readonly others: (Fingerprint | undefined)[] };
