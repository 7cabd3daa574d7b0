import { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";

/** Counts what each key does in a window of time, in all processes together where there is Redis. */
export type RateLimiter = {
  /**
   * Takes `count` of what `key` may do, which is `perSec` for each second of a window. Undefined where
   * it was taken, else the whole seconds after which there is more. More at once than a window holds
   * is taken at its beginning. Never fails, and hardly waits, without Redis.
   */
  take(key: string, perSec: number, count: number): Promise<number | undefined>;
  close(): void;
};

// A Redis that is there but does not answer must not hold up anybody for longer.
const answerMsMax = 250;
/**
 * What is not used in a window is lost, and what is used up is there again after it. While Redis is
 * away each process counts for itself, so that together they let through more, and never less.
 */
export function createRateLimiter(redisUrl: string | undefined, windowSec = 10): RateLimiter {
  // What is too much is decided here, where each key may have a limit of its own.
  const unlimited = { points: Number.MAX_SAFE_INTEGER, duration: windowSec };
  const memory = new RateLimiterMemory(unlimited);
  const redis = redisUrl === undefined ? undefined : connect(redisUrl);
  const limiter =
    redis === undefined
      ? memory
      : new RateLimiterRedis({
          ...unlimited,
          storeClient: redis,
          keyPrefix: "rollcall:rate",
          rejectIfRedisNotReady: true,
          insuranceLimiter: memory,
        });
  return {
    take: async (key, perSec, count) => {
      const { consumedPoints, msBeforeNext } = await limiter.consume(key, count);
      if (consumedPoints <= Math.max(perSec * windowSec, count)) return undefined;
      // Many at once that do not fit leave the room that they found to those who come one by one.
      if (count > 1) await limiter.reward(key, count);
      return Math.max(1, Math.ceil(msBeforeNext / 1_000));
    },
    close: () => redis?.disconnect(),
  };
}

function connect(url: string): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: answerMsMax,
    // One that is silent for longer has nobody at its other end, and each request would wait for it anew.
    socketTimeout: 4 * answerMsMax,
    retryStrategy: (attempts) => Math.min(1_000, 50 * attempts),
  });
  // Its absence is nobody's error: the counting goes on without it.
  redis.on("error", () => undefined);
  return redis;
}
