import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { migrate, sql } from "@rollcall/core/store";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { hold } from "../harness/hold.ts";
import { type House, houseSecret, openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { spawnRole } from "../harness/role.ts";
import { createTenant, deactivate, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

// A server of the file's own, on its defaults: a worker starts on no other.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-worker-killed-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
await migrate(postgres.url);
// Said first and so done last: the houses still need the server when they close.
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});

const kills = 5;
const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "with the queue on %s",
  async (queue) => {
    const house = await openHouse({ databaseUrl: postgres.url, queue, without: ["worker"] });

    test(
      "a worker that is killed while it holds a denial, five times in a row, loses nothing and blames nobody",
      { timeout: 120_000 },
      async () => {
        const tenant = await createTenant(house);
        const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
        const id = body["id"] as string;
        const joined = await startWorkerProcess(house);
        await untilQuiet(house, tenant.id);
        await joined.kill();

        for (let kill = 0; kill < kills; kill += 1) {
          // Whoever takes the denial up stands still with it at the user's own lock.
          const held = await hold(house, tenant.id, "SELECT FROM link WHERE directory_user_id = $1 FOR UPDATE", [id]);
          if (kill === 0) expect((await tenant.scim("PATCH", `/Users/${id}`, deactivate)).status).toBe(200);
          const worker = await startWorkerProcess(house);
          await until("a worker holds the denial", async () => (await lockWaiters(house.databaseUrl)) > 0);
          await worker.kill();
          await held.letGo();
          expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual([]);
        }
        const last = await startWorkerProcess(house);
        await untilQuiet(house, tenant.id);
        expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
        expect(
          await house.database.once(
            tenant.id,
            sql`SELECT kind, attempts, dead_at, applied_at IS NOT NULL AS applied FROM lifecycle_event WHERE denying`,
          ),
        ).toEqual([{ kind: "user.deactivated", attempts: 0, dead_at: null, applied: true }]);
        const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
        await reader.takeSnapshot();
        expect(reader.held.get(keyOf({ iss: tenant.issuer, sub: "ann" }))?.op).toBe("deny");
        await last.kill();
      },
    );
  },
);

/** A worker as it is in production: a process, which can be killed as by a power cut. */
async function startWorkerProcess({ queue }: House) {
  const worker = spawnRole("worker", {
    DATABASE_URL: queue.databaseUrl,
    ...(queue.redisUrl === undefined ? {} : { REDIS_URL: queue.redisUrl }),
    ROLLCALL_SECRET: houseSecret,
    WORKER_PORT: String(await freePort()),
    LOG_LEVEL: "silent",
  });
  const exited = once(worker, "exit");
  onTestFinished(() => void worker.kill("SIGKILL"));
  return {
    kill: async () => {
      worker.kill("SIGKILL");
      await exited;
    },
  };
}
