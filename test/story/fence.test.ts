import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { beginTerm, denySubject, Fenced, publishFeed, sql } from "@rollcall/core/store";
import { feedDigest, startPublisher } from "@rollcall/reconciler";
import { openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// The stories bring their own publishers.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const act = { actor: "test", at: new Date() };

describe("a publisher of an earlier term", () => {
  test("is shut out, and nothing of what it tried is there", async () => {
    const tenant = await createTenant(house);
    await deny(tenant, "ann");
    const earlier = await beginTerm(database);
    const later = await beginTerm(database);
    await expect(publishFeed(database, tenant.id, earlier, feedDigest)).rejects.toBeInstanceOf(Fenced);
    expect(await logOf(tenant)).toEqual([]);
    expect(await publishFeed(database, tenant.id, later, feedDigest)).toBe(1);
    expect(await logOf(tenant)).toEqual([{ seq: 1, sub: "ann" }]);
  });

  test("that woke up in the middle of its work ends it before the next term begins, and never after", async () => {
    const tenant = await createTenant(house);
    await deny(tenant, "ann");
    const earlier = await beginTerm(database);
    await publishFeed(database, tenant.id, earlier, feedDigest);
    await deny(tenant, "bob");
    const hold = await holdHead(tenant);
    const publishing = publishFeed(database, tenant.id, earlier, feedDigest);
    await until("the earlier publisher stands still", async () => (await lockWaiters(house.databaseUrl)) === 1);
    const beginning = beginTerm(database);
    await until("the next term waits for it", async () => (await lockWaiters(house.databaseUrl)) === 2);
    await hold.letGo();

    expect(await publishing).toBe(1);
    expect(await beginning).toBeGreaterThan(earlier);
    await deny(tenant, "cleo");
    await expect(publishFeed(database, tenant.id, earlier, feedDigest)).rejects.toBeInstanceOf(Fenced);
  });
});

describe("several publishers", () => {
  test("at once in one term, as if the lock had failed, still give one dense sequence", async () => {
    const tenant = await createTenant(house);
    const fence = await beginTerm(database);
    let writing = true;
    const publishers = Array.from({ length: 3 }, async () => {
      do await publishFeed(database, tenant.id, fence, feedDigest, 3);
      while (writing);
    });
    const subs = await denyMany(tenant, 120);
    writing = false;
    await Promise.all(publishers);
    while ((await publishFeed(database, tenant.id, fence, feedDigest)) > 0);
    await expectDense(tenant, subs);
  });

  test("that take the lead from each other give one dense sequence, and one digest", async () => {
    const tenant = await createTenant(house);
    const publishers = await Promise.all(
      Array.from({ length: 3 }, () =>
        startPublisher({ database, log: quietLog, retentionSec: 3600, staleSecMax: 30, newId, pollMs: 20 }),
      ),
    );
    const unsettle = setInterval(() => {
      endLeader(house.databaseUrl).catch(() => undefined);
    }, 50);
    const termBefore = await beginTerm(database);
    const subs = await denyMany(tenant, 240);
    clearInterval(unsettle);
    await until("all is published", async () => (await logOf(tenant)).length >= subs.length);
    await Promise.all(publishers.map((publisher) => publisher.close()));
    expect(await beginTerm(database)).toBeGreaterThan(termBefore + 2);
    await expectDense(tenant, subs);
  });
});

async function deny(tenant: TestTenant, sub: string): Promise<void> {
  await denySubject(database, tenant.id, { iss: tenant.issuer, sub }, act);
}

async function denyMany(tenant: TestTenant, count: number): Promise<readonly string[]> {
  const subs = Array.from({ length: count }, (_, index) => `u${index}`);
  const queue = [...subs];
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let sub = queue.pop(); sub !== undefined; sub = queue.pop()) await deny(tenant, sub);
    }),
  );
  return subs;
}

/** A follower checks the sequence and the digest for itself. */
async function expectDense(tenant: TestTenant, subs: readonly string[]): Promise<void> {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await until("the feed shows its head", async () => (await reader.catchUp(1)).seq === subs.length);
  expect(reader.seen.map(({ sub }) => sub).toSorted()).toEqual(subs.toSorted());
  expect(reader.seen.map(({ seq }) => seq)).toEqual(subs.map((_, index) => index + 1));
}

async function logOf(tenant: TestTenant): Promise<readonly { seq: number; sub: string }[]> {
  return database.once(tenant.id, sql`SELECT seq, sub FROM feed_entry ORDER BY seq`);
}

/** Locks a feed's head, so that whoever publishes stands still in the middle of its transaction. */
async function holdHead(tenant: TestTenant): Promise<{ letGo(): Promise<void> }> {
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT FROM feed_meta WHERE tenant_id = $1 FOR UPDATE", [tenant.id]);
  return {
    letGo: async () => {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}

/** Ends the session that holds the lead, as a lost connection would. */
async function endLeader(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND objid = 7305601",
    );
  } finally {
    await client.end();
  }
}
