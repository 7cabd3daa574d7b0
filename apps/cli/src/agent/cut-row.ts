import type { RevocationEntry } from "@rollcall/guard/entries";

/** What gateways that only look things up are told: a key that a token names, and the second before which its tokens are dead. */
export type CutRow = { readonly key: string; readonly notBefore: number };

/** Later than any token is issued: while a denial stands. */
const never = Number.MAX_SAFE_INTEGER;
/** Tokens of any age pass. */
const none = 0;

/**
 * What a token is looked up by: the scope, the tenant where the entry is of one alone, the issuer and the
 * value, each in base64url, so that no text can feign another key or end a line. An issuer's own entries
 * strike whatever their value is, so they share a key.
 */
export function cutKey({ scope, iss, sub, tid }: RevocationEntry): string {
  const of = tid === undefined ? scope : `${scope}@${encoded(tid)}`;
  return scope === "iss" ? `${of}.${encoded(iss)}` : `${of}.${encoded(iss)}.${encoded(sub)}`;
}

/** A token passes an entry if it was issued at this second or later; one that does not say when was issued at 0. */
export function notBeforeOf({ op, nbf, exp }: RevocationEntry, nowSec: number): number {
  if (op === "deny" && (exp === undefined || nowSec < exp)) return never;
  return nbf === undefined ? none : Math.ceil(nbf);
}

/** The rows of all entries. Keys are unique: of what shares one, the latest not-before counts. */
export function* cutRows(entries: Iterable<RevocationEntry>, nowSec: number): Generator<CutRow> {
  const issuers = new Map<string, number>();
  for (const entry of entries) {
    const [key, notBefore] = [cutKey(entry), notBeforeOf(entry, nowSec)];
    if (entry.scope === "iss") issuers.set(key, Math.max(notBefore, issuers.get(key) ?? none));
    else if (notBefore !== none) yield { key, notBefore };
  }
  for (const [key, notBefore] of issuers) if (notBefore !== none) yield { key, notBefore };
}

function encoded(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
