import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, inject, test } from "vitest";
import { startPostgres } from "@rollcall/cli/postgres";
import { migrate } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

// A server of the file's own, for it is killed here.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-outage-"));
await chmod(directory, 0o755);
const first = await startPostgres({ directory, settings: ["fsync=off"] });
await migrate(first.url);
let running = first;
// Said first and so done last: the house still needs the server when it closes.
afterAll(async () => {
  await running.stop();
  await rm(directory, { recursive: true, force: true });
});
const houses = {
  redis: inject("redisUrl") === "" ? undefined : await openHouse({ databaseUrl: first.url, queue: "redis" }),
  // Here the queue goes down with the database, and is to come back with it.
  postgres: await openHouse({ databaseUrl: first.url, queue: "postgres" }),
};

describe.each(["postgres", "redis"] as const)("with the queue on %s", (queue) => {
  const house = houses[queue];

  test.skipIf(house === undefined)(
    "without PostgreSQL a provider is told to come back, and is served again when it is there",
    async () => {
      if (house === undefined) throw new Error("there is no Redis");
      const tenant = await createTenant(house);
      expect((await tenant.scim("POST", "/Users", newUser("before"))).status).toBe(201);

      process.kill(running.pid, "SIGKILL");
      const refused = await until("the outage is noticed", async () => {
        const answer = await tenant.scim("POST", "/Users", newUser("meanwhile"));
        return answer.status === 201 ? undefined : answer;
      });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(refused.body).toMatchObject({ schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: "503" });

      running = await until("PostgreSQL is back", () =>
        startPostgres({ directory, port: first.port, settings: ["fsync=off"] }).catch(() => undefined),
      );
      await until(
        "the provider is served",
        async () => (await tenant.scim("POST", "/Users", newUser("after"))).status === 201,
      );
      // Woken by the queue or by the sweep: what was accepted is applied.
      await untilQuiet(house, tenant.id);
      expect((await readUserStore(house, tenant.id)).size).toBeGreaterThanOrEqual(2);
    },
  );
});
