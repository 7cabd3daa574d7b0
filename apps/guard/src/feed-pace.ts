import type { FeedTransport } from "./options.ts";
import { jitteredMs } from "./rest.ts";

export type PaceParts = {
  readonly transport: FeedTransport;
  readonly waitSecMax: number;
  readonly pollMs: number;
  readonly freshForSec: () => number | undefined;
};

/** When to ask a feed, and how: what it asked for, what is due before what is held grows stale, and what was chosen. */
export type FeedPace = {
  readonly hurry: () => void;
  readonly isHurried: () => boolean;
  readonly calm: () => void;
  readonly mayStream: () => boolean;
  readonly giveUpStream: () => void;
  /** A stream ended in a fault, so long after it began. */
  readonly streamBroke: (afterMs: number) => void;
  readonly asked: (ms: number | undefined) => void;
  readonly waitSec: () => number;
  readonly restMs: (moved: boolean, tookMs: number) => number;
};

/** Between two answers that brought nothing, should the feed not hold them back itself. */
export const idleMsMin = 1_000;
const askedMsMax = 60_000;
/** Streams that break so often and so soon do not get through here; polls may. */
const brokenInARowMax = 3;
const brokenSoonMs = 5_000;
/** While blind, long enough not to press a feed in trouble, short enough to see again soon. */
const blindWaitSec = 2;

export function createPace({ transport, waitSecMax, pollMs, freshForSec }: PaceParts): FeedPace {
  let hurried = true;
  let askedMs = 0;
  let streams = transport === "stream";
  let brokenInARow = 0;

  return {
    hurry: () => void (hurried = true),
    isHurried: () => hurried,
    calm: () => void (hurried = false),
    /** One poll first, so that whoever starts a guard has an answer before a stream that may say nothing for seconds. */
    mayStream: () => streams && !hurried,
    giveUpStream: () => void (streams = false),
    streamBroke: (afterMs) => {
      brokenInARow = afterMs < brokenSoonMs ? brokenInARow + 1 : 0;
      if (brokenInARow >= brokenInARowMax) streams = false;
    },
    asked: (ms) => {
      if (ms !== undefined) askedMs = Math.min(ms, askedMsMax);
    },
    waitSec: () => {
      if (hurried || transport === "short-poll") return 0;
      const leftSec = freshForSec() ?? 0;
      // The answer has to come while what is held is still fresh.
      return Math.floor(Math.min(waitSecMax, leftSec > 0 ? leftSec * 0.75 : blindWaitSec));
    },
    restMs: (moved, tookMs) => {
      if (streams) return 0;
      if (moved) return jitteredMs(askedMs);
      if (transport === "short-poll") return jitteredMs(Math.max(askedMs, pollMs));
      return Math.max(jitteredMs(askedMs), idleMsMin - tookMs);
    },
  };
}
