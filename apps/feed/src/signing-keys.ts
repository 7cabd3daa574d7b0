import { createHash, createPrivateKey, type JsonWebKey, type KeyObject, sign } from "node:crypto";
import { type CheckpointClaims, checkpointType } from "@rollcall/guard";

type SigningKey = JsonWebKey & { readonly kid?: string };
export type PublicKey = JsonWebKey & { readonly kid: string; readonly alg: "EdDSA"; readonly use: "sig" };

export type Signer = {
  /** The public keys, every one that followers may still meet. */
  readonly jwks: { readonly keys: readonly PublicKey[] };
  /** A compact JWS (RFC 7515 §3.1). */
  sign(claims: CheckpointClaims): string;
};

/**
 * Opens a private JWKS of Ed25519 keys. The first signs; the others stay published, so a new key is
 * put first only after followers have had time to fetch it, and the old one is removed last.
 * Throws where a key is not a private Ed25519 key with a `kid` of its own.
 */
export function openSigner(jwks: string): Signer {
  const { keys } = JSON.parse(jwks) as { readonly keys?: readonly SigningKey[] };
  if (!Array.isArray(keys) || keys.length === 0) throw new Error("FEED_KEYS holds no key");
  const opened = (keys as readonly SigningKey[]).map(open);
  if (new Set(opened.map(({ kid }) => kid)).size < opened.length)
    throw new Error("FEED_KEYS has two keys of one kid: followers could not tell them apart");
  const [first] = opened as [ReturnType<typeof open>];
  // RFC 8037 §3.1: EdDSA; RFC 8725 §3.11: a type of its own.
  const header = encode({ alg: "EdDSA", typ: checkpointType, kid: first.kid });
  return {
    jwks: { keys: opened.map(({ published }) => published) },
    sign: (claims) => {
      const signed = `${header}.${encode(claims)}`;
      return `${signed}.${sign(null, Buffer.from(signed), first.key).toString("base64url")}`;
    },
  };
}

export function bodyHash(body: Buffer): string {
  return createHash("sha256").update(body).digest("base64url");
}

function open(jwk: SigningKey): { readonly kid: string; readonly key: KeyObject; readonly published: PublicKey } {
  const { kty, crv, x, d, kid } = jwk;
  if (kty !== "OKP" || crv !== "Ed25519" || x === undefined || d === undefined || kid === undefined)
    throw new Error("FEED_KEYS must hold private Ed25519 keys, each with a kid: make one with `rollcall feed key new`");
  return {
    kid,
    key: createPrivateKey({ key: { kty, crv, x, d }, format: "jwk" }),
    published: { kty, crv, x, kid, alg: "EdDSA", use: "sig" },
  };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
