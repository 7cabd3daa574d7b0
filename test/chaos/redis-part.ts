import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";

export type RedisPart = {
  /** Starts the process, and resolves when it answers. */
  start(keep: (child: ChildProcess) => void): Promise<void>;
  /** Empties it of every job and lock that BullMQ has. */
  flush(): Promise<void>;
  /** Keeps a copy of what it holds now. */
  copy(): Promise<void>;
  /** Puts the copy in the place of what it holds; while it does not run. */
  rollBack(): void;
};

/** A Redis that keeps nothing by itself, but begins with what it is rolled back to. */
export function createRedisPart(above: string, port: number): RedisPart {
  const directory = path.join(above, "redis");
  mkdirSync(directory);
  const [present, older] = [path.join(directory, "dump.rdb"), path.join(directory, "older.rdb")];
  const forgetful = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--dir", directory];

  async function ask<Result>(work: (redis: Redis) => Promise<Result>): Promise<Result> {
    const redis = new Redis({ port, maxRetriesPerRequest: null, retryStrategy: () => 50 });
    redis.on("error", () => undefined);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
  return {
    start: async (keep) => {
      keep(spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", ...forgetful], { stdio: "ignore" }));
      await ask((redis) => redis.ping());
      rmSync(present, { force: true });
    },
    flush: () => ask(async (redis) => void (await redis.flushall())),
    copy: () =>
      ask(async (redis) => {
        await redis.save();
        copyFileSync(present, older);
      }),
    rollBack: () => copyFileSync(older, present),
  };
}
