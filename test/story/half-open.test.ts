import { afterAll, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { denySubject, openDatabase, sql } from "@rollcall/core/store";
import { startPublisher } from "@rollcall/reconciler";
import { type Link, openLink } from "../chaos/proxy.ts";
import { cloneDatabase, openHouse, quietLog } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// Connections on which bytes vanish, and of whose end nobody is told.
const databaseUrl = await cloneDatabase();
const link = await openLink(Number(new URL(databaseUrl).port));
afterAll(() => link.close());
// The story waits for an answer for a second only; left alone, a process waits for a minute.
const house = await openHouse({ databaseUrl: through(link), without: ["worker", "publisher"] });
// What was lost would be waited for when the house closes.
afterAll(() => link.bury());
const direct = openDatabase({ url: databaseUrl, poolMax: 4, onError: () => undefined });
afterAll(() => direct.close());

test("a request whose way to PostgreSQL has gone silent is told to come back, and is served when there is a way", async () => {
  const tenant = await createTenant(house);
  expect((await tenant.scim("POST", "/Users", newUser("before"))).status).toBe(201);
  link.change({ swallows: true });
  const meanwhile = await tenant.scim("POST", "/Users", newUser("meanwhile"));
  expect(meanwhile.status).toBe(503);
  expect(meanwhile.headers.get("retry-after")).toMatch(/^\d+$/);
  link.change({});
  await until(
    "the provider is served",
    async () => (await tenant.scim("POST", "/Users", newUser("after"))).status === 201,
  );
});

test("a leader whom nothing reaches any more is followed by another", async () => {
  const tenant = await createTenant(house);
  const own = await openLink(Number(new URL(databaseUrl).port));
  const database = openDatabase({ url: through(own), poolMax: 4, onError: () => undefined });
  const options = { log: quietLog, retentionSec: 3600, staleSecMax: 30, newId };
  const leader = await startPublisher({ ...options, database });
  await deny(tenant, "ann");
  await until("the leader has published", async () => (await published(tenant)).includes("ann"));
  const standby = await startPublisher({ ...options, database: direct });

  own.change({ swallows: true });
  await deny(tenant, "bob");
  await until("the standby has published", async () => (await published(tenant)).includes("bob"));
  expect(await published(tenant)).toEqual(["ann", "bob"]);

  await Promise.all([leader.close(), standby.close()]);
  await database.close();
  await own.close();
});

function through(way: Link): string {
  const url = new URL(databaseUrl);
  url.port = String(way.port);
  url.searchParams.set("query_timeout", "1000");
  return url.href;
}

async function deny(tenant: TestTenant, sub: string): Promise<void> {
  await denySubject(direct, tenant.id, { iss: tenant.issuer, sub }, { actor: "test", at: new Date() });
}

async function published(tenant: TestTenant): Promise<readonly string[]> {
  const rows = await direct.once<{ sub: string }>(tenant.id, sql`SELECT sub FROM feed_entry ORDER BY seq`);
  return rows.map(({ sub }) => sub);
}
