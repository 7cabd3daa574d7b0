import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { type QueueAddress, startSchedules } from "@rollcall/core/queue";
import { openHouse } from "../harness/house.ts";
import { startRedis } from "../harness/parts.ts";
import { until } from "../harness/until.ts";

const backends = ["postgres", "redis"] as const;
const everyMs = 50;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "with the queue on %s, a schedule",
  async (backend) => {
    const { queue } = await openHouse({ queue: backend, without: ["worker", "publisher"] });

    test("is run again and again, once at a time, by all who know it together", async () => {
      const runs = startTwo(queue);
      await until("it was run twenty times", () => runs.count() >= 20);
      expect(runs.overlapping()).toBe(0);
    });

    test("is run on by the other when one of its processes ends", async () => {
      const runs = startTwo(queue);
      await until("it was run", () => runs.count() >= 2);
      await runs.first.close();
      const before = runs.count();
      expect(await until("it is run on", () => runs.count() >= before + 10)).toBe(true);
    });

    test("that fails is told, and run again; once it is closed it runs no more", async () => {
      const errors: Error[] = [];
      let runs = 0;
      const run = async (): Promise<void> => {
        runs += 1;
        throw new Error("cannot");
      };
      const schedules = startSchedules(queue, [{ name: randomUUID(), everyMs, run }], (error) => errors.push(error));
      await until("it was run again", () => runs >= 3);
      await schedules.close();
      expect(errors.map(({ message }) => message)).toContain("cannot");
      const before = runs;
      const other = startTwo(queue);
      await until("another is run", () => other.count() >= 5);
      expect(runs).toBe(before);
    });

    test("that is slow keeps no other waiting, and close waits for it", async () => {
      const gate = Promise.withResolvers<void>();
      let others = 0;
      let ended = false;
      const schedules = startSchedules(
        queue,
        [
          { name: randomUUID(), everyMs, run: async () => void (await gate.promise.then(() => (ended = true))) },
          { name: randomUUID(), everyMs, run: async () => void (others += 1) },
        ],
        () => undefined,
      );
      await until("the other one is run", () => others >= 5);
      const closed = schedules.close();
      gate.resolve();
      await closed;
      expect(ended).toBe(true);
    });
  },
);

describe.skipIf(inject("redisUrl") === "")("with a Redis of its own, a schedule", () => {
  test("is run on when Redis is emptied, when it is gone, and when it was never there", async () => {
    const { queue, client, stop } = await ownRedis();
    const emptied = startTwo(queue);
    await until("it was run", () => emptied.count() >= 3);
    for (let time = 0; time < 5; time += 1) {
      await client.flushall();
      const before = emptied.count();
      await until("it is run on", () => emptied.count() >= before + 3);
    }
    client.disconnect();
    await stop();
    const before = emptied.count();
    await until("it is run without Redis", () => emptied.count() >= before + 5);
    const late = startTwo(queue);
    expect(await until("it is run though Redis was never there", () => late.count() >= 5)).toBe(true);
  });
});

/** Two that know one schedule, as two processes would. */
function startTwo(queue: QueueAddress) {
  const name = randomUUID();
  let count = 0;
  let running = 0;
  let overlapping = 0;
  const run = async (): Promise<void> => {
    running += 1;
    if (running > 1) overlapping += 1;
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    count += 1;
  };
  const [first, second] = [0, 1].map(() => startSchedules(queue, [{ name, everyMs, run }], () => undefined));
  if (first === undefined || second === undefined) throw new Error("two were started");
  onTestFinished(async () => void (await Promise.all([first.close(), second.close()])));
  return { first, count: () => count, overlapping: () => overlapping };
}

async function ownRedis() {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-redis-"));
  await chmod(directory, 0o755);
  const redis = await startRedis(directory);
  let running = true;
  const stop = async (): Promise<void> => {
    if (running) await redis.stop();
    running = false;
  };
  onTestFinished(async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  const queue = { redisUrl: redis.url, databaseUrl: "postgresql://nobody@127.0.0.1:1/nowhere" };
  return { queue, client: new Redis(redis.url), stop };
}
