import { agrees, type Holding, type ReadPage, type ReadSnapshot } from "./feed-content.ts";
import { FeedError } from "./feed-error.ts";
import type { CheckpointClaims } from "./wire.ts";

/** Where in the feed the guard is, and until when that is known to be the present. Seconds. */
export type FeedPosition = {
  readonly epoch: number;
  readonly seq: number;
  readonly asOf: number;
  readonly expiresAt: number;
  readonly maxStaleSec: number;
};

export type FeedState<H extends Holding, E> = {
  readonly position: () => FeedPosition | undefined;
  readonly held: () => H | undefined;
  /** Whether the state is known to be the present: its checkpoint has not expired and is young enough. */
  readonly fresh: (nowMs: number) => boolean;
  /** For how long the state is still the present; negative where it no longer is, undefined while there is none. */
  readonly freshForSec: () => number | undefined;
  readonly replace: (snapshot: ReadSnapshot<H>, checkpoint: CheckpointClaims) => void;
  /** Applies a page; false if what is held then is not what the feed holds. */
  readonly extend: (read: ReadPage<E>, checkpoint: CheckpointClaims) => boolean;
  /** Takes a checkpoint that brings nothing new; false if what is held is not what the feed holds. */
  readonly confirm: (checkpoint: CheckpointClaims) => boolean;
};

export type FeedStateParts<H, E> = {
  readonly apply: (held: H, entry: E) => void;
  readonly now: () => number;
  readonly uptimeMs: () => number;
  readonly onError: (error: Error) => void;
};

const clockLeadSecMax = 60;

/** A feed's state as verified answers leave it. It goes forward or it stays. */
export function createFeedState<H extends Holding, E>(parts: FeedStateParts<H, E>): FeedState<H, E> {
  const { apply, now, uptimeMs } = parts;
  let held: H | undefined;
  let position: FeedPosition | undefined;
  /** By the clock that nobody sets: whoever turns the other one back does not make an old checkpoint young. */
  let freshUntilUptimeMs = Number.NEGATIVE_INFINITY;

  const adopt = (checkpoint: CheckpointClaims): void => {
    if (position === undefined) return;
    const nowSec = now() / 1_000;
    if (checkpoint.iat > nowSec + clockLeadSecMax) {
      parts.onError(
        new FeedError("clocks_disagree", "the feed's clock is more than a minute ahead, so its age cannot be told"),
      );
      return;
    }
    const asOf = Math.max(position.asOf, checkpoint.as_of);
    const expiresAt = Math.max(position.expiresAt, checkpoint.exp);
    // A checkpoint that was seen before proves nothing about now.
    if (asOf > position.asOf || expiresAt > position.expiresAt) {
      const lifeSec = checkpoint.exp - checkpoint.iat;
      const leftSec = Math.min(lifeSec, expiresAt - nowSec, asOf + position.maxStaleSec - nowSec);
      freshUntilUptimeMs = Math.max(freshUntilUptimeMs, uptimeMs() + leftSec * 1_000);
    }
    position = { ...position, asOf, expiresAt };
  };

  return {
    position: () => position,
    held: () => held,
    fresh: (nowMs) =>
      position !== undefined &&
      nowMs < position.expiresAt * 1_000 &&
      nowMs <= (position.asOf + position.maxStaleSec) * 1_000 &&
      uptimeMs() <= freshUntilUptimeMs,
    freshForSec: () => {
      if (position === undefined) return undefined;
      const untilSec = Math.min(position.expiresAt, position.asOf + position.maxStaleSec);
      return Math.min(untilSec - now() / 1_000, (freshUntilUptimeMs - uptimeMs()) / 1_000);
    },
    replace: ({ head, held: replacement }, checkpoint) => {
      const { epoch, seq, max_stale: maxStaleSec } = head;
      refuseGoingBack(position, epoch, seq);
      const age = position?.epoch === epoch ? position : { asOf: 0, expiresAt: 0 };
      position = { epoch, seq, maxStaleSec, asOf: age.asOf, expiresAt: age.expiresAt };
      held = replacement;
      adopt(checkpoint);
    },
    extend: ({ head, entries }, checkpoint) => {
      if (position === undefined || held === undefined) return false;
      for (const entry of entries) apply(held, entry);
      position = { ...position, seq: head.to, maxStaleSec: head.max_stale };
      // Entries still wait behind this page, so its checkpoint does not speak of what is held.
      if (head.more || checkpoint.seq !== head.to) return true;
      if (!agrees(held, checkpoint)) return false;
      adopt(checkpoint);
      return true;
    },
    confirm: (checkpoint) => {
      if (held === undefined || !agrees(held, checkpoint)) return false;
      adopt(checkpoint);
      return true;
    },
  };
}

/** Throws if the feed tells of a time before the one held: following it would forget denials. */
export function refuseGoingBack(held: FeedPosition | undefined, epoch: number, seq: number): void {
  if (held === undefined || epoch > held.epoch || (epoch === held.epoch && seq >= held.seq)) return;
  throw new FeedError("rolled_back", `the feed went back from ${held.epoch}-${held.seq} to ${epoch}-${seq}`);
}
