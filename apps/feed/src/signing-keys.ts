import { createHash } from "node:crypto";
import { type CryptoKey, importJWK, type JWK, SignJWT } from "jose";
import { type CheckpointClaims, checkpointType } from "@rollcall/guard";

export type Signer = {
  /** The public keys, every one that followers may still meet. */
  readonly jwks: { readonly keys: readonly JWK[] };
  sign(claims: CheckpointClaims): Promise<string>;
};

/**
 * Opens a private JWKS of Ed25519 keys. The first signs; the others stay published, so a new key is
 * put first only after followers have had time to fetch it, and the old one is removed last.
 * Throws where a key is not a private Ed25519 key with a `kid`.
 */
export async function openSigner(jwks: string): Promise<Signer> {
  const { keys } = JSON.parse(jwks) as { keys?: readonly JWK[] };
  if (!Array.isArray(keys) || keys.length === 0) throw new Error("FEED_KEYS holds no key");
  for (const key of keys as readonly JWK[]) {
    if (key.kty !== "OKP" || key.crv !== "Ed25519" || key.d === undefined || key.kid === undefined) {
      throw new Error("FEED_KEYS must hold private Ed25519 keys, each with a kid: make one with `rollcall feed key`");
    }
  }
  const [first] = keys as readonly JWK[];
  const signing = (await importJWK(first as JWK, "EdDSA")) as CryptoKey;
  const header = { alg: "EdDSA", typ: checkpointType, kid: first?.kid as string };
  return {
    jwks: {
      keys: (keys as readonly JWK[]).map(
        ({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: "EdDSA", use: "sig" }) as JWK,
      ),
    },
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader(header).sign(signing),
  };
}

export function bodyHash(body: string): string {
  return createHash("sha256").update(body).digest("base64url");
}
