import { type Database, lanesWaiting } from "@rollcall/core/store";
import { createBell, type Logger } from "@rollcall/core/runtime";
import type { Drain } from "./drain.ts";

export type Sweep = { close(): Promise<void> };

/**
 * Every second, drains each lane that holds events older than a second: a wake-up that was lost, or
 * that nobody could send because the queue is down. It never touches the queue.
 */
export function startSweep(database: Database, drain: Drain, log: Logger, everyMs = 1_000): Sweep {
  const bell = createBell();
  let closed = false;

  async function run(): Promise<void> {
    while (!closed) {
      try {
        for (const lane of await lanesWaiting(database, everyMs)) if (!closed) await sweepLane(lane);
      } catch (error) {
        log.error({ err: error }, "the sweep failed and will be tried again");
      }
      if (!closed) await bell.wait(everyMs);
    }
  }
  /** One lane that cannot be drained must not keep the others waiting. */
  async function sweepLane(lane: number): Promise<void> {
    try {
      await drain(lane);
    } catch (error) {
      log.error({ err: error, lane }, "a lane could not be swept and will be tried again");
    }
  }
  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
    },
  };
}
