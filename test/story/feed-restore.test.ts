import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { denySubject, isReady, migrate, sql } from "@rollcall/core/store";
import { createGuard } from "@rollcall/guard";
import { adminOf } from "../harness/admin.ts";
import { get, openFeedReader } from "../harness/feed-reader.ts";
import { type House, openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const act = { actor: "test", at: new Date() };

test("a guard follows a database that was restored from a backup: what it says now, and what comes next", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-restore-"));
  await chmod(directory, 0o755);
  const [data, backup] = [path.join(directory, "data"), path.join(directory, "backup")];
  const settings = { directory, port: await freePort() };
  let postgres = await startPostgres(settings);
  onTestFinished(async () => {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  });
  await migrate(postgres.url);
  const house = await openHouse({ without: ["worker"], databaseUrl: postgres.url });
  const restart = async (whileDown: () => Promise<void>): Promise<void> => {
    await postgres.stop();
    await whileDown();
    postgres = await startPostgres(settings);
    await until("the house is ready again", () => isReady(house.database).catch(() => false));
  };
  const tenant = await createTenant(house);
  const guard = createGuard({
    issuers: [{ issuer: tenant.issuer, audience: "api", jwks: { keys: [{ kty: "OKP", crv: "Ed25519", x: "A" }] } }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "edge" },
    stale: "deny",
    unknown: "allow",
  });
  onTestFinished(() => guard.close());
  await guard.start();
  const holds = (entries: number) =>
    until(`the guard holds ${entries}`, () => guard.status().feed?.entries === entries, 40_000);

  await deny(house, tenant, "ann");
  await holds(1);
  await restart(async () => copy(data, backup));
  await deny(house, tenant, "bob");
  await deny(house, tenant, "cleo");
  await holds(3);
  const told = guard.status().feed?.epoch ?? 0;
  await restart(async () => {
    await rm(data, { recursive: true });
    copy(backup, data);
  });

  await holds(1);
  expect(guard.status().feed?.epoch).toBeGreaterThan(told);
  await deny(house, tenant, "dora");
  await holds(2);
  await until("the guard is sighted", () => guard.status().fresh);
  const alerts = await house.database.once(tenant.id, sql`SELECT kind, key FROM alert`);
  expect(alerts).toEqual([{ kind: "feed_restored", key: "revocations" }]);
}, 180_000);

describe("a process that was never told of more than there is", () => {
  test("raises the epoch for a cursor that is ahead of it, once", async () => {
    const { house, tenant, address } = await openRolledBack();
    const answer = await get(address, "/changes?since=1-3");
    expect([answer.status, ((await answer.json()) as { reason: string }).reason]).toEqual([410, "cursor_ahead"]);
    const raised = await epochOf(house, tenant);
    expect(raised).toBeGreaterThan(1);
    // Whoever says so again is not believed at once: a liar would cost everybody a snapshot each time.
    expect((await get(address, `/changes?since=${raised}-99`)).status).toBe(410);
    expect(await epochOf(house, tenant)).toBe(raised);
    const reader = openFeedReader(address);
    await reader.takeSnapshot();
    expect(reader.cursor.epoch).toBe(raised);
  });

  test("raises it for a receipt that is ahead of it", async () => {
    const { house, tenant, address } = await openRolledBack();
    const receipt = {
      gateway: "edge",
      epoch: 1,
      seq: 3,
      as_of: Date.now() / 1_000,
      entries: 3,
      digest: "A".repeat(43),
    };
    const answer = await fetch(`${address.url}/v1/feeds/${address.feed}/receipts`, {
      method: "POST",
      headers: { authorization: `Bearer ${address.token}`, "content-type": "application/json" },
      body: JSON.stringify(receipt),
    });
    expect(answer.status).toBe(204);
    expect(await epochOf(house, tenant)).toBeGreaterThan(1);
  });

  test("does not believe an epoch that could never have been given", async () => {
    const { house, tenant, address } = await openRolledBack();
    expect((await get(address, "/changes?since=999999999999999-1")).status).toBe(410);
    expect(await epochOf(house, tenant)).toBe(1);
  });
});

test("an admin raises the epoch by command: whoever waits is told, and the sequence goes on", async () => {
  const house = await openHouse({ without: ["worker"] });
  const tenant = await createTenant(house);
  await deny(house, tenant, "ann");
  const address = { url: house.url, feed: tenant.slug, token: tenant.feedToken };
  const waiting = get(address, "/changes?since=1-1&wait=55");
  const admin = await adminOf(house, tenant);
  const { status, body } = await admin("POST", `/tenants/${tenant.slug}/feed/epoch`, {});
  expect([status, body["seq"]]).toEqual([201, 1]);
  const answer = await waiting;
  expect([answer.status, ((await answer.json()) as { reason: string }).reason]).toEqual([410, "epoch_changed"]);
  const reader = openFeedReader(address);
  await reader.takeSnapshot();
  await deny(house, tenant, "bob");
  await until("the follower goes on", async () => (await reader.catchUp(1)).seq === 2);
  expect(reader.cursor).toEqual({ epoch: body["epoch"], seq: 2 });
});

/** With its owner, who is not always ours. */
function copy(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}

/** As a backup of before everything was told leaves it, seen by a process that is new. */
async function openRolledBack() {
  const house = await openHouse({ without: ["worker"] });
  const tenant = await createTenant(house);
  await deny(house, tenant, "ann");
  return { house, tenant, address: { url: house.url, feed: tenant.slug, token: tenant.feedToken } };
}

async function deny(house: House, tenant: TestTenant, sub: string): Promise<void> {
  await until(`${sub} is denied`, () =>
    denySubject(house.database, tenant.id, { iss: tenant.issuer, sub }, act).catch(() => undefined),
  );
  await untilQuiet(house, tenant.id);
}

async function epochOf(house: House, tenant: TestTenant): Promise<number> {
  const [row] = await house.database.once<{ epoch: number }>(tenant.id, sql`SELECT epoch FROM feed_meta`);
  return row?.epoch ?? 0;
}
