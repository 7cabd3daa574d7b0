import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import {
  beginFeed,
  beginGroups,
  beginListing,
  beginTerm,
  compareListed,
  compareListedGroups,
  compareMissing,
  compareMissingGroups,
  denySubject,
  endComparison,
  failPull,
  Fenced,
  finishPull,
  type HeldPull,
  holdPull,
  houseFeedId,
  keepGroups,
  keepUsers,
  movePull,
  publishFeed,
  PullLost,
  releaseHeld,
  settleDifference,
  sql,
  startPull,
  takePull,
  waitingDifferences,
} from "@rollcall/core/store";
import { feedDigest, startPublisher } from "@rollcall/reconciler";
import { openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { addProvider } from "../harness/read-back-scene.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
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

describe("a feed that cannot be published", () => {
  test("keeps no other waiting, nor that of all tenants, and is published once it can be", async () => {
    const [broken, sound] = [await createTenant(house), await createTenant(house)];
    await beginFeed(database, houseFeedId);
    await asOwner(`ALTER TABLE feed_entry ADD CONSTRAINT broken CHECK (tenant_id <> '${broken.id}') NOT VALID`);
    for (const sub of ["ann", "bob"]) await deny(broken, sub);
    await deny(sound, "cleo");
    const publisher = await startPublisher({
      database,
      log: quietLog,
      retentionSec: 3600,
      staleSecMax: 30,
      newId,
      pollMs: 20,
    });
    onTestFinished(() => publisher.close());
    await until("the other is published", async () => (await logOf(sound)).length === 1);
    // It has those of the tenants before, too.
    await until("the feed of all tenants has it", async () =>
      (await logOf({ id: houseFeedId })).some(({ tid, sub }) => tid === sound.slug && sub === "cleo"),
    );
    const term = await termNow();
    await deny(sound, "dora");
    await until("the next one is published", async () => (await logOf(sound)).length === 2);
    expect([await logOf(broken), await termNow()]).toEqual([[], term]);
    await asOwner("ALTER TABLE feed_entry DROP CONSTRAINT broken");
    await until("it is published too", async () => (await logOf(broken)).length === 2);
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

describe("a reconciler whose listing another has taken up", () => {
  test("neither clears what that one has listed nor writes beside it", async () => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    const [earlier, later] = await takeTwice(tenant);
    await beginListing(database, later, "1");
    await keepUsers(database, later, [listed("ann"), listed("bob")], undefined);
    await keepGroups(database, later, [{ ...listed("sales"), members: ["ann"] }], undefined);
    const before = await listingOf(tenant);
    expect(before.rows).toEqual(["ann", "bob", "sales", "sales ann"]);
    await expectLost(earlier, [
      () => beginListing(database, earlier, "1"),
      () => beginGroups(database, earlier),
      () => keepUsers(database, earlier, [listed("cleo")], "2"),
      () => keepGroups(database, earlier, [{ ...listed("staff"), members: ["cleo"] }], "2"),
      () => holdPull(database, earlier),
      () => movePull(database, earlier, { state: "comparing", step: "users" }),
      () => failPull(database, earlier, "a page of the listing did not come"),
    ]);
    await releaseHeld(database, earlier, { delayMs: 0, reason: "it was ended" });
    expect(await listingOf(tenant)).toEqual(before);
  });

  test("neither compares it again nor says what came of a difference", async () => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    const [taken, by] = await takeTwice(tenant);
    const askedAt = await beginListing(database, by, "1");
    const held = { askedAt, listed: 1, listedGroups: 1 };
    const [earlier, later] = [
      { ...taken, ...held },
      { ...by, ...held },
    ];
    await keepUsers(database, later, [listed("ann")], undefined);
    await keepGroups(database, later, [{ ...listed("sales"), members: ["ann"] }], undefined);
    await compareListed(database, later, rules);
    const [difference] = await waitingDifferences(database, later, 1);
    expect(difference).toMatchObject({ kind: "attributes" });
    const before = await listingOf(tenant);
    await expectLost(earlier, [
      () => compareListed(database, earlier, rules),
      () => compareMissing(database, earlier, rules),
      () => compareListedGroups(database, earlier, rules),
      () => compareMissingGroups(database, earlier, rules),
      () => endComparison(database, earlier, rules, { share: 1, count: 1_000, changedShare: 1 }, newId()),
      () => finishPull(database, earlier),
    ]);
    await settleDifference(database, earlier, difference?.id ?? 0, "unchanged", true);
    expect(await listingOf(tenant)).toEqual(before);
    await settleDifference(database, later, difference?.id ?? 0, "written", true);
    expect((await listingOf(tenant)).differences).toEqual([{ kind: "attributes", outcome: "written" }]);
  });
});

const rules = { idAttribute: "externalId", creates: true, lifts: "own", takes: "all" } as const;

const listed = (id: string) => ({
  id,
  attributes: { userName: `${id}@example.test`, displayName: `Called ${id}`, active: true },
});

/** A listing in the hand of one whose time is over, and in that of the next. */
async function takeTwice(tenant: TestTenant): Promise<readonly [HeldPull, HeldPull]> {
  await addProvider(house, tenant, "scim", { url: "https://scim.provider.test/v2" });
  const { id } = await startPull(database, tenant.id, tenant.connectionId, {
    id: newId(),
    dryRun: false,
    actor: "test",
  });
  const take = async (): Promise<HeldPull> => {
    const held = await takePull(database, tenant.id, id, { by: newId(), heldMs: 60_000 });
    return held ?? expect.fail("it is in another hand");
  };
  const earlier = await take();
  await keepUsers(database, earlier, [listed("old")], undefined);
  await database.once(tenant.id, sql`UPDATE pull_run SET taken_until = now() WHERE id = ${id}`);
  return [earlier, await take()];
}

async function expectLost({ id }: HeldPull, acts: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const act of acts) await expect(act(), `${id} ${act.toString()}`).rejects.toBeInstanceOf(PullLost);
}

/** All there is of a tenant's listing, and of what it has found. */
async function listingOf({ id }: TestTenant) {
  const [runs, rows, differences] = await Promise.all([
    database.once(
      id,
      sql`SELECT state, step, mark, listed, listed_groups, taken_by, taken_until, reason FROM pull_run`,
    ),
    database.once<{ key: string }>(
      id,
      sql`SELECT provider_id AS key FROM pull_user UNION ALL SELECT provider_id FROM pull_group
        UNION ALL SELECT group_id || ' ' || member FROM pull_member ORDER BY key`,
    ),
    database.once(id, sql`SELECT kind, outcome FROM pull_difference ORDER BY id`),
  ]);
  return { runs, rows: rows.map(({ key }) => key), differences };
}

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

/** What only whoever owns the tables may do. */
async function asOwner(statement: string): Promise<void> {
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function termNow(): Promise<number | undefined> {
  const [duty] = await database.house<{ fence: number }>(sql`SELECT fence FROM duty WHERE name = 'publish'`);
  return duty?.fence;
}

type Logged = { readonly seq: number; readonly sub: string; readonly tid?: string };

async function logOf(tenant: Pick<TestTenant, "id">): Promise<readonly Logged[]> {
  const rows = await database.once<Logged & { tid: string | null }>(
    tenant.id,
    sql`SELECT seq, sub, tid FROM feed_entry ORDER BY seq`,
  );
  return rows.map(({ seq, sub, tid }) => ({ seq, sub, ...(tid !== null && { tid }) }));
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
