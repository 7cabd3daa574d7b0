import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { JSONWebKeySet, JWK } from "jose";
import { pinnedKeys } from "../key-source.ts";
import type { IssuerOptions } from "../options.ts";
import { settle } from "../settings.ts";
import { createTokenVerifier, type TokenVerifier } from "../token-verifier.ts";

export const algorithms = [
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
] as const;
export type Algorithm = (typeof algorithms)[number];

export const nowSec = 1_800_000_000;
export const issuer = "https://idp.example";
export const audience = "api";

/** A key pair of an algorithm, and tokens that it signs, whatever is in them. */
export type Mint = {
  readonly alg: Algorithm;
  readonly jwk: JWK;
  readonly privateKey: KeyObject;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signatureOf: (input: string | Buffer) => Buffer;
  /** A token of these parts. What is no text is written as JSON. */
  readonly token: (header?: unknown, claims?: unknown) => string;
};

export function createMint(alg: Algorithm, kid = `key-${alg}`): Mint {
  const { publicKey, privateKey } = pairOf(alg);
  const jwk: JWK = { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
  const header = { alg, typ: "at+jwt", kid };
  const claims = { iss: issuer, aud: audience, sub: "ada", iat: nowSec - 10, exp: nowSec + 300, jti: "t-1" };
  const signatureOf = (input: string | Buffer): Buffer =>
    sign(hashOf(alg), typeof input === "string" ? Buffer.from(input) : input, signingInput(alg, privateKey));
  return {
    alg,
    jwk,
    privateKey,
    header,
    claims,
    signatureOf,
    token: (ownHeader = header, ownClaims = claims) => {
      const input = `${encoded(ownHeader)}.${encoded(ownClaims)}`;
      return `${input}.${signatureOf(input).toString("base64url")}`;
    },
  };
}

export function encoded(part: unknown): string {
  const bytes = Buffer.isBuffer(part) ? part : Buffer.from(typeof part === "string" ? part : JSON.stringify(part));
  return bytes.toString("base64url");
}

/** A verifier of one issuer with these keys, as a guard would have it. */
export function verifierOf(jwks: JSONWebKeySet, options: Partial<IssuerOptions> = {}): TokenVerifier {
  const { issuers } = settle({
    issuers: [{ issuer, audience, jwks, algorithms, ...options }],
    feed: { url: "https://rollcall.example/v1/feeds/acme", token: "secret", gateway: "edge-1" },
    stale: "deny",
    unknown: "allow",
  });
  return createTokenVerifier(
    issuers.map((settings) => ({ settings, keys: pinnedKeys(jwks, settings.refusedKeys) })),
    1_000,
  );
}

/** Why a token is refused; `ok` if it is not. */
export function judged(verifier: TokenVerifier, token: string): string {
  const judgement = verifier.verify(token, nowSec * 1_000, false);
  return "reason" in judgement ? judgement.reason : "subject" in judgement ? "ok" : "lookup";
}

function pairOf(alg: Algorithm): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (alg.startsWith("E") && !alg.startsWith("Ed")) {
    const curves: Record<string, string> = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };
    return generateKeyPairSync("ec", { namedCurve: curves[alg] as string });
  }
  return alg.startsWith("Ed") ? generateKeyPairSync("ed25519") : generateKeyPairSync("rsa", { modulusLength: 2_048 });
}

function hashOf(alg: Algorithm): string | null {
  return alg.startsWith("Ed") ? null : `sha${alg.slice(2)}`;
}

function signingInput(alg: Algorithm, key: KeyObject): Parameters<typeof sign>[2] {
  if (alg.startsWith("ES")) return { key, dsaEncoding: "ieee-p1363" };
  if (alg.startsWith("PS"))
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return key;
}
