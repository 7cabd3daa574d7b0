import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";

/** A public key that may have signed a token, for the one algorithm it is used with. */
export type VerifyKey = {
  readonly kid: Json | undefined;
  readonly alg: string;
  /** False for anything but a signature of this key over these bytes. */
  verifies(signed: Uint8Array, signature: Uint8Array): boolean;
};

type Algorithm = { readonly kty: string; readonly crv?: string; readonly hash?: string; readonly saltLength?: number };

/** RFC 7518 §3.1 and RFC 8037 §3.1, without what is signed with a secret: whoever has published that has none. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map([
  ["RS256", { kty: "RSA", hash: "sha256" }],
  ["RS384", { kty: "RSA", hash: "sha384" }],
  ["RS512", { kty: "RSA", hash: "sha512" }],
  ["PS256", { kty: "RSA", hash: "sha256", saltLength: 32 }],
  ["PS384", { kty: "RSA", hash: "sha384", saltLength: 48 }],
  ["PS512", { kty: "RSA", hash: "sha512", saltLength: 64 }],
  ["ES256", { kty: "EC", crv: "P-256", hash: "sha256" }],
  ["ES384", { kty: "EC", crv: "P-384", hash: "sha384" }],
  ["ES512", { kty: "EC", crv: "P-521", hash: "sha512" }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
]);

/** RFC 7518 §3.3; and at most what a signature may cost whoever has to check it. */
const modulusBitsMin = 2_048;
const modulusBitsMax = 8_192;
const keysMax = 100;

export function isAlgorithm(alg: string): boolean {
  return algorithms.has(alg);
}

/**
 * The keys of a JSON Web Key Set, each once for every algorithm that it may be used with. What cannot be
 * used is left out, and the others still serve. The algorithm is bound to the key here, so that a header
 * cannot bend one to another.
 */
export function readKeySet(jwks: Json | undefined): readonly VerifyKey[] {
  const keys = isObject(jwks) ? jwks["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > keysMax)
    throw new Error(`the key set holds no keys, or more than ${keysMax}`);
  return (keys as readonly Json[]).filter(isObject).flatMap((jwk) => {
    const key = readPublicKey(jwk);
    if (key === undefined) return [];
    return [...algorithms].flatMap(([alg, algorithm]) =>
      isMeantFor(jwk, alg, algorithm) ? [{ kid: jwk["kid"], alg, verifies: verifier(algorithm, key) }] : [],
    );
  });
}

function isMeantFor(jwk: JsonObject, alg: string, { kty, crv }: Algorithm): boolean {
  if (jwk["kty"] !== kty || (crv !== undefined && jwk["crv"] !== crv)) return false;
  if (jwk["alg"] !== undefined && jwk["alg"] !== alg) return false;
  if (jwk["use"] !== undefined && jwk["use"] !== "sig") return false;
  const operations = jwk["key_ops"];
  return operations === undefined || (Array.isArray(operations) && operations.includes("verify"));
}

function readPublicKey(jwk: JsonObject): KeyObject | undefined {
  // A private key among an issuer's public ones is no longer anybody's secret.
  if (jwk["d"] !== undefined || jwk["k"] !== undefined) return undefined;
  try {
    const key = createPublicKey({ key: jwk as Record<string, string>, format: "jwk" });
    const { modulusLength: bits, publicExponent: exponent } = key.asymmetricKeyDetails ?? {};
    // With an exponent of 1 every message would be its own signature.
    const isWeak = bits !== undefined && (bits < modulusBitsMin || bits > modulusBitsMax || (exponent ?? 0n) < 3n);
    return isWeak ? undefined : key;
  } catch {
    return undefined;
  }
}

function verifier({ kty, hash, saltLength }: Algorithm, key: KeyObject): VerifyKey["verifies"] {
  // RFC 7518 §3.4 writes a signature as two numbers of one length, and not in DER.
  const input =
    kty === "EC"
      ? ({ key, dsaEncoding: "ieee-p1363" } as const)
      : saltLength === undefined
        ? key
        : { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return (signed, signature) => {
    try {
      return verify(hash ?? null, signed, input, signature);
    } catch {
      return false;
    }
  };
}
