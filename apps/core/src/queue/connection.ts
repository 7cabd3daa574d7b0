import { createPostgresBackend, type QueueOptions } from "bullmq";
import { Redis } from "ioredis";

/** Where the queue lives: Redis where there is one, else the same PostgreSQL. */
export type QueueAddress = { readonly redisUrl: string | undefined; readonly databaseUrl: string };

export const laneQueue = "lifecycle";

// BullMQ's own tables stay apart from ours, so that our migrations never meet them.
const schema = "bullmq";

// BullMQ types each backend's connection apart; which of the two it is only this file knows.
type Backend = { readonly connection: QueueOptions["connection"]; readonly factory: undefined; close(): void };

/** A connection for a sender, which fails at once when the queue is down, or for a worker, which waits for it. */
export function connectQueue(address: QueueAddress, purpose: "send" | "work"): Backend {
  if (address.redisUrl === undefined) {
    // A job is a wake-up: one that a power cut takes is found by the sweep, so none waits for the disk.
    const connection = { connectionString: address.databaseUrl, schema, migrate: true, max: 4, options: "-c synchronous_commit=off" };
    return { connection: connection as unknown as QueueOptions["connection"], factory: createPostgresBackend as unknown as undefined, close: () => undefined };
  }
  const redis = new Redis(address.redisUrl, {
    maxRetriesPerRequest: null,
    enableOfflineQueue: purpose === "work",
    retryStrategy: (attempts) => Math.min(1_000, 50 * attempts),
  });
  // BullMQ reports the same errors through its own objects, where they are logged.
  redis.on("error", () => undefined);
  return { connection: redis, factory: undefined, close: () => redis.disconnect() };
}

/** Throws where Redis may drop keys when it is full: a lost wake-up is only slow, but lost jobs hide how slow. */
export async function assertQueueSafe(address: QueueAddress): Promise<void> {
  if (address.redisUrl === undefined) return;
  const redis = new Redis(address.redisUrl, { lazyConnect: true, maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on("error", () => undefined);
  try {
    await redis.connect();
    const info = await redis.info("memory");
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1];
    if (policy !== "noeviction") throw new Error(`Redis runs with maxmemory-policy ${policy ?? "unknown"}: set it to noeviction`);
  } finally {
    redis.disconnect();
  }
}
