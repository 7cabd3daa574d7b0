import { describe, expect, test } from "vitest";
import { recordReceipts, sql } from "@rollcall/core/store";
import { adminOf } from "../harness/admin.ts";
import { gatewaySays } from "../harness/fold.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

type Page = {
  readonly people: { readonly shutOut: number; readonly admitted: number };
  readonly leaversToday: Readonly<Record<"count" | "enforced" | "notYetEnforced" | "unknown", number>>;
  readonly joinersToday: { readonly count: number; readonly applied: number };
  readonly lag: Readonly<Record<string, { readonly p99Ms?: number; readonly state: string }>>;
  readonly gateways: { readonly following: number; readonly blind: number };
  readonly openAlerts: number;
};

async function pageOf(tenant: TestTenant): Promise<Page> {
  const admin = await adminOf(house, tenant);
  const { status, body } = await admin("GET", `/tenants/${tenant.slug}/overview`);
  expect(status).toBe(200);
  return body as unknown as Page;
}

async function untilPage(tenant: TestTenant, what: string, holds: (page: Page) => boolean): Promise<Page> {
  return until(what, async () => {
    const page = await pageOf(tenant);
    return holds(page) ? page : undefined;
  });
}

async function joins(tenant: TestTenant, sub: string): Promise<string> {
  const { status, body } = await tenant.scim("POST", "/Users", newUser(sub));
  expect(status).toBe(201);
  // Whoever leaves before that is applied was never let in.
  await untilQuiet(house, tenant.id);
  return body["id"] as string;
}

async function leaves(tenant: TestTenant, id: string): Promise<void> {
  expect((await tenant.scim("PATCH", `/Users/${id}`, deactivate)).status).toBe(200);
  await untilQuiet(house, tenant.id);
}

/** Switched off, and deleted in a later second: tokens of the time between are dead too, so gateways are told again. */
async function leavesTwice(tenant: TestTenant): Promise<void> {
  const id = await joins(tenant, "ann");
  await leaves(tenant, id);
  const left = Date.now();
  await until("it is a later second", () => Date.now() > left + 2_000);
  await tenant.scim("DELETE", `/Users/${id}`);
  await untilQuiet(house, tenant.id);
  await until("gateways are told twice", async () => {
    const told = await house.database.once(tenant.id, sql`SELECT FROM feed_entry WHERE op = 'deny'`);
    return told.length === 2;
  });
}

/** It speaks, and has not been up to date for a minute. */
async function blindGateway(tenant: TestTenant): Promise<void> {
  const word = { gateway: "edge", epoch: 1, seq: 0, entries: 0, digest: Buffer.alloc(32) };
  await recordReceipts(house.database, tenant.id, [{ ...word, asOf: new Date(Date.now() - 60_000) }], 30);
}

describe("the overview", () => {
  test("follows a leaver until the slowest gateway refuses them", async () => {
    const tenant = await createTenant(house);
    await gatewaySays(house, tenant, 0);
    const id = await joins(tenant, "ann");
    await joins(tenant, "bob");
    await leaves(tenant, id);
    const before = await untilPage(tenant, "the leaver is on the way", ({ leaversToday }) => leaversToday.count === 1);
    expect(before.leaversToday).toMatchObject({ enforced: 0, notYetEnforced: 1, unknown: 0 });
    expect(before.leaversToday).not.toHaveProperty("p99Ms");
    await gatewaySays(house, tenant, 1);
    const after = await untilPage(tenant, "they are refused", ({ leaversToday }) => leaversToday.enforced === 1);
    expect(after.leaversToday).toMatchObject({ count: 1, enforced: 1, notYetEnforced: 0, unknown: 0 });
    expect(after.leaversToday).toHaveProperty("slowestMs", expect.any(Number));
    expect(after).toMatchObject({ gateways: { following: 1, blind: 0 }, joinersToday: { count: 2, applied: 2 } });
    await untilPage(tenant, "people are counted", ({ people }) => people.shutOut === 1 && people.admitted === 1);
  });

  test("says of a leaver whom no gateway follows that nobody knows, and not that it took no time", async () => {
    const tenant = await createTenant(house);
    await leaves(tenant, await joins(tenant, "ann"));
    const page = await untilPage(tenant, "it is folded", ({ leaversToday }) => leaversToday.unknown === 1);
    expect(page.leaversToday).toEqual({ count: 1, enforced: 0, notYetEnforced: 0, unknown: 1 });
    expect(page.lag["publishedToEnforced"]).toEqual({ objectiveMs: 10_000, state: "unknown" });
    expect(page.lag["occurredToAccepted"]).toEqual({ objectiveMs: 300_000, state: "unknown" });
    expect(page.gateways).toEqual({ following: 0, blind: 0 });
  });

  test("says that a leaver waits while the only gateway is blind", async () => {
    const tenant = await createTenant(house);
    await blindGateway(tenant);
    await leaves(tenant, await joins(tenant, "ann"));
    const page = await untilPage(tenant, "it is published", ({ leaversToday }) => leaversToday.count === 1);
    expect(page.leaversToday).toEqual({ count: 1, enforced: 0, notYetEnforced: 1, unknown: 0 });
    expect(page.gateways).toEqual({ following: 0, blind: 1 });
    await house.database.once(
      tenant.id,
      sql`UPDATE feed_entry SET published_at = published_at - interval '1 minute' WHERE seq = 1`,
    );
    expect((await pageOf(tenant)).lag["publishedToEnforced"]).toMatchObject({ state: "late" });
  });

  test("counts a leaver who is told to leave twice once", async () => {
    const tenant = await createTenant(house);
    await leavesTwice(tenant);
    const page = await until("both are folded", async () => {
      const [row] = await house.database.once<{ number: number }>(
        tenant.id,
        sql`SELECT sum(count)::bigint AS number FROM lag_histogram WHERE step_sec = 60 AND stage = 'publishedToEnforced'`,
      );
      return row?.number === 2 ? pageOf(tenant) : undefined;
    });
    expect(page.leaversToday).toMatchObject({ count: 1, unknown: 1 });
  });

  test("counts them once as well while they wait for a gateway", async () => {
    const tenant = await createTenant(house);
    await blindGateway(tenant);
    await leavesTwice(tenant);
    await untilPage(tenant, "both are published and folded", ({ lag }) => "p99Ms" in (lag["appliedToPublished"] ?? {}));
    expect((await pageOf(tenant)).leaversToday).toEqual({ count: 1, enforced: 0, notYetEnforced: 1, unknown: 0 });
  });

  test("has nothing of another tenant's in it", async () => {
    const [mine, theirs] = [await createTenant(house), await createTenant(house)];
    await leaves(theirs, await joins(theirs, "ann"));
    await untilPage(
      theirs,
      "theirs is counted",
      ({ people, leaversToday }) => people.shutOut === 1 && leaversToday.count === 1,
    );
    expect(await pageOf(mine)).toMatchObject({
      people: { shutOut: 0, admitted: 0 },
      leaversToday: { count: 0, enforced: 0, notYetEnforced: 0, unknown: 0 },
      joinersToday: { count: 0, applied: 0 },
      openAlerts: 0,
      connections: [{ slug: "idp", lastEventAt: null }],
    });
    const admin = await adminOf(house, mine);
    expect((await admin("GET", `/tenants/${theirs.slug}/overview`)).status).toBe(404);
  });
});
