import { Worker } from "bullmq";
import { connectQueue, laneQueue, type QueueAddress } from "./connection.ts";

export type LaneWorker = { close(): Promise<void> };

/**
 * Runs `drain` for each lane that is woken, at most one at a time for a lane. With BullMQ's defaults
 * a killed worker's job waits a minute, and a second kill fails it for good; these settings bring
 * it back in seconds, every time.
 */
export function startLaneWorker(
  address: QueueAddress,
  drain: (lane: number) => Promise<unknown>,
  onError: (error: Error) => void,
  concurrency = 4,
): LaneWorker {
  const backend = connectQueue(address, "work");
  const draining = new Set<Promise<unknown>>();
  const worker = new Worker<{ lane: number }>(
    laneQueue,
    async (job) => {
      const drained = drain(job.data.lane);
      draining.add(drained);
      try {
        await drained;
      } finally {
        draining.delete(drained);
      }
    },
    {
      connection: backend.connection,
      concurrency,
      lockDuration: 5_000,
      stalledInterval: 2_000,
      maxStalledCount: 1_000_000,
      runRetryDelay: 1_000,
    },
    backend.factory,
  );
  worker.on("error", onError);
  worker.on("failed", (_job, error) => onError(error));
  return {
    close: async () => {
      // BullMQ waits for its last word to a queue that may be gone; the work in hand is all that must be waited for.
      const absent = !backend.isReady();
      if (absent) await Promise.allSettled(draining);
      await worker.close(absent);
      backend.close();
    },
  };
}
