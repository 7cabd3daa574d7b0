import type { JSONWebKeySet, JWK } from "jose";
import { algorithmNames, importKey, type VerifyKey } from "./verify-key.ts";

/** Which key a header asks for. A `kid` of null is one that is no text, and no key has it. */
export type KeyQuestion = { readonly alg: string; readonly kid: string | undefined | null };

export type KeySet = {
  /** The keys that may have signed; none where no key is the one asked for, or several claim to be. */
  readonly find: (question: KeyQuestion) => readonly VerifyKey[];
  readonly count: number;
};

type NamedKey = { readonly kid: unknown; readonly byAlgorithm: ReadonlyMap<string, VerifyKey> };

const keysMax = 100;
/** A token without a key id is tried with each key; with more than this, one token could keep a process busy. */
const candidatesMax = 8;
const none: readonly VerifyKey[] = [];

/** Makes a JSON Web Key Set ready to verify with. A key that cannot be used, or is refused, is left out; the others still serve. */
export function createKeySet(jwks: JSONWebKeySet, refusedKeys: readonly string[] = []): KeySet {
  const { keys } = jwks;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error("the key set holds no keys");
  if (keys.length > keysMax) throw new Error(`the key set holds more than ${keysMax} keys`);
  // Not only not found by its id: a token that names no key is tried with each.
  const named = withoutRefused(keys.filter(isObject), refusedKeys).map(nameKey);
  /** By key id, undefined for none, and algorithm. Only questions that have an answer are kept: there are as many as there are keys. */
  const answers = new Map<string | undefined, Map<string, readonly VerifyKey[]>>();

  const search = ({ alg, kid }: KeyQuestion): readonly VerifyKey[] => {
    const found = named
      .filter((key) => kid === undefined || key.kid === kid)
      .flatMap(({ byAlgorithm }) => byAlgorithm.get(alg) ?? []);
    // RFC 7517 §4.5: two keys of one id are a fault of the issuer's, and neither is the one that was meant.
    const countMax = kid === undefined ? candidatesMax : 1;
    return found.length > countMax ? none : found;
  };

  return {
    find: (question) => {
      const { alg, kid } = question;
      if (kid === null) return none;
      const known = answers.get(kid)?.get(alg);
      if (known !== undefined) return known;
      const found = search(question);
      if (found.length > 0) answers.set(kid, (answers.get(kid) ?? new Map()).set(alg, found));
      return found;
    },
    count: keys.length,
  };
}

/** Without the keys of these ids, and without the same keys under other ids. */
function withoutRefused(keys: readonly JWK[], refusedKeys: readonly string[]): readonly JWK[] {
  const refused = keys.filter(({ kid }) => kid !== undefined && refusedKeys.includes(kid));
  return keys.filter((key) => !refused.some((one) => one.kid === key.kid || isSameKey(one, key)));
}

/** By what RFC 7638 §3.2 makes a key's thumbprint of. */
function isSameKey(one: JWK, other: JWK): boolean {
  return (["kty", "crv", "x", "y", "n", "e"] as const).every((name) => one[name] === other[name]);
}

function nameKey(jwk: JWK): NamedKey {
  const byAlgorithm = new Map<string, VerifyKey>();
  for (const alg of algorithmNames) {
    const key = importKey(jwk, alg);
    if (key !== undefined) byAlgorithm.set(alg, key);
  }
  return { kid: jwk.kid, byAlgorithm };
}

function isObject(value: unknown): value is JWK {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
