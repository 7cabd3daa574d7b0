import type { JSONWebKeySet } from "jose";
import { exchange } from "./exchange.ts";
import { createKeySet, type KeyQuestion, type KeySet } from "./key-set.ts";
import { backOffMs, rest } from "./rest.ts";
import type { VerifyKey } from "./verify-key.ts";

export type KeyFault = "key_unknown" | "keys_unavailable";

export type KeySource = {
  /** Resolves after the first attempt, and keeps refreshing behind it. */
  readonly start: () => Promise<void>;
  /** One key or more, or why there is none; where `mayWait`, a fetch that may bring the key, after which to ask again. */
  readonly find: (
    question: KeyQuestion,
    nowMs: number,
    mayWait: boolean,
  ) => readonly VerifyKey[] | KeyFault | Promise<void>;
  /** Changes whenever the keys do; undefined while none may be used. What was verified under another is void. */
  readonly version: (nowMs: number) => number | undefined;
  readonly status: () => KeyStatus;
};

export type KeyStatus = { readonly keys: number; readonly fetchedAtMs: number | undefined };

export type KeySourceOptions = {
  readonly load: (signal: AbortSignal) => Promise<JSONWebKeySet>;
  /** The ids of keys that are not used, whoever publishes them. */
  readonly refusedKeys?: readonly string[];
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

type Held = {
  readonly text: string;
  readonly fetchedAtMs: number;
  readonly version: number;
  readonly keys: KeySet;
};

const refreshMs = 300_000;
const keepMs = 24 * 3_600_000;
const cooldownMs = 30_000;
const retryFirstMs = 500;
const retryMaxMs = 30_000;
const keyBytesMax = 512 * 1024;
const keyTimeoutMs = 5_000;

/** Keys that never change. */
export function pinnedKeys(jwks: JSONWebKeySet, refusedKeys?: readonly string[]): KeySource {
  const keys = createKeySet(jwks, refusedKeys);
  return {
    start: async () => {},
    find: (question) => found(keys, question) ?? "key_unknown",
    version: () => 1,
    status: () => ({ keys: keys.count, fetchedAtMs: undefined }),
  };
}

/**
 * Keys fetched in the background: the last good ones serve through an outage of up to 24 hours, and an
 * unknown key id costs at most one fetch per 30 seconds however many tokens carry one.
 */
export function fetchedKeys(options: KeySourceOptions): KeySource {
  const { signal } = options;
  const fetching = createFetching(options);

  const keepFresh = async (): Promise<void> => {
    while (!signal.aborted) {
      const failures = fetching.failures();
      await rest(
        failures > 0 ? backOffMs(failures, retryFirstMs, retryMaxMs) : refreshMs * (0.9 + Math.random() / 5),
        signal,
      );
      if (!signal.aborted) await fetching.refresh();
    }
  };

  return {
    start: async () => {
      await fetching.refresh();
      void keepFresh();
    },
    find: (question, nowMs, mayWait) => {
      const held = fetching.usable(nowMs);
      const known = held === undefined ? undefined : found(held.keys, question);
      if (known !== undefined) return known;
      const underway = fetching.underway();
      if (mayWait && underway !== undefined) return underway;
      if (held === undefined) return "keys_unavailable";
      if (mayWait && !fetching.isCooling(nowMs)) return fetching.refresh();
      return fetching.failures() > 0 ? "keys_unavailable" : "key_unknown";
    },
    version: (nowMs) => fetching.usable(nowMs)?.version,
    status: () => {
      const held = fetching.held();
      return { keys: held?.keys.count ?? 0, fetchedAtMs: held?.fetchedAtMs };
    },
  };
}

/** One fetch at a time, and what the last good one brought. */
function createFetching({ load, refusedKeys, now, signal, onError }: KeySourceOptions) {
  let held: Held | undefined;
  let attempt: Promise<void> | undefined;
  let attemptedAtMs = Number.NEGATIVE_INFINITY;
  let failures = 0;

  const fetchOnce = async (): Promise<void> => {
    attemptedAtMs = now();
    try {
      held = hold(await load(signal), refusedKeys, held, now());
      failures = 0;
    } catch (cause) {
      failures += 1;
      if (!signal.aborted) onError(asError(cause));
    }
  };

  return {
    refresh: (): Promise<void> => {
      attempt ??= fetchOnce().finally(() => (attempt = undefined));
      return attempt;
    },
    underway: () => attempt,
    failures: () => failures,
    held: () => held,
    usable: (nowMs: number): Held | undefined =>
      held !== undefined && nowMs - held.fetchedAtMs <= keepMs ? held : undefined,
    isCooling: (nowMs: number): boolean => nowMs - attemptedAtMs < cooldownMs,
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

function hold(
  jwks: JSONWebKeySet,
  refusedKeys: readonly string[] | undefined,
  before: Held | undefined,
  fetchedAtMs: number,
): Held {
  const text = JSON.stringify(jwks.keys);
  if (before !== undefined && before.text === text) return { ...before, fetchedAtMs };
  return { text, fetchedAtMs, version: (before?.version ?? 0) + 1, keys: createKeySet(jwks, refusedKeys) };
}

function found(keys: KeySet, question: KeyQuestion): readonly VerifyKey[] | undefined {
  const answer = keys.find(question);
  return answer.length === 0 ? undefined : answer;
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
