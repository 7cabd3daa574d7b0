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
  const worker = new Worker<{ lane: number }>(
    laneQueue,
    async (job) => {
      await drain(job.data.lane);
    },
    { connection: backend.connection, concurrency, lockDuration: 5_000, stalledInterval: 2_000, maxStalledCount: 1_000_000 },
    backend.factory,
  );
  worker.on("error", onError);
  worker.on("failed", (_job, error) => onError(error));
  return {
    close: async () => {
      await worker.close();
      backend.close();
    },
  };
}
