import { type Database, lanesWaiting } from "@rollcall/core/store";
import { type Logger, type Rounds, startRounds } from "@rollcall/core/runtime";
import type { Drain } from "./drain.ts";

/**
 * Every second, drains each lane that holds events older than a second: a wake-up that was lost, or
 * that nobody could send because the queue is down. It never touches the queue.
 */
export function startSweep(database: Database, drain: Drain, log: Logger, everyMs = 1_000): Rounds {
  return startRounds(
    everyMs,
    async (closed) => {
      for (const lane of await lanesWaiting(database, everyMs)) if (!closed()) await sweepLane(lane);
    },
    (error) => log.error({ err: error }, "the sweep failed and will be tried again"),
  );
  /** One lane that cannot be drained must not keep the others waiting. */
  async function sweepLane(lane: number): Promise<void> {
    try {
      await drain(lane);
    } catch (error) {
      log.error({ err: error, lane }, "a lane could not be swept and will be tried again");
    }
  }
}

/**
 * Ten times a second, drains the denials of all lanes: behind a backlog their own lanes may have to wait
 * for many seconds until it is their turn.
 */
export function startDenialSweep(drainDenials: () => Promise<unknown>, log: Logger, everyMs = 100): Rounds {
  return startRounds(everyMs, drainDenials, (error) =>
    log.error({ err: error }, "denials could not be swept and will be tried again"),
  );
}
