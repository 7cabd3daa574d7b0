import type { Subject } from "./decision.ts";
import { createFingerprintTable, type KeyState } from "./fingerprint-table.ts";
import { createIssuerEntries } from "./issuer-entries.ts";
import { createRunningDigest } from "./running-digest.ts";
import { createMarker, type KeyedScope, type Lookup, lookupOf, lookups } from "./subject-marks.ts";
import { plainNaming, type SubjectNaming } from "./subject-naming.ts";
import type { FeedEntry } from "./wire.ts";

export type RevocationEntry = Pick<FeedEntry, "op" | "scope" | "iss" | "sub" | "tid" | "nbf" | "exp">;
export type Verdict = "revoked" | "issued_before_revocation";

export type Revocations = {
  readonly apply: (entry: RevocationEntry) => void;
  /** All scopes count together: one denial is enough, and the latest not-before holds. */
  readonly judge: (subject: Subject, nowSec: number) => Verdict | undefined;
  /** What this feed calls a token's subject. */
  readonly naming: SubjectNaming;
  readonly size: () => number;
  readonly digest: () => string;
};

export type RevocationsOptions = {
  readonly naming?: SubjectNaming;
  /** How many entries are about to be applied. */
  readonly expected?: number;
};

/**
 * The feed's live entries, by fingerprints under a secret of their own. A new snapshot has a new secret:
 * should two keys ever share a fingerprint, the digest tells, and the next snapshot parts them.
 */
export function createRevocations({ naming = plainNaming, expected = 0 }: RevocationsOptions = {}): Revocations {
  const keyed = createKeyedEntries(naming, expected);
  const issuers = createIssuerEntries();
  const digest = createRunningDigest();

  return {
    apply: (entry) => {
      const isLive = entry.op !== "allow" || entry.nbf !== undefined;
      const state = isLive ? { denies: entry.op === "deny", nbf: entry.nbf, exp: entry.exp } : undefined;
      const before =
        entry.scope === "iss"
          ? issuers.replace(entry.iss, entry.sub, state)
          : keyed.replace(entry.scope, entry.iss, entry.sub, entry.tid, state);
      if (before !== undefined) digest.remove(entryAs(entry, before));
      if (isLive) digest.add(entry);
    },
    judge: (subject, nowSec) => {
      let notBefore = Number.NEGATIVE_INFINITY;
      for (const { denies, nbf, exp } of issuers.of(subject.iss)) {
        if (denies && (exp === undefined || nowSec < exp)) return "revoked";
        if (nbf !== undefined && nbf > notBefore) notBefore = nbf;
      }
      notBefore = keyed.notBefore(subject, nowSec, notBefore);
      if (notBefore === Number.POSITIVE_INFINITY) return "revoked";
      if (notBefore === Number.NEGATIVE_INFINITY) return undefined;
      // A token that does not say when it was issued counts as oldest.
      return subject.iat === undefined || subject.iat < notBefore ? "issued_before_revocation" : undefined;
    },
    naming,
    size: () => keyed.size() + issuers.size(),
    digest: digest.text,
  };
}

/** The entries of users, sessions, tokens and tenants. */
function createKeyedEntries(naming: SubjectNaming, expected: number) {
  const table = createFingerprintTable();
  if (expected > 0) table.reserve(expected);
  const marker = createMarker(naming);
  const counts = lookups.map(() => 0);
  /** What any entry names: a scope without entries is not looked up. */
  let used: readonly Lookup[] = [];

  const count = ({ index }: Lookup, change: number): void => {
    const before = counts[index] as number;
    counts[index] = before + change;
    if (before === 0 || before + change === 0) used = lookups.filter((lookup) => counts[lookup.index] !== 0);
  };

  return {
    /** Gives a key another state, or none, and returns the one before. */
    replace: (
      scope: KeyedScope,
      iss: string,
      value: string,
      tid: string | undefined,
      state: KeyState | undefined,
    ): KeyState | undefined => {
      const lookup = lookupOf(scope, tid !== undefined);
      const print = marker.ofKey(lookup, iss, value, tid);
      const place = table.find(print);
      const before =
        place === -1 ? undefined : { denies: table.denies(place), nbf: table.nbf(place), exp: table.exp(place) };
      if (state !== undefined) table.set(print, state);
      else if (before !== undefined) table.delete(print);
      if ((state === undefined) !== (before === undefined)) count(lookup, state === undefined ? -1 : 1);
      return before;
    },
    /** The latest not-before among what names the subject, `least` where none is later; infinity where a denial stands. */
    notBefore: (subject: Subject, nowSec: number, least: number): number => {
      let latest = least;
      for (const lookup of used) {
        const print = marker.ofSubject(lookup, subject);
        const place = print === undefined ? -1 : table.find(print);
        if (place === -1) continue;
        const exp = table.exp(place);
        if (table.denies(place) && (exp === undefined || nowSec < exp)) return Number.POSITIVE_INFINITY;
        const nbf = table.nbf(place);
        if (nbf !== undefined && nbf > latest) latest = nbf;
      }
      return latest;
    },
    size: table.size,
  };
}

/** An entry's key in another state. */
function entryAs({ nbf: _nbf, exp: _exp, ...key }: RevocationEntry, { denies, nbf, exp }: KeyState): RevocationEntry {
  const dates = { ...(nbf === undefined ? {} : { nbf }), ...(exp === undefined ? {} : { exp }) };
  return { ...key, op: denies ? "deny" : "nbf", ...dates };
}
