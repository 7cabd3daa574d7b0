import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { startPostgres } from "@rollcall/cli/postgres";
import { migrate } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

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
// With the queue on PostgreSQL, BullMQ would go down with it: it does not listen to a connection in use.
const house = await openHouse({ databaseUrl: first.url, queue: "redis" });

test("without PostgreSQL a provider is told to come back, and is served again when it is there", async () => {
  const tenant = await createTenant(house);
  expect((await tenant.scim("POST", "/Users", newUser("before"))).status).toBe(201);

  process.kill(first.pid, "SIGKILL");
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
});
