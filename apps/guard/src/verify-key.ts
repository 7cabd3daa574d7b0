import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { JWK } from "jose";

/** A public key that may have signed a token, for the one algorithm it is used with. */
export type VerifyKey = {
  readonly key: KeyObject;
  /** False for anything but a signature of this key over these bytes; never throws. */
  readonly verifies: (signed: Uint8Array, signature: Uint8Array) => boolean;
};

type Algorithm =
  | { readonly kty: "RSA"; readonly hash: string; readonly saltLength?: number }
  | { readonly kty: "EC"; readonly hash: string; readonly crv: string; readonly signatureBytes: number }
  | { readonly kty: "OKP"; readonly crv: string; readonly signatureBytes: number };

/** RFC 7518 §3.1, RFC 8037 §3.1 and RFC 9864 §2.2. What is not here is not verified, whatever a list allows. */
const algorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["RS256", { kty: "RSA", hash: "sha256" }],
  ["RS384", { kty: "RSA", hash: "sha384" }],
  ["RS512", { kty: "RSA", hash: "sha512" }],
  ["PS256", { kty: "RSA", hash: "sha256", saltLength: 32 }],
  ["PS384", { kty: "RSA", hash: "sha384", saltLength: 48 }],
  ["PS512", { kty: "RSA", hash: "sha512", saltLength: 64 }],
  ["ES256", { kty: "EC", hash: "sha256", crv: "P-256", signatureBytes: 64 }],
  ["ES384", { kty: "EC", hash: "sha384", crv: "P-384", signatureBytes: 96 }],
  ["ES512", { kty: "EC", hash: "sha512", crv: "P-521", signatureBytes: 132 }],
  ["EdDSA", { kty: "OKP", crv: "Ed25519", signatureBytes: 64 }],
  ["Ed25519", { kty: "OKP", crv: "Ed25519", signatureBytes: 64 }],
]);

export const algorithmNames: ReadonlySet<string> = new Set(algorithms.keys());

/** RFC 7518 §3.3; and at most what a signature may cost whoever has to check it. */
const modulusBitsMin = 2_048;
const modulusBitsMax = 8_192;
/** With an exponent of 1 every message would be its own signature; even ones have no inverse. */
const exponentMin = 3n;
/** Points of order 1, 2, 4 and 8, without the sign: under such a key some signatures hold for any message. */
const smallOrderPoints: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
]);

/**
 * The key for an algorithm, or undefined where the JWK says that it is for something else, is private, is
 * too weak, or cannot be read. The algorithm is bound to the key here, so a header cannot bend one to another.
 */
export function importKey(jwk: JWK, alg: string): VerifyKey | undefined {
  const algorithm = algorithms.get(alg);
  if (algorithm === undefined || !isMeantFor(jwk, alg, algorithm)) return undefined;
  const key = readPublicKey(jwk);
  if (key === undefined || (algorithm.kty === "RSA" && !isStrong(key))) return undefined;
  if (algorithm.kty === "OKP" && isOfSmallOrder(jwk.x)) return undefined;
  return { key, verifies: verifier(algorithm, key) };
}

function isMeantFor(jwk: JWK, alg: string, algorithm: Algorithm): boolean {
  const { kty, use, key_ops: operations, ext } = jwk;
  if (kty !== algorithm.kty || (algorithm.kty !== "RSA" && jwk.crv !== algorithm.crv)) return false;
  if (jwk.alg !== undefined && jwk.alg !== alg) return false;
  if (use !== undefined && use !== "sig") return false;
  if (ext !== undefined && typeof ext !== "boolean") return false;
  // A private key among an issuer's public ones is no longer anybody's secret.
  if (jwk.d !== undefined) return false;
  return operations === undefined || isVerifyList(operations);
}

/** RFC 7517 §4.3. */
function isVerifyList(operations: unknown): boolean {
  if (!Array.isArray(operations) || !operations.every((operation) => typeof operation === "string")) return false;
  return operations.includes("verify") && new Set(operations).size === operations.length;
}

function readPublicKey({ kty, crv, n, e, x, y }: JWK): KeyObject | undefined {
  try {
    const members = Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined);
    return createPublicKey({ key: Object.fromEntries(members), format: "jwk" });
  } catch {
    return undefined;
  }
}

function isStrong({ asymmetricKeyDetails: details }: KeyObject): boolean {
  const bits = details?.modulusLength ?? 0;
  const exponent = details?.publicExponent ?? 0n;
  return bits >= modulusBitsMin && bits <= modulusBitsMax && exponent >= exponentMin && exponent % 2n === 1n;
}

function isOfSmallOrder(x: string | undefined): boolean {
  const point = Buffer.from(x ?? "", "base64url");
  if (point.length !== 32) return true;
  point[31] = (point[31] as number) & 0x7f;
  return smallOrderPoints.has(point.toString("hex"));
}

function verifier(algorithm: Algorithm, key: KeyObject): VerifyKey["verifies"] {
  const hash = algorithm.kty === "OKP" ? null : algorithm.hash;
  const input = inputOf(algorithm, key);
  // RFC 8017 §8.1.2 and §8.2.2, RFC 7518 §3.4, RFC 8032 §5.1.7: any other length is no signature.
  const signatureBytes =
    algorithm.kty === "RSA" ? Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8) : algorithm.signatureBytes;
  return (signed, signature) => {
    if (signature.length !== signatureBytes) return false;
    try {
      return verify(hash, signed, input, signature);
    } catch {
      return false;
    }
  };
}

function inputOf(algorithm: Algorithm, key: KeyObject): Parameters<typeof verify>[2] {
  switch (algorithm.kty) {
    case "EC":
      return { key, dsaEncoding: "ieee-p1363" };
    case "OKP":
      return key;
    case "RSA":
      return algorithm.saltLength === undefined
        ? key
        : { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength };
  }
}
