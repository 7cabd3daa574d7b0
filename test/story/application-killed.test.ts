import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { migrate, sql } from "@rollcall/core/store";
import { accepts, createWebhook, openApplication } from "../harness/application.ts";
import { feedKeys, houseSecret, newSsfKeys, openHouse } from "../harness/house.ts";
import { spawnRole } from "../harness/role.ts";
import { createTenant, deactivate, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// A server of the file's own, on its defaults: a feed starts on no other.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-application-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
await migrate(postgres.url);
// Said first and so done last: the house still needs the server when it closes.
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});
const house = await openHouse({ databaseUrl: postgres.url, egress: { sends: false } });

test(
  "a feed that is killed while a receiver thinks loses nothing: another sends it, under the same id",
  { timeout: 90_000 },
  async () => {
    const settings = {
      DATABASE_URL: postgres.url,
      ROLLCALL_SECRET: houseSecret,
      FEED_KEYS: await feedKeys(),
      SSF_KEYS: await newSsfKeys(),
      EGRESS_LOOPBACK: "allow",
      LOG_LEVEL: "silent",
    };
    const start = async () => {
      const feed = spawnRole("feed", { ...settings, FEED_PORT: String(await freePort()) });
      const exited = once(feed, "exit");
      onTestFinished(async () => {
        feed.kill("SIGKILL");
        await exited;
      });
      return { kill: () => feed.kill("SIGKILL"), exited };
    };
    const tenant = await createTenant(house);
    const application = await openApplication();
    application.answer = () => undefined;
    await createWebhook(house, tenant, application.url, ["user.denied"]);
    const feed = await start();
    for (const sub of ["ann", "bob", "cat"]) {
      const { body } = await tenant.scim("POST", "/Users", newUser(sub));
      await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    }
    await until("all three are under way", () => application.received.length === 3);
    feed.kill();
    await feed.exited;
    application.answer = accepts;
    await start();
    // A lease ends after fifteen seconds; nobody but its holder may send before.
    await until("all three are sent again", () => application.received.length === 6, 60_000);
    await until("all three are settled", async () => {
      const rows = await house.database.once<{ state: string }>(tenant.id, sql`SELECT state FROM delivery`);
      return rows.every(({ state }) => state === "delivered");
    });
    const ids = application.received.map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids.slice(3))).toEqual(new Set(ids.slice(0, 3)));
  },
);
