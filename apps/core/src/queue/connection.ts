import type { QueueOptions } from "bullmq";
import { Redis } from "ioredis";
// oxlint-disable-next-line no-restricted-imports -- BullMQ speaks PostgreSQL itself, and this is the client it speaks with.
import { Client, type ClientConfig } from "pg";
import { lastingPostgresBackend } from "./postgres-backend.ts";

/** Where the queue lives: Redis where there is one, else the same PostgreSQL. */
export type QueueAddress = { readonly redisUrl: string | undefined; readonly databaseUrl: string };

export const laneQueue = "lifecycle";

// BullMQ's own tables stay apart from ours, so that our migrations never meet them.
const schema = "bullmq";

// BullMQ types each backend's connection apart; which of the two it is only this file knows.
type Backend = {
  readonly connection: QueueOptions["connection"];
  readonly factory: undefined;
  /** Whether the queue can be spoken to now: what waits for one that is gone waits for as long as it is gone. */
  isReady(): boolean;
  close(): void;
};

/**
 * A connection whose end is heard at all times. A pool listens only while a connection is idle, and BullMQ
 * does not listen to one that it uses: a server that went away would take the process with it. What was
 * being asked fails all the same, and is reported there.
 */
class ListenedClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    this.on("error", () => undefined);
  }
}

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
