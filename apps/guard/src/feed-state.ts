import { agrees, type ReadPage, type ReadSnapshot } from "./feed-body.ts";
import { FeedError } from "./feed-error.ts";
import type { Revocations } from "./revocations.ts";
import type { CheckpointClaims } from "./wire.ts";

/** Where in the feed the guard is, and until when that is known to be the present. Seconds. */
export type FeedPosition = {
  readonly epoch: number;
  readonly seq: number;
  readonly asOf: number;
  readonly expiresAt: number;
  readonly maxStaleSec: number;
};

export type FeedState = {
  readonly position: () => FeedPosition | undefined;
  readonly revocations: () => Revocations | undefined;
  /** Whether the state is known to be the present: its checkpoint has not expired and is young enough. */
  readonly fresh: () => boolean;
  /** The moment from which the state is stale; undefined while there is none. */
  readonly freshUntilSec: () => number | undefined;
  readonly replace: (snapshot: ReadSnapshot, checkpoint: CheckpointClaims) => void;
  /** Applies a page; false if what is held then is not what the feed holds. */
  readonly extend: (read: ReadPage, checkpoint: CheckpointClaims) => boolean;
  /** Takes a checkpoint that brings nothing new; false if what is held is not what the feed holds. */
  readonly confirm: (checkpoint: CheckpointClaims) => boolean;
};

const clockLeadSecMax = 60;

/** The feed's state as verified answers leave it. It goes forward or it stays. */
export function createFeedState(now: () => number, onError: (error: Error) => void): FeedState {
  let revocations: Revocations | undefined;
  let position: FeedPosition | undefined;

  const adopt = (checkpoint: CheckpointClaims): void => {
    if (position === undefined) return;
    if (checkpoint.iat > now() / 1_000 + clockLeadSecMax) {
      onError(
        new FeedError("clocks_disagree", "the feed's clock is more than a minute ahead, so its age cannot be told"),
      );
      return;
    }
    position = {
      ...position,
      asOf: Math.max(position.asOf, checkpoint.as_of),
      expiresAt: Math.max(position.expiresAt, checkpoint.exp),
    };
  };

  return {
    position: () => position,
    revocations: () => revocations,
    fresh: () => {
      const nowSec = now() / 1_000;
      return position !== undefined && nowSec < position.expiresAt && nowSec - position.asOf <= position.maxStaleSec;
    },
    freshUntilSec: () => position && Math.min(position.expiresAt, position.asOf + position.maxStaleSec),
    replace: ({ header, revocations: held }, checkpoint) => {
      const { epoch, seq, max_stale: maxStaleSec } = header;
      refuseGoingBack(position, epoch, seq);
      const age = position?.epoch === epoch ? position : { asOf: 0, expiresAt: 0 };
      position = { epoch, seq, maxStaleSec, asOf: age.asOf, expiresAt: age.expiresAt };
      revocations = held;
      adopt(checkpoint);
    },
    extend: ({ page, entries }, checkpoint) => {
      if (position === undefined || revocations === undefined) return false;
      for (const entry of entries) revocations.apply(entry);
      position = { ...position, seq: page.to, maxStaleSec: page.max_stale };
      // Entries still wait behind this page, so its checkpoint does not speak of what is held.
      if (page.more || checkpoint.seq !== page.to) return true;
      if (!agrees(revocations, checkpoint)) return false;
      adopt(checkpoint);
      return true;
    },
    confirm: (checkpoint) => {
      if (revocations === undefined || !agrees(revocations, checkpoint)) return false;
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
