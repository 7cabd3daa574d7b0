import { renameSync, writeFileSync } from "node:fs";
import type { JWK } from "jose";
import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";
import { readGiven } from "./given-file.ts";
import { privateJwk } from "./secrets.ts";

/** The file behind FEED_KEYS_FILE or SSF_KEYS_FILE. The first key signs; every one of them is published. */
export type FeedKeys = readonly JWK[];

/** Reads a file of feed keys. Throws `CommandError` for what is none. */
export function readFeedKeys(file: string): FeedKeys {
  const text = readGiven(file);
  try {
    const { keys } = JSON.parse(text) as { readonly keys?: unknown };
    if (Array.isArray(keys) && keys.every((key: JWK) => typeof key.kid === "string")) return keys as FeedKeys;
  } catch (cause) {
    throw new CommandError(exitCodes.usage, "keys_unreadable", `${file} is not JSON`, { cause });
  }
  throw new CommandError(exitCodes.usage, "keys_unreadable", `${file} is no JSON Web Key Set whose keys have a kid`);
}

/** Replaces the file as a whole, so that no process reads half of it. */
export function writeFeedKeys(file: string, keys: FeedKeys): void {
  const beside = `${file}.new`;
  writeFileSync(beside, `${JSON.stringify({ keys })}\n`, { mode: 0o600 });
  renameSync(beside, file);
}

/** With a new key behind the others: it is published, and signs nothing yet. */
export async function withNewKey(keys: FeedKeys, algorithm: "EdDSA" | "RS256"): Promise<FeedKeys> {
  return [...keys, await privateJwk(algorithm)];
}

/** With the named key first. */
export function signingWith(keys: FeedKeys, kid: string): FeedKeys {
  const key = named(keys, kid);
  return [key, ...keys.filter((one) => one !== key)];
}

/** Without the named key. The one that signs cannot be withdrawn: followers would refuse every answer. */
export function withoutKey(keys: FeedKeys, kid: string, name: string): FeedKeys {
  const key = named(keys, kid);
  if (key === keys[0])
    throw new CommandError(
      exitCodes.refused,
      "key_signs",
      `${kid} signs: put another key first with \`${name} sign-with\``,
    );
  return keys.filter((one) => one !== key);
}

function named(keys: FeedKeys, kid: string): JWK {
  const key = keys.find((one) => one.kid === kid);
  if (key === undefined) throw new CommandError(exitCodes.refused, "not_found", `there is no key ${kid}`);
  return key;
}
