import type { QueueOptions } from "bullmq";
import { Redis } from "ioredis";
import { ListenedClient } from "./listened-client.ts";
import { lastingPostgresBackend } from "./postgres-backend.ts";

/** Where the queue lives: Redis where there is one, else the same PostgreSQL. */
export type QueueAddress = { readonly redisUrl: string | undefined; readonly databaseUrl: string };

export const laneQueue = "lifecycle";

// BullMQ's own tables stay apart from ours, so that our migrations never meet them.
const schema = "bullmq";

// What is asked and not answered by then is on a connection that nobody is at the other end of, and another
// is made: without this, nothing would wake any more until the process is started again. BullMQ waits
// for a job for less.
const answerMsMax = 65_000;
const redisAnswerMsMax = 15_000;

// BullMQ types each backend's connection apart; which of the two it is only this file knows.
type Backend = {
  readonly connection: QueueOptions["connection"];
  readonly factory: undefined;
  /** Whether the queue can be spoken to now: what waits for one that is gone waits for as long as it is gone. */
  isReady(): boolean;
  close(): void;
};

/** A connection for a sender, which fails at once when the queue is down, or for a worker, which waits for it. */
export function connectQueue(address: QueueAddress, purpose: "send" | "work"): Backend {
  if (address.redisUrl === undefined) {
    // A job is a wake-up: one that a power cut takes is found by the sweep, so none waits for the disk.
    const connection = {
      connectionString: address.databaseUrl,
      schema,
      migrate: true,
      max: 4,
      options: "-c synchronous_commit=off",
      query_timeout: answerMsMax,
      Client: ListenedClient,
    };
    return {
      connection: connection as unknown as QueueOptions["connection"],
      factory: lastingPostgresBackend as unknown as undefined,
      isReady: () => true,
      close: () => undefined,
    };
  }
  const redis = new Redis(address.redisUrl, {
    maxRetriesPerRequest: null,
    socketTimeout: redisAnswerMsMax,
    enableOfflineQueue: purpose === "work",
    retryStrategy: (attempts) => Math.min(1_000, 50 * attempts),
  });
  // BullMQ reports the same errors through its own objects, where they are logged.
  redis.on("error", () => undefined);
  return {
    connection: redis,
    factory: undefined,
    isReady: () => redis.status === "ready",
    close: () => redis.disconnect(),
  };
}

/**
 * Throws where Redis may drop keys when it is full: a lost wake-up is only slow, but lost jobs hide how
 * slow. A Redis that does not answer is told to `onAbsent` and refuses no start: the sweep works
 * without it, and needs a worker to do so.
 */
export async function assertQueueSafe(address: QueueAddress, onAbsent: (error: Error) => void): Promise<void> {
  if (address.redisUrl === undefined) return;
  const redis = new Redis(address.redisUrl, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    const info = await redis.info("memory").catch((error: Error) => {
      onAbsent(error);
      return undefined;
    });
    if (info === undefined) return;
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
    if (policy !== "noeviction")
      throw new Error(`Redis runs with maxmemory-policy ${policy ?? "unknown"}: set it to noeviction`);
  } finally {
    redis.disconnect();
  }
}
