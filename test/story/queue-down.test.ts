import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, test } from "vitest";
import { assertQueueSafe } from "@rollcall/core/queue";
import { newId } from "@rollcall/core/runtime";
import { startWorker } from "@rollcall/worker";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { type House, openHouse, quietLog } from "../harness/house.ts";
import { startRedis } from "../harness/parts.ts";
import { createTenant, deactivate, newUser, type ScimAnswer, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

// Each story spoils a Redis of its own. Opened here, where what is opened is closed after the file.
const opened =
  inject("redisUrl") === "" ? [] : [await houseWithRedis(), await houseWithRedis(), await houseWithRedis(["worker"])];
const [emptied, gone, absent] = opened;

describe.skipIf(opened.length === 0)("with Redis", () => {
  test("emptied again and again in the middle of the work, every acknowledged change arrives", async () => {
    const { house, redis } = known(emptied);
    const tenant = await createTenant(house);
    const client = new Redis(redis.url);
    const answers: ScimAnswer[] = [];
    for (let number = 0; number < 40; number += 1) {
      const created = await tenant.scim("POST", "/Users", newUser(`u${number}`));
      answers.push(created);
      if (number % 2 === 0)
        answers.push(await tenant.scim("PATCH", `/Users/${created.body["id"] as string}`, deactivate));
      if (number % 5 === 0) await client.flushall();
    }
    client.disconnect();
    expect(answers.filter(({ status }) => status >= 300)).toEqual([]);
    await expectEverybody(house, tenant, 40);
  });

  test("gone, changes are acknowledged and applied, and gateways are told", async () => {
    const { house, redis } = known(gone);
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("before"));
    await untilQuiet(house, tenant.id);
    await redis.stop();

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, number) => tenant.scim("POST", "/Users", newUser(`u${number}`))),
    );
    const left = await Promise.all(
      answers
        .filter((_, number) => number % 2 === 0)
        .map(({ body }) => tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate)),
    );
    expect([...answers, ...left].filter(({ status }) => status >= 300)).toEqual([]);
    await expectEverybody(house, tenant, 10);
  });

  test("not there yet, a worker starts all the same, applies what waits, and stops when it is told", async () => {
    const { house, redis } = known(absent);
    const tenant = await createTenant(house);
    await redis.stop();
    await tenant.scim("POST", "/Users", newUser("ann"));
    const absences: Error[] = [];
    await assertQueueSafe(house.queue, (error) => absences.push(error));
    expect(absences).toHaveLength(1);
    const worker = startWorker({ database: house.database, queue: house.queue, log: quietLog, newId });
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).size).toBe(1);
    await expect(worker.close()).resolves.toBeUndefined();
  });

  test("that would drop jobs when it is full, a start is refused", async () => {
    const { house, redis } = known(emptied);
    const client = new Redis(redis.url);
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    await expect(assertQueueSafe(house.queue, () => undefined)).rejects.toThrow("noeviction");
    await client.config("SET", "maxmemory-policy", "noeviction");
    client.disconnect();
  });
});

/** A house on a Redis of its own, that the story may empty or stop. */
async function houseWithRedis(without: readonly "worker"[] = []) {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-redis-"));
  await chmod(directory, 0o755);
  const redis = await startRedis(directory);
  let running = true;
  const stop = async (): Promise<void> => {
    if (running) await redis.stop();
    running = false;
  };
  afterAll(async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  return { house: await openHouse({ queue: "redis", redisUrl: redis.url, without }), redis: { url: redis.url, stop } };
}

function known<Found>(found: Found | undefined): Found {
  if (found === undefined) throw new Error("there is no Redis");
  return found;
}

/** Users `u0` …, of whom every other one is gone: in the user store, and at the gateways. */
async function expectEverybody(house: House, tenant: TestTenant, count: number): Promise<void> {
  await untilQuiet(house, tenant.id);
  const users = new Map(
    [...(await readUserStore(house, tenant.id)).values()].map((user) => [user.identities[0], user.denials]),
  );
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  for (let number = 0; number < count; number += 1) {
    const sub = `u${number}`;
    expect(users.get(sub), sub).toEqual(number % 2 === 0 ? ["idp_inactive"] : []);
    expect(reader.held.get(keyOf({ iss: tenant.issuer, sub }))?.op, sub).toBe(number % 2 === 0 ? "deny" : undefined);
  }
}
