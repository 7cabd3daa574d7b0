import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { connectQueue, laneQueue, type QueueAddress } from "./connection.ts";

export type Waker = {
  /**
   * Tells the workers that these lanes have work, those with a denial before others. Never waits and
   * never throws: a lost wake-up costs one sweep.
   */
  wake(lanes: readonly number[], denying?: boolean): void;
  close(): Promise<void>;
};

// An add costs more than an event's own commit: past so many a second they would take from the
// writes what they are to make faster, and whoever is woken drains all that waits anyway.
const denyingPerSecMax = 100;
const othersPerSecMax = 25;
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
  const denied = createLine(denyingPerSecMax);
  const others = createLine(othersPerSecMax);
  let running: Promise<void> | undefined;
  const closing = new AbortController();

  async function sendWaiting(): Promise<void> {
    for (;;) {
      const { aborted: last } = closing.signal;
      const lanes = [...new Set([denied, others].flatMap((line) => line.take(last ? line.waiting.size : undefined)))];
      if (lanes.length > 0) await queue.addBulk(lanes.map(laneJob)).catch(onError);
      if (denied.waiting.size + others.waiting.size === 0) break;
      await delay(1_000 / denyingPerSecMax, undefined, { signal: closing.signal }).catch(() => undefined);
    }
    running = undefined;
  }
  return {
    wake: (lanes, denying = true) => {
      const line = denying ? denied : others;
      for (const lane of lanes) line.waiting.add(lane);
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

/** Lanes that wait for their turn. So many go in a second: a bucket that fills with time. */
function createLine(perSec: number): { readonly waiting: Set<number>; take(atLeast?: number): readonly number[] } {
  const waiting = new Set<number>();
  let left = wakesAtOnceMax;
  let countedAt = performance.now();
  return {
    waiting,
    take: (atLeast = 0) => {
      const now = performance.now();
      left = Math.min(wakesAtOnceMax, left + ((now - countedAt) * perSec) / 1_000);
      countedAt = now;
      const taken = [...waiting].slice(0, Math.max(atLeast, Math.floor(left)));
      left -= taken.length;
      for (const lane of taken) waiting.delete(lane);
      return taken;
    },
  };
}
