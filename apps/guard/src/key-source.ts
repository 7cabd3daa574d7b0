import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import { exchange } from "./exchange.ts";
import { backOffMs, rest } from "./rest.ts";

export type KeyAnswer = readonly CryptoKey[] | "key_unknown" | "keys_unavailable";

export type KeySource = {
  /** Resolves after the first attempt, and keeps refreshing behind it. */
  readonly start: () => Promise<void>;
  readonly find: (header: JWSHeaderParameters) => Promise<KeyAnswer>;
  /** Changes whenever the keys do; undefined while none may be used. What was verified under another is void. */
  readonly version: () => number | undefined;
  readonly status: () => KeyStatus;
};

export type KeyStatus = { readonly keys: number; readonly fetchedAtMs: number | undefined };

export type KeySourceOptions = {
  readonly load: (signal: AbortSignal) => Promise<JSONWebKeySet>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

type Held = {
  readonly text: string;
  readonly count: number;
  readonly fetchedAtMs: number;
  readonly version: number;
  readonly select: ReturnType<typeof createLocalJWKSet>;
};

const refreshMs = 300_000;
const keepMs = 24 * 3_600_000;
const cooldownMs = 30_000;
const retryFirstMs = 500;
const retryMaxMs = 30_000;
const keysMax = 100;
const keyBytesMax = 512 * 1024;
const keyTimeoutMs = 5_000;

/** Keys that never change. */
export function pinnedKeys(jwks: JSONWebKeySet): KeySource {
  const held = hold(jwks, undefined, 0);
  return {
    start: async () => {},
    find: async (header) => (await select(held, header)) ?? "key_unknown",
    version: () => held.version,
    status: () => ({ keys: held.count, fetchedAtMs: undefined }),
  };
}

/**
 * Keys fetched in the background: the last good ones serve through an outage of up to 24 hours, and an
 * unknown key id costs at most one fetch per 30 seconds however many tokens carry one.
 */
export function fetchedKeys(options: KeySourceOptions): KeySource {
  const { now, signal } = options;
  let held: Held | undefined;
  let attempt: Promise<void> | undefined;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;

  const usable = (): Held | undefined => (held !== undefined && now() - held.fetchedAtMs <= keepMs ? held : undefined);

  const refresh = async (): Promise<void> => {
    attemptedAtMs = now();
    try {
      held = hold(await options.load(signal), held, now());
      failures = 0;
    } catch (cause) {
      failures += 1;
      if (!signal.aborted) options.onError(asError(cause));
    }
  };
  const refreshOnce = (): Promise<void> => {
    attempt ??= refresh().finally(() => (attempt = undefined));
    return attempt;
  };
  const keepFresh = async (): Promise<void> => {
    while (!signal.aborted) {
      await rest(
        failures > 0 ? backOffMs(failures, retryFirstMs, retryMaxMs) : refreshMs * (0.9 + Math.random() / 5),
        signal,
      );
      if (!signal.aborted) await refreshOnce();
    }
  };

  return {
    start: async () => {
      await refreshOnce();
      void keepFresh();
    },
    find: async (header) => {
      if (usable() === undefined) await attempt;
      const before = usable();
      if (before === undefined) return "keys_unavailable";
      const known = await select(before, header);
      if (known !== undefined) return known;
      if (attempt === undefined && now() - attemptedAtMs < cooldownMs)
        return failures > 0 ? "keys_unavailable" : "key_unknown";
      await refreshOnce();
      const after = usable();
      const found = after === undefined ? undefined : await select(after, header);
      return found ?? (failures > 0 ? "keys_unavailable" : "key_unknown");
    },
    version: () => usable()?.version,
    status: () => ({ keys: held?.count ?? 0, fetchedAtMs: held?.fetchedAtMs }),
  };
}

/** Fetches a JSON document with the limits every key fetch has. */
export async function fetchDocument(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const answer = await exchange({
    url,
    headers: { accept: "application/json" },
    timeoutMs: keyTimeoutMs,
    bytesMax: keyBytesMax,
    signal,
  });
  if (answer.status !== 200) throw new Error(`GET ${url} answered ${answer.status}, not 200`);
  try {
    const document: unknown = JSON.parse(answer.body.toString("utf8"));
    if (typeof document === "object" && document !== null) return document as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`GET ${url} brought no JSON`, { cause });
  }
  throw new Error(`GET ${url} brought no JSON object`);
}

export async function fetchKeySet(url: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  return (await fetchDocument(url, signal)) as unknown as JSONWebKeySet;
}

function hold(jwks: JSONWebKeySet, before: Held | undefined, fetchedAtMs: number): Held {
  if (!Array.isArray(jwks.keys) || jwks.keys.length === 0) throw new Error("the key set holds no keys");
  if (jwks.keys.length > keysMax) throw new Error(`the key set holds more than ${keysMax} keys`);
  const text = JSON.stringify(jwks.keys);
  if (before?.text === text) return { ...before, fetchedAtMs };
  const version = (before?.version ?? 0) + 1;
  return { text, count: jwks.keys.length, fetchedAtMs, version, select: createLocalJWKSet(jwks) };
}

async function select(held: Held, header: JWSHeaderParameters): Promise<readonly CryptoKey[] | undefined> {
  try {
    return [await held.select(header)];
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return undefined;
    // RFC 7515 §4.1.4: kid is optional, so without it any key of the right kind may be the one.
    const keys: CryptoKey[] = [];
    for await (const key of error) keys.push(key);
    return keys;
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
