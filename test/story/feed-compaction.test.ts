import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import {
  compactFeed,
  recordReceipts,
  type RevocationKey,
  revokeKey,
  sql,
  suspendUser,
  trimForgotten,
} from "@rollcall/core/store";
import { adminOf } from "../harness/admin.ts";
import { openFeedReader } from "../harness/feed-reader.ts";
import { type House, openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
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

describe("the entries of an ended session and of a single token", () => {
  test("are gone a day after they were forgotten, and may be told anew; a leaver's stays", async () => {
    const { tenant } = await openLeaver("ann");
    const session: RevocationKey = { scope: "sid", iss: tenant.issuer, sub: "s1" };
    const token: RevocationKey = { scope: "jti", iss: tenant.issuer, sub: "t1" };
    await revokeKey(database, tenant.id, session, "deny", logout);
    await revokeKey(database, tenant.id, token, "deny", { actor: "admin", at: new Date() });
    await untilTold(tenant, ["jti", "sid", "sub"]);
    await reports(tenant, 3_600);
    await age(tenant, 2 * daySec);
    await compactFeed(database, tenant.id, newId);
    await untilTold(tenant, []);
    expect(await trimForgotten(database, tenant.id)).toBe(0);
    expect(await scopesOf(tenant)).toEqual(["jti", "sid", "sub"]);
    await forgottenLongAgo(tenant);
    expect(await trimForgotten(database, tenant.id)).toBe(2);
    expect(await scopesOf(tenant)).toEqual(["sub"]);
    expect(await resolve(tenant, "ann")).toMatchObject({ status: "denied", reason: "idp_inactive" });
    await revokeKey(database, tenant.id, session, "deny", logout);
    await untilTold(tenant, ["sid"]);
  });

  test("stay while a follower is still to be told that they are forgotten", async () => {
    const silent = await openHouse({ without: ["publisher"] });
    const tenant = await createTenant(silent);
    const session: RevocationKey = { scope: "sid", iss: tenant.issuer, sub: "s1" };
    await revokeKey(silent.database, tenant.id, session, "deny", logout);
    const stays = async (): Promise<void> => {
      await forgottenLongAgo(tenant, silent);
      expect(await trimForgotten(silent.database, tenant.id)).toBe(0);
      expect(await scopesOf(tenant, silent)).toEqual(["sid"]);
    };
    await stays();
    await silent.database.once(tenant.id, sql`DELETE FROM feed_pending`);
    expect(await trimForgotten(silent.database, tenant.id)).toBe(1);
  });

  test("are not lost where they are told again while they are being deleted", async () => {
    const tenant = await createTenant(house);
    const session: RevocationKey = { scope: "sid", iss: tenant.issuer, sub: "s1" };
    await revokeKey(database, tenant.id, session, "deny", logout);
    await untilQuiet(house, tenant.id);
    const [locked, mayDelete] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const deleting = database.inTenant(tenant.id, async (transaction) => {
      await transaction.query(sql`SELECT FROM revocation WHERE scope = 'sid' FOR UPDATE`);
      locked.resolve();
      await mayDelete.promise;
      await transaction.query(sql`DELETE FROM revocation WHERE scope = 'sid'`);
    });
    await locked.promise;
    const denying = revokeKey(database, tenant.id, session, "deny", logout);
    await until("the denial waits", async () => (await lockWaiters(house.databaseUrl)) > 0);
    mayDelete.resolve();
    await Promise.all([deleting, denying]);
    expect(await scopesOf(tenant)).toEqual(["sid"]);
  });
});

const logout = { actor: "source", at: new Date(), origin: "idp", reason: "session_ended" } as const;

/** Waits until the feed's standing denials are of these scopes. */
async function untilTold({ id }: TestTenant, scopes: readonly string[]): Promise<void> {
  const standing = sql`SELECT scope FROM feed_entry WHERE superseded_by IS NULL AND op = 'deny' ORDER BY scope`;
  await until(`the feed denies ${scopes.length}`, async () => {
    const rows = await database.once<{ scope: string }>(id, standing);
    return rows.map(({ scope }) => scope).join(" ") === scopes.join(" ");
  });
}

async function forgottenLongAgo({ id }: TestTenant, { database: store }: Pick<House, "database"> = house) {
  await store.once(id, sql`UPDATE revocation SET forgotten_at = now() - interval '25 hours'`);
}

async function scopesOf({ id }: TestTenant, { database: store }: Pick<House, "database"> = house) {
  const rows = await store.once<{ scope: string }>(id, sql`SELECT scope FROM revocation ORDER BY scope`);
  return rows.map(({ scope }) => scope);
}

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
