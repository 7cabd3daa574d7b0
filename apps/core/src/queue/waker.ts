import { Queue } from "bullmq";
import { connectQueue, laneQueue, type QueueAddress } from "./connection.ts";

export type Waker = {
  /** Tells the workers that these lanes have work. Never waits and never throws: a lost wake-up costs one sweep. */
  wake(lanes: readonly number[]): void;
  close(): Promise<void>;
};

/**
 * Wakes lanes through BullMQ. An add costs more than an event's own commit, so each lane has at most
 * one under way from this process, and whatever arrives meanwhile shares the next.
 */
export function createWaker(address: QueueAddress, onError: (error: Error) => void): Waker {
  const backend = connectQueue(address, "send");
  const queue = new Queue(
    laneQueue,
    { connection: backend.connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } },
    backend.factory,
  );
  queue.on("error", onError);
  const state = new Map<number, "sending" | "again">();
  const sending = new Set<Promise<void>>();

  async function send(lane: number): Promise<void> {
    do {
      state.set(lane, "sending");
      try {
        await queue.add("lane", { lane }, { deduplication: { id: `lane-${lane}`, keepLastIfActive: true } });
      } catch (error) {
        onError(error as Error);
      }
    } while (state.get(lane) === "again");
    state.delete(lane);
  }
  return {
    wake: (lanes) => {
      for (const lane of lanes) {
        if (state.has(lane)) {
          state.set(lane, "again");
          continue;
        }
        const sent = send(lane);
        sending.add(sent);
        sent.then(
          () => sending.delete(sent),
          () => sending.delete(sent),
        );
      }
    },
    close: async () => {
      if (backend.isReady()) {
        await Promise.allSettled(sending);
        await queue.close();
      }
      backend.close();
    },
  };
}
