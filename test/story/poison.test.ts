import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { keyOf, openFeedReader, readSnapshot } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { addConnection, createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes, and how often it tries.
const house = await openHouse({ without: ["worker"] });
const attemptsMax = 3;
const drain = createDrain({ database: house.database, log: quietLog, newId, attemptsMax });

describe("an event that cannot be applied", () => {
  test("is alone in its failure: the others of its batch are applied", async () => {
    const { tenant, other } = await twoProviders();
    await tenant.scim("POST", "/Users", newUser("u25"));
    await applyAll(drain);
    const ids = await createInOneLane(other, tenant, 50);
    await applyAll(drain);

    const users = await readUserStore(house, tenant.id);
    expect(ids.filter((id) => !users.has(id))).toEqual([ids[25]]);
    expect(await failures(tenant)).toEqual([
      { subject: ids[25], attempts: 1, dead: false, error: expect.stringContaining("IdentityTaken") as string },
    ]);
  });

  test("denies nobody by failing, where it was not a denial", async () => {
    const { tenant, other, owner } = await rivals();
    const stranger = await other.scim("POST", "/Users", newUser("ann"));
    await applyAll(drain);
    const users = await readUserStore(house, tenant.id);
    expect(users.get(owner)?.denials).toEqual([]);
    expect(users.get(stranger.body["id"] as string)).toBeUndefined();
    expect((await feedOf(tenant)).size).toBe(0);
  });

  test("is tried again, then given up with its reason, and a person is told", async () => {
    const { tenant, other } = await rivals();
    const stranger = await other.scim("POST", "/Users", newUser("ann"));
    await tryUntilDead(tenant);
    const id = stranger.body["id"] as string;
    expect(await failures(tenant)).toEqual([
      { subject: id, attempts: attemptsMax, dead: true, error: expect.stringContaining("IdentityTaken") as string },
    ]);
    expect(await alerts(tenant)).toEqual([{ kind: "dead_letter", subject_id: id }]);
  });

  test("is applied by itself once its cause is gone", async () => {
    const { tenant, other, owner } = await rivals();
    const stranger = await other.scim("POST", "/Users", newUser("ann"));
    await applyAll(drain);
    await tenant.scim("DELETE", `/Users/${owner}`);
    await retry(tenant);
    const users = await readUserStore(house, tenant.id);
    expect(users.get(stranger.body["id"] as string)).toMatchObject({ denials: [], identities: ["ann"] });
  });
});

describe("a denial that cannot be applied", () => {
  test("denies at once, is in the feed, and leaves the innocent alone", async () => {
    const { tenant, owner, leaver } = await poisonedLeaver();
    const users = await readUserStore(house, tenant.id);
    expect(users.get(leaver)?.denials).toEqual(["poison"]);
    expect(users.get(owner)?.denials).toEqual([]);
    const feed = await feedOf(tenant);
    expect(feed.get("bob")?.op).toBe("deny");
    expect(feed.get("ann")).toBeUndefined();
  });

  test("blinds no gateway while it is tried again: the door is closed already", async () => {
    const { tenant } = await poisonedLeaver();
    const [waiting] = await house.database.once<{ accepted_at: Date }>(
      tenant.id,
      sql`SELECT accepted_at FROM lifecycle_event WHERE applied_at IS NULL AND denying`,
    );
    const { claims } = await readSnapshot({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
    expect(claims.as_of).toBeGreaterThan((waiting?.accepted_at.getTime() ?? Number.NaN) / 1000);
  });

  test("stays denied when it is given up, and a person is told", async () => {
    const { tenant, leaver } = await poisonedLeaver();
    await tryUntilDead(tenant);
    expect((await readUserStore(house, tenant.id)).get(leaver)?.denials).toEqual(["poison"]);
    expect(await alerts(tenant)).toEqual([{ kind: "dead_letter", subject_id: leaver }]);
    expect((await feedOf(tenant)).get("bob")?.op).toBe("deny");
  });

  test("is denied for its true reason once its cause is gone, and for no other", async () => {
    const { tenant, owner, leaver } = await poisonedLeaver();
    await tenant.scim("DELETE", `/Users/${owner}`);
    await retry(tenant);
    expect((await readUserStore(house, tenant.id)).get(leaver)?.denials).toEqual(["idp_inactive"]);
    expect((await feedOf(tenant)).get("ann")?.op).toBe("deny");
  });

  test("does not deny a user whose later state is applied already", async () => {
    const { tenant, other, leaver } = await poisonedLeaver();
    const back = await other.scim("PUT", `/Users/${leaver}`, newUser("bob"));
    expect(back.status).toBe(200);
    await retry(tenant);
    expect((await readUserStore(house, tenant.id)).get(leaver)?.denials).toEqual([]);
    expect((await feedOf(tenant)).get("bob")?.op).toBe("allow");
  });
});

/** One tenant with two providers whose users' tokens name the same issuer: the natural poison. */
async function twoProviders() {
  const tenant = await createTenant(house);
  const other = await addConnection(house, tenant, tenant.issuer);
  return { tenant, other };
}

/** And Ann, whom the first provider owns. */
async function rivals() {
  const { tenant, other } = await twoProviders();
  const created = await tenant.scim("POST", "/Users", newUser("ann"));
  await applyAll(drain);
  return { tenant, other, owner: created.body["id"] as string };
}

/** And Bob of the second, who leaves and claims to be Ann in the same request, so that his end cannot be applied. */
async function poisonedLeaver() {
  const { tenant, other, owner } = await rivals();
  const created = await other.scim("POST", "/Users", newUser("bob"));
  await applyAll(drain);
  const leaver = created.body["id"] as string;
  const left = await other.scim("PUT", `/Users/${leaver}`, newUser("bob", { externalId: "ann", active: false }));
  expect(left.status).toBe(200);
  await applyAll(drain);
  await untilPublished(tenant);
  return { tenant, other, owner, leaver };
}

/** Creates users and moves their events into one lane, where one batch takes them all. */
async function createInOneLane(
  sender: Pick<TestTenant, "scim">,
  tenant: TestTenant,
  count: number,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const created = await sender.scim("POST", "/Users", newUser(`u${number}`));
    ids.push(created.body["id"] as string);
  }
  await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET lane = 7 WHERE applied_at IS NULL`);
  return ids;
}

async function retry(tenant: TestTenant): Promise<void> {
  await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function tryUntilDead(tenant: TestTenant): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await applyAll(drain);
  }
  await untilQuiet(house, tenant.id);
}

async function failures(tenant: TestTenant) {
  return house.database.once(
    tenant.id,
    sql`SELECT subject_id AS subject, attempts, dead_at IS NOT NULL AS dead, last_error AS error FROM lifecycle_event WHERE applied_at IS NULL`,
  );
}

async function alerts(tenant: TestTenant) {
  return house.database.once(tenant.id, sql`SELECT kind, subject_id FROM alert`);
}

async function feedOf(tenant: TestTenant) {
  await untilPublished(tenant);
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return new Map(
    ["ann", "bob"]
      .map((sub) => [sub, reader.held.get(keyOf({ iss: tenant.issuer, sub }))] as const)
      .filter(([, entry]) => entry !== undefined),
  );
}

async function untilPublished(tenant: TestTenant): Promise<void> {
  await until("everything decided is published", async () => {
    const [row] = await house.database.once<{ count: number }>(
      tenant.id,
      sql`SELECT count(*) AS count FROM feed_pending`,
    );
    return row?.count === 0;
  });
}
