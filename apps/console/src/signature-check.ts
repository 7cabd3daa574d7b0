import type { SignatureVerdict } from "@rollcall/core/domain";
import { compactVerify, createRemoteJWKSet, customFetch, errors, type RemoteJWKSet } from "jose";
import type { FetchSmall } from "./fetch-small.ts";

/** Checks a token's signature against the keys that an issuer publishes. The caller vouches that a connection names the issuer. */
export type SignatureCheck = (token: string, issuer: string) => Promise<SignatureVerdict>;

const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const timeoutMs = 3_000;
const issuersMax = 1_000;

/**
 * Keys come from the issuer's discovery document alone, whose issuer must be the one asked
 * (OpenID Connect Discovery 1.0 §4.3). `jku`, `x5u` and `jwk` in a token's header decide nothing.
 */
export function createSignatureCheck(fetchSmall: FetchSmall): SignatureCheck {
  const keySets = new Map<string, RemoteJWKSet>();

  async function keysOf(issuer: string): Promise<RemoteJWKSet> {
    const known = keySets.get(issuer);
    if (known !== undefined) return known;
    const keys = createRemoteJWKSet(await discover(fetchSmall, issuer), {
      timeoutDuration: timeoutMs,
      [customFetch]: fetchSmall,
    });
    if (keySets.size >= issuersMax) keySets.clear();
    keySets.set(issuer, keys);
    return keys;
  }

  return async (token, issuer) => {
    try {
      const keys = await keysOf(issuer);
      await compactVerify(token, keys, { algorithms });
      return { kind: "valid" };
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(token, error);
      return verdictOf(error);
    }
  };
}

async function discover(fetchSmall: FetchSmall, issuer: string): Promise<URL> {
  const response = await fetchSmall(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
    method: "GET",
    headers: new Headers({ accept: "application/json" }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200) throw new KeysUnavailable(`the issuer's discovery document answers ${response.status}`);
  const document = (await response.json()) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
  if (document.issuer !== issuer) throw new KeysUnavailable("the issuer's discovery document names another issuer");
  if (
    typeof document.jwks_uri !== "string" ||
    !/^https?:\/\//.test(document.jwks_uri) ||
    !URL.canParse(document.jwks_uri)
  ) {
    throw new KeysUnavailable("the issuer's discovery document names no jwks_uri");
  }
  return new URL(document.jwks_uri);
}

/** RFC 7517 §4.5: keys may share a key id, so each that fits is tried. */
async function verifyWithAny(token: string, candidates: errors.JWKSMultipleMatchingKeys): Promise<SignatureVerdict> {
  for await (const key of candidates) {
    try {
      await compactVerify(token, key, { algorithms });
      return { kind: "valid" };
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) return verdictOf(error);
    }
  }
  return { kind: "invalid" };
}

class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

function verdictOf(error: unknown): SignatureVerdict {
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return { kind: "algorithm_not_allowed" };
  if (error instanceof errors.JWKSNoMatchingKey) return { kind: "key_unknown" };
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWSInvalid)
    return { kind: "invalid" };
  if (error instanceof KeysUnavailable) return { kind: "keys_unavailable", why: error.message };
  // A key too weak for its algorithm (RFC 7518 §3.3) proves nothing.
  if (error instanceof TypeError && /modulusLength/.test(error.message)) return { kind: "invalid" };
  return { kind: "keys_unavailable", why: `the issuer's keys could not be fetched within ${timeoutMs / 1_000} s` };
}
