import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from "jose";

export type Secrets = {
  readonly ROLLCALL_SECRET: string;
  readonly FEED_KEYS: string;
  readonly SSF_KEYS: string;
};

/** Reads the house's secrets from a directory of mode 0700, and makes those that are missing. */
export async function ensureSecrets(directory: string): Promise<Secrets> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    ROLLCALL_SECRET: await ensureSecret(directory, "rollcall-secret", async () =>
      randomBytes(32).toString("base64url"),
    ),
    FEED_KEYS: await ensureSecret(directory, "feed-keys.json", async () =>
      JSON.stringify({ keys: [await privateJwk("EdDSA")] }),
    ),
    SSF_KEYS: await ensureSecret(directory, "ssf-keys.json", async () =>
      JSON.stringify({ keys: [await privateJwk("RS256")] }),
    ),
  };
}

/** Reads one secret, or makes it once; the file is readable by its owner alone. */
export async function ensureSecret(directory: string, name: string, make: () => Promise<string>): Promise<string> {
  const file = path.join(directory, name);
  if (!existsSync(file)) writeFileSync(file, `${await make()}\n`, { mode: 0o600, flag: "wx" });
  return readFileSync(file, "utf8").trim();
}

export async function privateJwk(algorithm: "EdDSA" | "RS256"): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { ...(await exportJWK(privateKey as CryptoKey)), kid: randomUUID(), alg: algorithm, use: "sig" };
}
