import { setTimeout as delay } from "node:timers/promises";
import { interrupted } from "./provider.ts";

/** The time, and waiting for it. */
export type Clock = {
  /** Milliseconds, that only ever grow. */
  readonly now: () => number;
  /** Throws `interrupted` where the signal ends it. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
};

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) =>
    delay(ms, undefined, { signal }).catch(() => {
      throw interrupted();
    }),
};
