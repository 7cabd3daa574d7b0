import { generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from "node:crypto";
import type { JWK } from "jose";

export type BenchAlgorithm = "RS256" | "ES256" | "EdDSA";

export type BenchToken = {
  readonly text: string;
  readonly signed: Buffer;
  readonly signature: Buffer;
};

export type BenchKey = {
  readonly alg: BenchAlgorithm;
  readonly jwk: JWK;
  readonly pem: string;
  /** An access token of about 800 letters, as issuers make them, of a subject nobody denied. */
  readonly mint: () => BenchToken;
  /** The signature alone, from parts that lie ready: the floor of every first-seen token. */
  readonly verifyRaw: (token: BenchToken) => boolean;
};

export const benchIssuer = "https://idp.example.com/tenant";
export const benchAudience = "https://api.example.com";

export function createBenchKey(alg: BenchAlgorithm): BenchKey {
  const { publicKey, privateKey } = pairOf(alg);
  const kid = `bench-${alg}`;
  const header = Buffer.from(JSON.stringify({ alg, typ: "at+jwt", kid })).toString("base64url");
  const hash = alg === "EdDSA" ? null : "sha256";
  const form = (key: KeyObject) => (alg === "ES256" ? ({ key, dsaEncoding: "ieee-p1363" } as const) : key);
  const [signKey, verifyKey] = [form(privateKey), form(publicKey)];
  return {
    alg,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" },
    pem: publicKey.export({ format: "pem", type: "spki" }).toString(),
    mint: () => {
      const signed = Buffer.from(`${header}.${Buffer.from(JSON.stringify(claims())).toString("base64url")}`);
      const signature = sign(hash, signed, signKey);
      return { text: `${signed.toString("latin1")}.${signature.toString("base64url")}`, signed, signature };
    },
    verifyRaw: ({ signed, signature }) => verify(hash, signed, verifyKey, signature),
  };
}

/** A copy as fresh as one that arrives in a request: V8 remembers the hash of a text that it has seen. */
export function arriving({ text }: BenchToken): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

function claims(): object {
  const iat = Math.floor(Date.now() / 1_000);
  return {
    iss: benchIssuer,
    sub: randomUUID(),
    aud: benchAudience,
    iat,
    exp: iat + 3_600,
    jti: randomUUID(),
    sid: randomUUID(),
    client_id: "orders-web",
    scope: "orders:read orders:write",
    email: "ada.lovelace@example.com",
  };
}

function pairOf(alg: BenchAlgorithm) {
  if (alg === "RS256") return generateKeyPairSync("rsa", { modulusLength: 2_048 });
  return alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
}
