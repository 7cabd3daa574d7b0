import { Client } from "pg";
import { beforeEach, describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { beginTerm, createUserDirectory, publishFeed, sql } from "@rollcall/core/store";
import { feedDigest } from "@rollcall/reconciler";
import { createDrain, startSweep, startWorker } from "@rollcall/worker";
import { type FeedAddress, keyOf, openFeedReader, readSnapshot } from "../harness/feed-reader.ts";
import { hold } from "../harness/hold.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { createTenant, deactivate, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, readUserStore } from "../harness/user-store.ts";

// Nobody applies and nobody publishes anything but the story, which says when.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const drain = createDrain({ database, log: quietLog, newId });
await makeStickable();

describe("a denial", () => {
  test("dated in 2099 refuses no token that is issued after it was lifted", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await dateWaiting(tenant, new Date("2099-01-01T00:00:00Z"));
    await settle(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await settle(tenant);
    const entry = await entryOf(tenant, "ann");
    expect(entry?.op).toBe("allow");
    expect(entry?.nbf).toBeLessThanOrEqual(Math.floor(Date.now() / 1_000) + 1);
  });

  test("dated in 1970 is a denial: nothing is dropped for being old", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await dateWaiting(tenant, new Date(0));
    await settle(tenant);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("goes before all that was accepted before it", async () => {
    const tenant = await createTenant(house);
    const ids = await createUsers(tenant, 4);
    await settle(tenant);
    const rename = patch({ op: "replace", path: "displayName", value: "another" });
    for (const id of ids) await tenant.scim("PATCH", `/Users/${id}`, rename);
    await tenant.scim("PATCH", `/Users/${ids[3] ?? ""}`, deactivate);
    await moveToLane(tenant, 5);
    const oneByOne = createDrain({ database, log: quietLog, newId, batchMax: 1 });
    const before = await appliedKinds(tenant);
    await oneByOne(5);
    expect((await appliedKinds(tenant)).slice(before.length)).toEqual([
      "user.deactivated",
      ...ids.map(() => "user.updated"),
    ]);
  });

  test("that is applied and not published keeps as_of back, so that a gateway knows what it lacks", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await applyAll(drain);
    const [event] = await database.once<{ accepted_at: Date }>(
      tenant.id,
      sql`SELECT accepted_at FROM lifecycle_event WHERE denying`,
    );
    const acceptedSec = (event?.accepted_at.getTime() ?? Number.NaN) / 1_000;
    expect((await readSnapshot(addressOf(tenant))).claims.as_of).toBeLessThanOrEqual(acceptedSec);
    await publish(tenant);
    await until(
      "the feed promises more",
      async () => (await readSnapshot(addressOf(tenant))).claims.as_of > acceptedSec,
    );
  });
});

test("what is changed and changed back before it is published is told to nobody", async () => {
  const { tenant, id } = await joiner();
  const at = new Date(Date.now() - 60_000);
  const deactivateThen = async (): Promise<void> => {
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await dateWaiting(tenant, at);
    await applyAll(drain);
  };
  await deactivateThen();
  await publish(tenant);
  const told = await headOf(tenant);
  await tenant.scim("PATCH", `/Users/${id}`, reactivate);
  await applyAll(drain);
  await deactivateThen();
  await publish(tenant);
  expect(await headOf(tenant)).toBe(told);
  expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
});

describe("what strikes the surroundings", () => {
  beforeEach(() => unstick());

  test("in the middle of a batch is no attempt of the events that were in it", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    const held = await hold(house, tenant.id, "SELECT FROM link WHERE directory_user_id = $1 FOR UPDATE", [id]);
    const draining = applyAll(drain);
    draining.catch(() => undefined);
    await until("the worker is in the middle", async () => (await lockWaiters(house.databaseUrl)) === 1);
    await asOwner((owner) =>
      owner.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      ),
    );
    await expect(draining).rejects.toThrow(/terminat/);
    await held.letGo();
    expect(await attemptsOf(tenant)).toBe(0);
    await settle(tenant);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
  });

  test("one tenant keeps no other tenant waiting in its lane", async () => {
    const [first, second] = [await joiner(), await joiner()];
    for (const { tenant, id } of [first, second]) {
      await tenant.scim("PATCH", `/Users/${id}`, deactivate);
      await moveToLane(tenant, 7);
    }
    await stick(first.tenant);
    await expect(drain(7)).rejects.toThrow("stuck");
    expect((await readUserStore(house, second.tenant.id)).get(second.id)?.denials).toEqual(["idp_inactive"]);
    expect(await attemptsOf(first.tenant)).toBe(0);
    await unstick();
    await drain(7);
    expect((await readUserStore(house, first.tenant.id)).get(first.id)?.denials).toEqual(["idp_inactive"]);
  });

  test("one lane keeps no other lane waiting in the sweep", async () => {
    const [first, second] = [await joiner(), await joiner()];
    for (const [lane, { tenant, id }] of [first, second].entries()) {
      await tenant.scim("PATCH", `/Users/${id}`, deactivate);
      await moveToLane(tenant, lane);
    }
    await stick(first.tenant);
    const sweep = startSweep(database, drain, quietLog, 20);
    try {
      await until("the other lane is swept", async () => {
        const users = await readUserStore(house, second.tenant.id);
        return users.get(second.id)?.denials[0] === "idp_inactive";
      });
    } finally {
      await sweep.close();
    }
    expect((await readUserStore(house, first.tenant.id)).get(first.id)?.denials).toEqual([]);
  });

  test("and fails a lane's job leaves events that are applied by a worker that nobody wakes again", async () => {
    const { tenant, id } = await joiner();
    await stick(tenant);
    // Past the ingest, which would wake the lane: the one job that there is is that of the joiner's creation.
    const sender = { connectionId: tenant.connectionId, requestId: newId() };
    await createUserDirectory(database, newId).replace(tenant.id, sender, id, 1, { userName: "anna", active: true });
    const before = await triesSoFar();
    const worker = startWorker({ database, queue: house.queue, log: quietLog, newId });
    try {
      await until("the worker has tried", async () => (await triesSoFar()) > before);
      await unstick();
      await until("the rename is applied", async () => (await userNameOf(tenant, id)) === "anna");
    } finally {
      await worker.close();
    }
    expect(await attemptsOf(tenant)).toBe(0);
  });
});

async function joiner(): Promise<{ readonly tenant: TestTenant; readonly id: string }> {
  const tenant = await createTenant(house);
  const created = await tenant.scim("POST", "/Users", newUser("ann"));
  await settle(tenant);
  return { tenant, id: created.body["id"] as string };
}

async function createUsers(tenant: TestTenant, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1)
    ids.push((await tenant.scim("POST", "/Users", newUser(`u${number}`))).body["id"] as string);
  return ids;
}

async function userNameOf(tenant: TestTenant, id: string): Promise<string | undefined> {
  return (await readUserStore(house, tenant.id)).get(id)?.userName;
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await publish(tenant);
}

async function publish(tenant: TestTenant): Promise<void> {
  const fence = await beginTerm(database);
  while ((await publishFeed(database, tenant.id, fence, feedDigest)) > 0);
}

function addressOf(tenant: TestTenant): FeedAddress {
  return { url: house.url, feed: tenant.slug, token: tenant.feedToken };
}

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader(addressOf(tenant));
  const seq = await headOf(tenant);
  await until("the feed shows its head", async () => {
    await reader.takeSnapshot();
    return reader.cursor.seq === seq;
  });
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}

async function headOf(tenant: TestTenant): Promise<number | undefined> {
  const [head] = await database.once<{ seq: number }>(tenant.id, sql`SELECT seq FROM feed_meta`);
  return head?.seq;
}

/** As a sender that tells the time would have sent it. */
async function dateWaiting(tenant: TestTenant, at: Date): Promise<void> {
  await database.once(tenant.id, sql`UPDATE lifecycle_event SET occurred_at = ${at} WHERE applied_at IS NULL`);
}

async function moveToLane(tenant: TestTenant, lane: number): Promise<void> {
  await database.once(tenant.id, sql`UPDATE lifecycle_event SET lane = ${lane}::smallint WHERE applied_at IS NULL`);
}

/** What was applied, in that order. */
async function appliedKinds(tenant: TestTenant): Promise<readonly string[]> {
  const rows = await database.once<{ kind: string }>(
    tenant.id,
    sql`SELECT kind FROM lifecycle_event WHERE applied_at IS NOT NULL ORDER BY applied_at`,
  );
  return rows.map(({ kind }) => kind);
}

async function attemptsOf(tenant: TestTenant): Promise<number> {
  const [row] = await database.once<{ attempts: number }>(
    tenant.id,
    sql`SELECT sum(attempts)::integer AS attempts FROM lifecycle_event`,
  );
  return row?.attempts ?? Number.NaN;
}

/** From now on users of a tenant that is called stuck cannot be converged, by no fault of theirs; each try is counted. */
async function makeStickable(): Promise<void> {
  await asOwner((owner) =>
    owner.query(`
      CREATE TABLE stuck (tenant_id uuid);
      CREATE SEQUENCE tries;
      CREATE FUNCTION stick() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF EXISTS (SELECT FROM stuck WHERE stuck.tenant_id = NEW.tenant_id) THEN
            PERFORM nextval('tries');
            RAISE EXCEPTION 'stuck' USING ERRCODE = 'serialization_failure';
          END IF;
          RETURN NEW;
        END $$;
      CREATE TRIGGER stick BEFORE UPDATE ON link FOR EACH ROW EXECUTE FUNCTION stick();`),
  );
}

async function stick(tenant: TestTenant): Promise<void> {
  await asOwner((owner) => owner.query("INSERT INTO stuck VALUES ($1)", [tenant.id]));
}

async function unstick(): Promise<void> {
  await asOwner((owner) => owner.query("DELETE FROM stuck"));
}

async function triesSoFar(): Promise<number> {
  return asOwner(async (owner) => {
    const { rows } = await owner.query<{ tries: string }>(
      "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS tries FROM tries",
    );
    return Number(rows[0]?.tries);
  });
}

async function asOwner<Result>(work: (owner: Client) => Promise<Result>): Promise<Result> {
  const owner = new Client({ connectionString: house.databaseUrl });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}
