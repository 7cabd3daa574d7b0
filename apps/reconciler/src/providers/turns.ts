import type { Clock } from "./clock.ts";
import type { PaceOptions } from "./pace-options.ts";
import { interrupted, ProviderFailure } from "./provider.ts";

/** Who may ask, and when: some at once, so many a second, and nobody during a pause. */
export type Turns = {
  take<Answer>(work: () => Promise<Answer>, signal: AbortSignal): Promise<Answer>;
  pause(seconds: number): void;
};

type Limits = Pick<PaceOptions, "perSec" | "burst" | "atOnceMax" | "waitingMax">;

/** A place for each who asks, and a token bucket that refills `perSec` and holds `burst`. */
export function createTurns(limits: Limits, clock: Clock): Turns {
  const places = createPlaces(limits);
  const bucket = createBucket(limits, clock);
  return {
    take: async (work, signal) => {
      await places.take(signal);
      try {
        await bucket.take(signal);
        return await work();
      } finally {
        places.leave();
      }
    },
    pause: bucket.pause,
  };
}

function createPlaces({ atOnceMax, waitingMax, perSec }: Limits) {
  let taken = 0;
  const waiting = new Set<() => void>();
  return {
    take: async (signal: AbortSignal): Promise<void> => {
      if (signal.aborted) throw interrupted();
      if (taken < atOnceMax) {
        taken += 1;
        return;
      }
      if (waiting.size >= waitingMax) {
        const waitSec = Math.ceil(waitingMax / perSec);
        throw new ProviderFailure("throttled", `${waitingMax} questions are waiting already`, waitSec);
      }
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          waiting.delete(call);
          reject(interrupted());
        };
        // Called by whoever leaves their place to this one: it stays taken.
        const call = (): void => {
          signal.removeEventListener("abort", leave);
          resolve();
        };
        waiting.add(call);
        signal.addEventListener("abort", leave, { once: true });
      });
    },
    leave: (): void => {
      const [next] = waiting;
      if (next === undefined) taken -= 1;
      else {
        waiting.delete(next);
        next();
      }
    },
  };
}

function createBucket({ perSec, burst }: Limits, { now, sleep }: Clock) {
  const stepMs = 1_000 / perSec;
  // When the bucket is full again: how far that is ahead is how empty it is.
  let fullAt = now();
  let pausedUntil = 0;
  return {
    take: async (signal: AbortSignal): Promise<void> => {
      fullAt = Math.max(fullAt, now()) + stepMs;
      let waitMs = fullAt - now() - burst * stepMs;
      for (; waitMs > 0 || pausedUntil > now(); waitMs = 0) await sleep(Math.max(waitMs, pausedUntil - now()), signal);
    },
    pause: (seconds: number): void => {
      pausedUntil = Math.max(pausedUntil, now() + seconds * 1_000);
    },
  };
}
