import { createHash } from "node:crypto";
import { compactVerify, decodeProtectedHeader, type JWTHeaderParameters } from "jose";
import { FeedError } from "./feed-error.ts";
import type { KeySource } from "./key-source.ts";
import { checkpointType, type CheckpointClaims } from "./wire.ts";

export type CheckpointScope = { readonly feed: string; readonly keys: KeySource; readonly now: () => number };

/** Returns the checkpoint's claims if the feed's key signed them for this feed and for exactly this body. */
export async function verifyCheckpoint(
  jws: string | undefined,
  { feed, keys, now }: CheckpointScope,
  body?: Buffer,
): Promise<CheckpointClaims> {
  if (jws === undefined) throw new FeedError("checkpoint_missing", "the answer carries no checkpoint");
  const claims = readClaims(await verifySignature(jws, keys, now));
  if (claims.feed !== feed) throw new FeedError("checkpoint_elsewhere", `the checkpoint is of the feed ${claims.feed}`);
  if (body !== undefined && claims.body_sha256 !== createHash("sha256").update(body).digest("base64url")) {
    throw new FeedError("body_forged", "the body is not the one that was signed");
  }
  return claims;
}

async function verifySignature(jws: string, keys: KeySource, now: () => number): Promise<Uint8Array> {
  const header = readHeader(jws);
  // RFC 8725 §3.11: explicit typing, so that nothing else the feed's key signs passes as a checkpoint.
  if (header.alg !== "EdDSA" || header.typ !== checkpointType || typeof header.kid !== "string") {
    throw new FeedError("checkpoint_forged", "the checkpoint is of another type or algorithm, or names no key");
  }
  const question = { alg: "EdDSA", kid: header.kid };
  let candidates = keys.find(question, now(), true);
  if (candidates instanceof Promise) {
    await candidates;
    candidates = keys.find(question, now(), false);
  }
  if (candidates === "keys_unavailable")
    throw new FeedError("feed_keys_unavailable", "the feed's keys could not be fetched");
  if (candidates === "key_unknown") throw new FeedError("checkpoint_forged", `the feed has no key ${header.kid}`);
  const [key] = candidates instanceof Promise ? [] : candidates;
  if (key === undefined) throw new FeedError("checkpoint_forged", `the feed's key ${header.kid} cannot be used`);
  try {
    return (await compactVerify(jws, key.key, { algorithms: ["EdDSA"] })).payload;
  } catch (cause) {
    throw new FeedError("checkpoint_forged", "the checkpoint's signature does not hold", { cause });
  }
}

function readHeader(jws: string): JWTHeaderParameters {
  try {
    return decodeProtectedHeader(jws) as JWTHeaderParameters;
  } catch (cause) {
    throw new FeedError("checkpoint_forged", "the checkpoint cannot be read", { cause });
  }
}

function readClaims(payload: Uint8Array): CheckpointClaims {
  const claims = parseObject(payload);
  for (const name of ["epoch", "seq", "as_of", "iat", "exp"]) {
    if (!isCount(claims[name])) throw new FeedError("checkpoint_malformed", `${name} is no number`);
  }
  for (const name of ["digest", "body_sha256"]) {
    if (claims[name] !== undefined && typeof claims[name] !== "string")
      throw new FeedError("checkpoint_malformed", `${name} is no text`);
  }
  if (typeof claims["feed"] !== "string") throw new FeedError("checkpoint_malformed", "it names no feed");
  if (claims["n"] !== undefined && !isCount(claims["n"])) throw new FeedError("checkpoint_malformed", "n is no number");
  return claims as unknown as CheckpointClaims;
}

function parseObject(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new FeedError("checkpoint_malformed", "its claims are no JSON", { cause });
  }
  throw new FeedError("checkpoint_malformed", "its claims are no object");
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
