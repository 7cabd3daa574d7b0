import type { ChangesAnswer, FeedClient } from "./feed-client.ts";
import { FeedError } from "./feed-error.ts";
import type { FeedFile } from "./feed-file.ts";
import type { Intake, Received } from "./feed-intake.ts";
import type { FeedPosition, FeedState } from "./feed-state.ts";
import type { KeySource } from "./key-source.ts";
import { backOffMs, rest } from "./rest.ts";

export type FollowerParts = {
  readonly client: FeedClient;
  readonly keys: KeySource;
  readonly state: FeedState;
  readonly intake: Intake;
  readonly file: FeedFile | undefined;
  readonly waitSecMax: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

type Follower = {
  /** A snapshot or a poll; resolves to how long to rest before the next. */
  readonly step: () => Promise<number>;
  readonly polled: () => boolean;
  /** The next poll is answered at once, so that one failure does not cost a whole wait. */
  readonly hurry: () => void;
};

const retryFirstMs = 200;
const retryMaxMs = 10_000;
/** Between two answers that brought nothing, should the feed not hold them back itself. */
const idleMsMin = 1_000;
const pollAfterMsMax = 60_000;
/** While blind, long enough not to press a feed in trouble, short enough to see again soon. */
const blindWaitSec = 2;

/** Follows the feed until the signal aborts. `ready` resolves after the first verified answer to a poll, or the first failure. */
export function followFeed(parts: FollowerParts): { readonly ready: Promise<void>; readonly done: Promise<void> } {
  let settleReady = (): void => {};
  const ready = new Promise<void>((resolve) => (settleReady = resolve));
  const follower = createFollower(parts, createRecovery(parts));

  const follow = async (): Promise<void> => {
    let failures = 0;
    while (!parts.signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await follower.step();
        failures = 0;
        if (follower.polled()) settleReady();
      } catch (error) {
        if (parts.signal.aborted) break;
        failures += 1;
        follower.hurry();
        parts.onError(error instanceof Error ? error : new Error(String(error)));
        settleReady();
        const askedMs = error instanceof FeedError ? (error.retryAfterMs ?? 0) : 0;
        pauseMs = Math.max(backOffMs(failures, retryFirstMs, retryMaxMs), askedMs);
      }
      if (pauseMs > 0) await rest(pauseMs, parts.signal);
    }
    settleReady();
  };
  return { ready, done: follow() };
}

function createFollower(parts: FollowerParts, recover: () => Promise<boolean>): Follower {
  const { client, state, intake, file, now, onError } = parts;
  let wantsSnapshot = false;
  let snapshotsInARow = 0;
  let pollAfterMs = 0;
  let hurried = true;
  let polled = false;

  const takeSnapshot = async (): Promise<number> => {
    const received = { kind: "snapshot", ...(await client.snapshot()) } as const;
    await intake(received);
    wantsSnapshot = false;
    hurried = true;
    snapshotsInARow += 1;
    await keep(file, received, onError);
    // Snapshots that lead nowhere are slowed down like failures.
    return snapshotsInARow > 1 ? backOffMs(snapshotsInARow, retryFirstMs, retryMaxMs) : 0;
  };

  const take = async (answer: ChangesAnswer): Promise<void> => {
    if (answer.kind === "gone") {
      wantsSnapshot = true;
      return;
    }
    const { outcome, pollAfterMs: askedMs } = await intake(answer);
    if (askedMs !== undefined) pollAfterMs = Math.min(askedMs, pollAfterMsMax);
    if (outcome === "taken") return keep(file, answer, onError);
    wantsSnapshot = true;
    if (outcome === "drifted")
      onError(new FeedError("digest_mismatch", "what is held is not what the feed holds; taking a snapshot"));
  };

  const waitSec = (): number => {
    if (hurried) return 0;
    const leftSec = (state.freshUntilSec() ?? 0) - now() / 1_000;
    // The answer has to come while what is held is still fresh.
    return Math.floor(Math.min(parts.waitSecMax, leftSec > 0 ? leftSec * 0.75 : blindWaitSec));
  };

  const poll = async (held: FeedPosition): Promise<number> => {
    const startedAt = performance.now();
    const immediate = hurried;
    await take(await client.changes(`${held.epoch}-${held.seq}`, waitSec()));
    hurried = false;
    if (wantsSnapshot) return 0;
    snapshotsInARow = 0;
    polled = true;
    wantsSnapshot = file?.overgrown() === true;
    if (immediate || state.position()?.seq !== held.seq) return pollAfterMs;
    return Math.max(pollAfterMs, idleMsMin - (performance.now() - startedAt));
  };

  return {
    step: async () => {
      if (await recover()) wantsSnapshot = true;
      const held = state.position();
      return held === undefined || wantsSnapshot ? takeSnapshot() : poll(held);
    },
    polled: () => polled,
    hurry: () => void (hurried = true),
  };
}

/** Takes what is on disk, once, with every check an answer from the network has; true if a snapshot has to replace it. */
function createRecovery({ file, keys, intake, onError }: FollowerParts): () => Promise<boolean> {
  let recovered = false;
  return async () => {
    if (recovered || file === undefined) return false;
    if (keys.version() === undefined)
      throw new FeedError("feed_keys_unavailable", "without the feed's keys its file cannot be verified");
    recovered = true;
    try {
      const { records, torn } = await file.load();
      for (const record of records) {
        const { outcome } = await intake(record);
        if (outcome !== "taken") throw new FeedError("body_malformed", "a record does not follow the one before it");
      }
      if (torn) throw new FeedError("body_malformed", "the last record is not whole");
      return false;
    } catch (cause) {
      onError(
        new FeedError("file_unusable", "the persisted feed was taken only as far as it could be verified", { cause }),
      );
      return true;
    }
  };
}

async function keep(file: FeedFile | undefined, received: Received, onError: (error: Error) => void): Promise<void> {
  if (file === undefined) return;
  try {
    await (received.kind === "snapshot" ? file.begin(received) : file.append(received));
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
  }
}
