import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { createRateLimiter, type RateLimiter } from "@rollcall/core/queue";
import { startRedis } from "../harness/parts.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { openHouse } from "../harness/house.ts";
import { until } from "../harness/until.ts";

const windowSec = 100;

describe.skipIf(inject("redisUrl") === "")("where there is Redis", () => {
  test("three ingests count together, and each connection by itself", async () => {
    const redis = await ownRedis();
    const rates = { reads: 1, writes: 0.3, denials: 1 };
    const options = { redisUrl: redis.url, rates, rateWindowSec: windowSec, without: ["worker", "publisher"] as const };
    const first = await openHouse(options);
    const others = [
      await openHouse({ ...options, databaseUrl: first.databaseUrl }),
      await openHouse({ ...options, databaseUrl: first.databaseUrl }),
    ];
    const tenant = await createTenant(first);
    const urls = [first, ...others].map(({ url }) => url);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, nth) => tenant.scim("POST", "/Users", newUser(`u${nth}`), {}, urls[nth % 3])),
    );
    // Each by itself would have served its twenty. Redis may be late for one or two, who are served then.
    const served = answers.filter(({ status }) => status === 201).length;
    expect(served).toBeGreaterThanOrEqual(30);
    expect(served).toBeLessThan(40);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(60 - served);
    const other = await createTenant(first);
    expect((await other.scim("POST", "/Users", newUser("other"))).status).toBe(201);
    expect((await tenant.scim("GET", "/Users?count=0")).body["totalResults"]).toBe(served);
  });

  test("gone or mute, nobody is refused for it and nobody waits for it; each process counts for itself until it is back", async () => {
    const redis = await ownRedis();
    const limiter = opened(createRateLimiter(redis.url, windowSec));
    await until(
      "it counts in Redis",
      async () => (await limiter.take("a", 0.1, 1)) === undefined && (await redis.keys()) > 0,
    );

    redis.pause();
    expect(await taken(limiter, "mute", 15)).toEqual({ taken: 10, refused: 5 });
    redis.resume();
    await redis.stop();
    expect(await taken(limiter, "gone", 15)).toEqual({ taken: 10, refused: 5 });
    expect(await limiter.take("gone", 0.1, 5)).toBeGreaterThan(0);

    const again = await ownRedis(redis.port);
    await until("it counts in Redis again", async () => {
      await limiter.take("back", 1, 1);
      return (await again.keys()) > 0;
    });
  });

  test("a start without it is a start", async () => {
    const redis = await ownRedis();
    await redis.stop();
    const limiter = opened(createRateLimiter(redis.url, windowSec));
    expect(await taken(limiter, "absent", 15)).toEqual({ taken: 10, refused: 5 });
  });
});

async function taken(
  limiter: RateLimiter,
  key: string,
  count: number,
): Promise<{ readonly taken: number; readonly refused: number }> {
  const answers: (number | undefined)[] = [];
  for (let nth = 0; nth < count; nth += 1) answers.push(await limiter.take(key, 0.1, 1));
  return {
    taken: answers.filter((wait) => wait === undefined).length,
    refused: answers.filter((wait) => wait !== undefined && Number.isInteger(wait) && wait >= 1).length,
  };
}

function opened(limiter: RateLimiter): RateLimiter {
  onTestFinished(() => limiter.close());
  return limiter;
}

/** A Redis of the story's own, which it may stop. */
async function ownRedis(port?: number) {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-redis-"));
  const server = await startRedis(directory, port);
  let isRunning = true;
  const stop = async (): Promise<void> => {
    if (isRunning) await server.stop();
    isRunning = false;
  };
  onTestFinished(async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    stop,
    pause: () => process.kill(server.processId, "SIGSTOP"),
    resume: () => process.kill(server.processId, "SIGCONT"),
    keys: async () => {
      const client = new Redis(server.url, { maxRetriesPerRequest: 1 });
      try {
        return await client.dbsize();
      } finally {
        client.disconnect();
      }
    },
  };
}
