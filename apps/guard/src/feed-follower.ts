import type { FeedClient } from "./feed-client.ts";
import { FeedError } from "./feed-error.ts";
import type { FeedFile } from "./feed-file.ts";
import type { Intake } from "./feed-intake.ts";
import { createPace, idleMsMin } from "./feed-pace.ts";
import { createRecovery } from "./feed-recovery.ts";
import type { FeedPosition } from "./feed-state.ts";
import { createTaker } from "./feed-taker.ts";
import type { KeySource } from "./key-source.ts";
import type { FeedTransport } from "./options.ts";
import { backOffMs, jitteredMs, rest } from "./rest.ts";

export type FollowerParts = {
  readonly client: FeedClient;
  readonly keys: KeySource;
  readonly position: () => FeedPosition | undefined;
  readonly freshForSec: () => number | undefined;
  readonly intake: Intake;
  readonly file: FeedFile | undefined;
  readonly transport: FeedTransport;
  readonly waitSecMax: number;
  readonly pollMs: number;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

type Follower = {
  /** A snapshot, a poll, or a stream to its end; resolves to how long to rest before the next. */
  readonly step: () => Promise<number>;
  /** After a failure: another source, and a poll that is answered at once, so that it does not cost a whole wait. */
  readonly recover: () => void;
};

const retryFirstMs = 200;
const retryMaxMs = 10_000;

/** Follows the feed until the signal aborts. `ready` resolves after the first verified answer to a poll, or the first failure. */
export function followFeed(parts: FollowerParts): { readonly ready: Promise<void>; readonly done: Promise<void> } {
  let settleReady = (): void => {};
  const ready = new Promise<void>((resolve) => (settleReady = resolve));
  const follower = createFollower(parts, settleReady);

  const follow = async (): Promise<void> => {
    let failures = 0;
    while (!parts.signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await follower.step();
        failures = 0;
      } catch (error) {
        if (parts.signal.aborted) break;
        failures += 1;
        follower.recover();
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

function createFollower(parts: FollowerParts, onFollowed: () => void): Follower {
  const { client, position } = parts;
  const recovery = createRecovery(parts);
  const pace = createPace(parts);
  const taker = createTaker({ ...parts, onFollowed, onPollAfter: pace.asked });

  const takeSnapshot = async (): Promise<number> => {
    await taker.takeSnapshot({ kind: "snapshot", ...(await client.snapshot()) });
    pace.hurry();
    const inARow = taker.snapshotsInARow();
    // Snapshots that lead nowhere are slowed down like failures.
    return inARow > 1 ? backOffMs(inARow, retryFirstMs, retryMaxMs) : 0;
  };

  const poll = async (held: FeedPosition): Promise<number> => {
    const startedAt = performance.now();
    const wasHurried = pace.isHurried();
    await taker.take(await client.changes(`${held.epoch}-${held.seq}`, pace.waitSec()));
    pace.calm();
    if (taker.wantsSnapshot()) return 0;
    const moved = wasHurried || position()?.seq !== held.seq;
    return pace.restMs(moved, performance.now() - startedAt);
  };

  const listen = async (held: FeedPosition): Promise<number> => {
    const answers = await client.stream(`${held.epoch}-${held.seq}`);
    if (answers === undefined) {
      pace.giveUpStream();
      return 0;
    }
    const startedAt = performance.now();
    try {
      for await (const answer of answers) {
        await taker.take(answer);
        if (taker.wantsSnapshot()) return 0;
      }
    } catch (error) {
      pace.streamBroke(performance.now() - startedAt);
      throw error;
    }
    // Whoever ends streams at once is not asked for one after the other.
    return jitteredMs(idleMsMin);
  };

  return {
    step: async () => {
      if (await recovery()) taker.wantSnapshot();
      const held = position();
      if (held === undefined || taker.wantsSnapshot()) return takeSnapshot();
      return pace.mayStream() ? listen(held) : poll(held);
    },
    recover: () => {
      pace.hurry();
      client.turnAway();
    },
  };
}
