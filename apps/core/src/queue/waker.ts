import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { connectQueue, laneQueue, type QueueAddress } from "./connection.ts";

export type Waker = {
  /** Tells the workers that these lanes have work. Never waits and never throws: a lost wake-up costs one sweep. */
  wake(lanes: readonly number[]): void;
  close(): Promise<void>;
};

// An add costs more than an event's own commit: past this many a second they would take from the
// writes what they are to make faster, and whoever is woken drains all that waits anyway.
const wakesPerSecMax = 100;
const wakesAtOnceMax = 16;

/**
 * Wakes lanes through BullMQ: at once while there is little to wake, and in turn under load, where
 * all that arrives for a lane before its turn shares one wake-up.
 */
export function createWaker(address: QueueAddress, onError: (error: Error) => void): Waker {
  const backend = connectQueue(address, "send");
  const queue = new Queue(
    laneQueue,
    { connection: backend.connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } },
    backend.factory,
  );
  queue.on("error", onError);
  const allowance = createAllowance(wakesPerSecMax, wakesAtOnceMax);
  const waiting = new Set<number>();
  let running: Promise<void> | undefined;
  const closing = new AbortController();

  async function sendWaiting(): Promise<void> {
    while (waiting.size > 0) {
      const lanes = [...waiting].slice(0, allowance.take(waiting.size));
      for (const lane of lanes) waiting.delete(lane);
      await queue.addBulk(lanes.map(laneJob)).catch(onError);
      if (waiting.size > 0)
        await delay(1_000 / wakesPerSecMax, undefined, { signal: closing.signal }).catch(() => undefined);
    }
    running = undefined;
  }
  return {
    wake: (lanes) => {
      for (const lane of lanes) waiting.add(lane);
      running ??= sendWaiting();
    },
    close: async () => {
      if (backend.isReady()) {
        closing.abort();
        await running;
        await queue.close();
      }
      backend.close();
    },
  };
}

function laneJob(lane: number) {
  return { name: "lane", data: { lane }, opts: { deduplication: { id: `lane-${lane}`, keepLastIfActive: true } } };
}

/** How many may go now: a bucket that fills with time. At least one, so that who asks in turn is never stuck. */
function createAllowance(perSec: number, atOnceMax: number): { take(wanted: number): number } {
  let left = atOnceMax;
  let countedAt = performance.now();
  return {
    take: (wanted) => {
      const now = performance.now();
      left = Math.min(atOnceMax, left + ((now - countedAt) * perSec) / 1_000);
      countedAt = now;
      const taken = Math.max(1, Math.min(wanted, Math.floor(left)));
      left -= taken;
      return taken;
    },
  };
}
