import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import {
  beginFeed,
  beginTerm,
  denySubject,
  foldLag,
  houseFeedId,
  publishFeed,
  publishHouseFeed,
  readLag,
  sql,
} from "@rollcall/core/store";
import { feedDigest, startPublisher } from "@rollcall/reconciler";
import { adminOf } from "../harness/admin.ts";
import { countedStages, foldedLag, gatewaySays } from "../harness/fold.ts";
import { addSource, tell } from "../harness/hook-sender.ts";
import { hold } from "../harness/hold.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// Nobody folds but the stories themselves.
const house = await openHouse({ without: ["publisher"] });
const { database } = house;

async function joins(tenant: TestTenant, sub: string): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser(sub));
  return body["id"] as string;
}

/** Everything that waits in this tenant is applied. */
async function applied(tenant: TestTenant): Promise<void> {
  await until("all is applied", async () => {
    const rows = await database.once(tenant.id, sql`SELECT FROM lifecycle_event WHERE applied_at IS NULL`);
    return rows.length === 0;
  });
}

async function publish(tenant: TestTenant): Promise<void> {
  await publishFeed(database, tenant.id, await beginTerm(database), feedDigest);
}

describe("what passes a stage is counted", () => {
  test("stage by stage, with what is unknown beside it and never as zero", async () => {
    const tenant = await createTenant(house);
    const id = await joins(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await applied(tenant);
    await publish(tenant);
    const { stages, occurredUnknown, asOf } = await foldedLag(house, tenant.id);
    // SCIM does not say when something happened, and nobody follows this feed.
    expect(stages.occurredToAccepted).toEqual({ count: 0, unknown: 2 });
    expect(occurredUnknown).toBe(2);
    expect(stages.publishedToEnforced).toEqual({ count: 0, unknown: 1 });
    expect(stages.acceptedToApplied).toMatchObject({ count: 2, unknown: 0 });
    expect(stages.appliedToPublished).toMatchObject({ count: 1, unknown: 0 });
    expect(stages.acceptedToApplied.p99Ms).toBeGreaterThan(0);
    expect(asOf).toBeInstanceOf(Date);
  });

  test("by the time that the sender says, and as unknown where it says one that has not come", async () => {
    const tenant = await createTenant(house);
    await joins(tenant, "ann");
    await joins(tenant, "bob");
    const source = await addSource(house, tenant, "webhook");
    const say = (externalId: string, at: Date) => tell(source, { type: "user.disabled", at, data: { externalId } });
    expect((await say("ann", new Date(Date.now() - 90_000))).status).toBeLessThan(300);
    expect((await say("bob", new Date(Date.now() + 60_000))).status).toBeLessThan(300);
    const { occurredToAccepted } = (await foldedLag(house, tenant.id)).stages;
    expect(occurredToAccepted).toMatchObject({ count: 1, unknown: 3 });
    expect(occurredToAccepted.maxMs).toBeGreaterThan(89_000);
    expect(occurredToAccepted.p50Ms).toBeGreaterThan(75_000);
  });

  test("until the slowest gateway has it, and only once one is known", async () => {
    const tenant = await createTenant(house);
    const actor = { actor: "test", at: new Date() };
    const deny = async (sub: string): Promise<void> => {
      await denySubject(database, tenant.id, { iss: tenant.issuer, sub }, actor);
      await publish(tenant);
    };
    await deny("ann");
    expect((await foldedLag(house, tenant.id)).stages.publishedToEnforced).toEqual({ count: 0, unknown: 1 });
    await gatewaySays(house, tenant, 1);
    await deny("bob");
    const waiting = (await foldedLag(house, tenant.id)).stages.publishedToEnforced;
    expect(waiting).toMatchObject({ count: 0, unknown: 1 });
    expect(waiting.oldestWaitingMs).toBeGreaterThanOrEqual(0);
    await gatewaySays(house, tenant, 2);
    const enforced = (await foldedLag(house, tenant.id)).stages.publishedToEnforced;
    expect(enforced).toMatchObject({ count: 1, unknown: 1 });
    expect(enforced).not.toHaveProperty("oldestWaitingMs", expect.any(Number));
  });

  test("of a tenant whose gateways follow all tenants, by theirs", async () => {
    const tenant = await createTenant(house);
    await beginFeed(database, houseFeedId);
    await gatewaySays(house, { id: houseFeedId }, 0, "everywhere");
    await denySubject(database, tenant.id, { iss: tenant.issuer, sub: "ann" }, { actor: "test", at: new Date() });
    const fence = await beginTerm(database);
    await publishFeed(database, tenant.id, fence, feedDigest);
    await publishHouseFeed(database, fence, feedDigest);
    const before = (await foldedLag(house, tenant.id)).stages;
    expect(before.publishedToEnforced).toMatchObject({ count: 0, unknown: 0 });
    const [head] = await database.once<{ seq: number }>(houseFeedId, sql`SELECT seq FROM feed_meta`);
    await gatewaySays(house, { id: houseFeedId }, head?.seq ?? 0, "everywhere");
    const after = (await foldedLag(house, tenant.id)).stages;
    expect(after.publishedToEnforced).toMatchObject({ count: 1, unknown: 0 });
    expect(after.appliedToPublished).toMatchObject({ count: 1 });
    await database.once(houseFeedId, sql`DELETE FROM gateway WHERE tenant_id = ${houseFeedId}`);
  });
});

describe("what stands still shows", () => {
  test("a worker that is stuck: what waits grows older, whatever passed before", async () => {
    const still = await openHouse({ without: ["worker", "publisher"] });
    const tenant = await createTenant(still);
    const admin = await adminOf(still, tenant);
    const path = `/tenants/${tenant.slug}`;
    expect((await admin("PUT", `${path}/objectives/acceptedToApplied`, { p99Ms: 1, share: 0.99 })).status).toBe(200);
    await joins(tenant, "ann");
    await foldLag(still.database);
    const read = async () => {
      const { body } = await admin("GET", `${path}/lag`);
      return body["stages"] as Record<string, { count: number; p99Ms?: number; oldestWaitingMs: number }>;
    };
    const first = (await read())["acceptedToApplied"];
    expect(first).toMatchObject({ count: 0 });
    expect(first).not.toHaveProperty("p99Ms");
    await until(
      "it grows",
      async () => ((await read())["acceptedToApplied"]?.oldestWaitingMs ?? 0) > (first?.oldestWaitingMs ?? 0) + 1,
    );
    const { body } = await admin("GET", `${path}/overview`);
    expect(body["lag"]).toMatchObject({ acceptedToApplied: { state: "late", objectiveMs: 1 } });
    expect(body["lag"]).toMatchObject({ publishedToEnforced: { state: "unknown" } });
    expect(body["waiting"]).toBe(1);
  });
});

describe("a fold counts everything once", () => {
  test("though it is done again and again, by several at once, while others write", async () => {
    const tenant = await createTenant(house);
    let writing = true;
    const fold = async (): Promise<void> => {
      while (writing) await foldLag(database);
    };
    const folders = [fold(), fold(), fold()];
    await Promise.all(
      Array.from({ length: 24 }, async (_, writer) => {
        for (let round = 0; round < 5; round += 1) await joins(tenant, `u${writer}-${round}`);
      }),
    );
    await applied(tenant);
    writing = false;
    await Promise.all(folders);
    await foldLag(database);
    await foldLag(database);
    const events = await database.once(tenant.id, sql`SELECT FROM lifecycle_event`);
    expect(events).toHaveLength(120);
    expect(await countedStages(house, tenant.id)).toEqual({
      occurredToAccepted: 120,
      acceptedToApplied: 120,
      joinerAccepted: 120,
      joinerToApplied: 120,
    });
  });

  test("though two do it at the same moment", async () => {
    const tenant = await createTenant(house);
    await joins(tenant, "ann");
    await applied(tenant);
    await foldLag(database);
    await joins(tenant, "bob");
    await applied(tenant);
    const heard = "SELECT FROM connection_pulse WHERE connection_id = $1 FOR UPDATE";
    const held = await hold(house, tenant.id, heard, [tenant.connectionId]);
    const both = [foldLag(database), foldLag(database)];
    await until("both are in the middle of it", async () => (await lockWaiters(house.databaseUrl)) === 2);
    await held.letGo();
    await Promise.all(both);
    expect(await countedStages(house, tenant.id)).toMatchObject({ occurredToAccepted: 2, acceptedToApplied: 2 });
  });

  test("also an event whose commit comes after that of a later one", async () => {
    const tenant = await createTenant(house);
    const late = await slowWriter(tenant);
    await joins(tenant, "ann");
    await applied(tenant);
    await foldLag(database);
    // Nobody knows yet what came before Ann: she waits for it.
    expect(await countedStages(house, tenant.id)).not.toHaveProperty("occurredToAccepted");
    await late.commit();
    await foldLag(database);
    expect(await countedStages(house, tenant.id)).toMatchObject({ occurredToAccepted: 2 });
  });

  test("though the leader is killed in the middle of it, and another takes over", async () => {
    const tenant = await createTenant(house);
    await joins(tenant, "ann");
    await applied(tenant);
    const owner = await ownerClient();
    await owner.query("BEGIN; LOCK TABLE lag_histogram IN ACCESS EXCLUSIVE MODE");
    const killed = foldLag(database).then(
      () => "done",
      () => "killed",
    );
    const pid = await until("the leader is in the middle of it", async () => {
      const { rows } = await owner.query<{ pid: number }>(
        "SELECT pid FROM pg_locks WHERE relation = 'lag_histogram'::regclass AND NOT granted",
      );
      return rows[0]?.pid;
    });
    await owner.query("SELECT pg_terminate_backend($1)", [pid]);
    expect(await killed).toBe("killed");
    await owner.query("ROLLBACK");
    await owner.end();
    await foldLag(database);
    expect(await countedStages(house, tenant.id)).toMatchObject({ occurredToAccepted: 1, acceptedToApplied: 1 });
  });

  test("and what is applied is counted with it, or not at all", async () => {
    const tenant = await createTenant(house);
    await joins(tenant, "ann");
    await applied(tenant);
    const notes = await database.once<{ number: number }>(
      tenant.id,
      sql`SELECT sum(count)::bigint AS number FROM lag_sample WHERE stage = 'acceptedToApplied'`,
    );
    expect(notes).toEqual([{ number: 1 }]);
    await foldLag(database);
    expect(await database.once(tenant.id, sql`SELECT FROM lag_sample`)).toEqual([]);
  });

  test("by whoever leads, without being asked", async () => {
    const led = await openHouse({ databaseUrl: house.databaseUrl, without: ["worker", "publisher"] });
    const tenant = await createTenant(led);
    await joins(tenant, "ann");
    const publisher = await startPublisher({
      database: led.database,
      log: quietLog,
      retentionSec: 3_600,
      staleSecMax: 30,
      compare: { everySec: 3_600, heals: false },
      newId,
    });
    await until("it is folded", async () => (await readLag(database, tenant.id, 3_600)).occurredUnknown === 1);
    await publisher.close();
    expect(await countedStages(house, tenant.id)).toMatchObject({ occurredToAccepted: 1 });
  });
});

async function ownerClient(): Promise<Client> {
  const client = new Client({ connectionString: house.databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Somebody who has written an event and has not committed it yet. */
async function slowWriter({ id, connectionId }: TestTenant): Promise<{ commit(): Promise<void> }> {
  const client = await ownerClient();
  await client.query("BEGIN");
  await client.query("SELECT set_config('rollcall.tenant', $1, true)", [id]);
  await client.query("SET LOCAL ROLE rollcall_app");
  await client.query(
    `INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, applied_at)
     VALUES ($1, $2, 'scim', 'late', 'user.updated', 'user', gen_random_uuid(), false, 0, now())`,
    [id, connectionId],
  );
  return {
    commit: async () => {
      await client.query("COMMIT");
      await client.end();
    },
  };
}
