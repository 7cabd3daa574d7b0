import type { Subject } from "./decision.ts";
import { addToDigest, digestText, removeFromDigest } from "./digest.ts";
import type { FeedEntry, Scope } from "./wire.ts";

export type RevocationEntry = Pick<FeedEntry, "op" | "scope" | "iss" | "sub" | "nbf" | "exp">;
export type Verdict = "revoked" | "issued_before_revocation";

export type Revocations = {
  readonly apply: (entry: RevocationEntry) => void;
  /** All scopes count together: one denial is enough, and the latest not-before holds. */
  readonly judge: (subject: Subject, nowSec: number) => Verdict | undefined;
  readonly size: () => number;
  readonly digest: () => string;
};

type BySubject = Map<string, RevocationEntry>;

/** The feed's live entries, by scope, issuer and subject: nested maps, since a joined key costs more than the look-up. */
export function createRevocations(): Revocations {
  const scopes: Readonly<Record<Scope, Map<string, BySubject>>> = {
    sub: new Map(),
    sid: new Map(),
    jti: new Map(),
    tenant: new Map(),
    iss: new Map(),
  };
  let size = 0;
  let digest = 0n;

  const apply = (entry: RevocationEntry): void => {
    const issuers = scopes[entry.scope];
    const subjects = issuers.get(entry.iss) ?? new Map<string, RevocationEntry>();
    const before = subjects.get(entry.sub);
    if (before !== undefined) {
      digest = removeFromDigest(digest, before);
      subjects.delete(entry.sub);
      size -= 1;
    }
    if (entry.op !== "allow" || entry.nbf !== undefined) {
      digest = addToDigest(digest, entry);
      subjects.set(entry.sub, entry);
      size += 1;
    }
    if (subjects.size === 0) issuers.delete(entry.iss);
    else issuers.set(entry.iss, subjects);
  };

  const judge = (subject: Subject, nowSec: number): Verdict | undefined => {
    const { iss, subKey, sid, jti, tenant } = subject;
    const struck = [
      scopes.sub.get(iss)?.get(subKey),
      sid === undefined ? undefined : scopes.sid.get(iss)?.get(sid),
      jti === undefined ? undefined : scopes.jti.get(iss)?.get(jti),
      tenant === undefined ? undefined : scopes.tenant.get(iss)?.get(tenant),
      // An issuer's entry strikes all its tokens, whatever its subject is written as.
      ...(scopes.iss.get(iss)?.values() ?? []),
    ];
    let notBefore: number | undefined;
    for (const entry of struck) {
      if (entry === undefined) continue;
      if (entry.op === "deny" && (entry.exp === undefined || nowSec < entry.exp)) return "revoked";
      if (entry.nbf !== undefined) notBefore = Math.max(notBefore ?? entry.nbf, entry.nbf);
    }
    if (notBefore === undefined) return undefined;
    // A token that does not say when it was issued counts as oldest.
    return subject.iat === undefined || subject.iat < notBefore ? "issued_before_revocation" : undefined;
  };

  return { apply, judge, size: () => size, digest: () => digestText(digest) };
}
