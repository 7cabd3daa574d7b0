import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { compactFeed, recordReceipts, sql, suspendUser } from "@rollcall/core/store";
import { adminOf } from "../harness/admin.ts";
import { openFeedReader } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const { database } = house;
const staleSec = 30;
const daySec = 86_400;

describe("a leaver's entry", () => {
  test("is forgotten once no token can live, by followers too, and the directory still refuses the leaver", async () => {
    const { tenant, reader } = await openLeaver("ann");
    await reports(tenant, 3_600);
    await age(tenant, 2 * daySec);
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 1, stopped: undefined });
    await until("the follower has forgotten", async () => {
      await reader.catchUp(1);
      return reader.held.size === 0;
    });
    expect(await resolve(tenant, "ann")).toMatchObject({ status: "denied", reason: "idp_inactive" });
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: undefined });
  });

  test("stays while a token that it could refuse may be alive", async () => {
    const { tenant } = await openLeaver("ann");
    await reports(tenant, 3_600);
    await age(tenant, daySec);
    expect(await compactFeed(database, tenant.id, newId)).toMatchObject({ forgotten: 0 });
  });

  test("stays while no gateway has said how long tokens live", async () => {
    const { tenant } = await openLeaver("ann");
    await age(tenant, 365 * daySec);
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: "lifetime_unknown" });
  });

  test("stays, and an alert says why, where tokens live longer than configured; it goes once the setting is right", async () => {
    const { tenant } = await openLeaver("ann");
    await reports(tenant, 7 * daySec);
    await age(tenant, 8 * daySec);
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: "lifetime_exceeded" });
    await compactFeed(database, tenant.id, newId);
    const [alert, ...more] = await openAlerts(tenant);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({
      kind: "compaction_stopped",
      detail: { gateway: "edge", seenSec: 7 * daySec, configuredSec: daySec },
    });
    await database.once(tenant.id, sql`UPDATE connection SET token_lifetime_sec = ${7 * daySec}`);
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 1, stopped: undefined });
    expect(await openAlerts(tenant)).toEqual([]);
  });

  test("is told anew when somebody is denied for a reason that the provider knows nothing of", async () => {
    const { tenant, reader, userId } = await openLeaver("ann");
    await reports(tenant, 3_600);
    await age(tenant, 2 * daySec);
    await compactFeed(database, tenant.id, newId);
    await untilQuiet(house, tenant.id);
    await suspendUser(database, tenant.id, userId, { actor: "test", at: new Date() });
    await tenant.scim("PATCH", `/Users/${userId}`, reactivate);
    await untilQuiet(house, tenant.id);
    await until("the follower holds the suspension", async () => {
      await reader.catchUp(1);
      return [...reader.held.values()].some(({ op }) => op === "deny");
    });
    expect([...reader.held.values()].map(({ op }) => op)).toContain("deny");
  });
});

test("a denial that the provider knows nothing of is never forgotten", async () => {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: tenant.issuer, sub: "nobody" });
  await untilQuiet(house, tenant.id);
  await reports(tenant, 60);
  await age(tenant, 3_650 * daySec);
  expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: undefined });
});

async function openLeaver(sub: string) {
  const tenant = await createTenant(house);
  const { body } = await tenant.scim("POST", "/Users", newUser(sub));
  const userId = body["id"] as string;
  await untilQuiet(house, tenant.id);
  await tenant.scim("PATCH", `/Users/${userId}`, deactivate);
  await untilQuiet(house, tenant.id);
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await until("the follower holds the denial", async () => {
    await reader.catchUp(1);
    return reader.held.size === 1;
  });
  return { tenant, reader, userId };
}

async function reports(tenant: TestTenant, maxTtlSec: number): Promise<void> {
  const word = { gateway: "edge", epoch: 1, seq: 1, asOf: new Date(), entries: 1, digest: Buffer.alloc(32) };
  await recordReceipts(database, tenant.id, [{ ...word, maxTtlSec }], staleSec);
}

/** As if everything that was revoked had been revoked so much earlier. */
async function age(tenant: TestTenant, seconds: number): Promise<void> {
  await database.once(
    tenant.id,
    sql`UPDATE revocation SET applied_at = applied_at - ${seconds} * interval '1 second', nbf = nbf - ${seconds}`,
  );
}

async function openAlerts(tenant: TestTenant) {
  return database.once<{ kind: string; detail: object }>(
    tenant.id,
    sql`SELECT kind, detail FROM alert WHERE resolved_at IS NULL`,
  );
}

async function resolve(tenant: TestTenant, sub: string): Promise<unknown> {
  const answer = await fetch(`${house.url}/v1/resolve`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.feedToken}`, "content-type": "application/json" },
    body: JSON.stringify({ iss: tenant.issuer, sub }),
  });
  return answer.json();
}
