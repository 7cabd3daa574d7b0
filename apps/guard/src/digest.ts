import { createHash } from "node:crypto";
import { digestInput, type FeedEntry } from "./wire.ts";

type Hashable = Parameters<typeof digestInput>[0] & Partial<FeedEntry>;

const modulus = 1n << 256n;

/** The running digest: the sum of the live entries' SHA-256 modulo 2^256, so one change costs one hash. */
export function addToDigest(digest: bigint, entry: Hashable): bigint {
  return (digest + hashOf(entry)) % modulus;
}

export function removeFromDigest(digest: bigint, entry: Hashable): bigint {
  return (digest - hashOf(entry) + modulus) % modulus;
}

/** 32 bytes, base64url: how the digest travels. */
export function digestText(digest: bigint): string {
  return Buffer.from(digest.toString(16).padStart(64, "0"), "hex").toString("base64url");
}

function hashOf(entry: Hashable): bigint {
  const input = digestInput(entry);
  if (input === undefined) return 0n;
  return BigInt(`0x${createHash("sha256").update(input).digest("hex")}`);
}
