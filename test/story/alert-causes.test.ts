import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { countRefusals, notePulses, recordRefusals, sql } from "@rollcall/core/store";
import { createAlertWatch } from "@rollcall/reconciler";
import { type Admin, adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";

// Nobody watches but the stories themselves, by a clock of their own.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const sec = 1_000;

async function alertsOf(admin: Admin, tenant: TestTenant, state = "open"): Promise<readonly unknown[]> {
  const { body } = await admin("GET", `/tenants/${tenant.slug}/alerts?state=${state}`);
  return body["items"] as readonly unknown[];
}

describe("a connection that falls silent", () => {
  test("for longer than it ever does raises an alert, which its next word closes", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    await speaks(tenant, 14 * 96);
    const now = Date.now();
    const watch = createAlertWatch({ database, newId, now: () => now + 3 * 3_600 * sec });
    for (const at of [0, 301]) await watch.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant)).toEqual([
      expect.objectContaining({ kind: "connection_silent", key: tenant.connectionId, level: 1 }),
    ]);
    const back = createAlertWatch({ database, newId, now: () => now });
    for (const at of [0, 61]) await back.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant)).toEqual([]);
  });

  test("raises none while nobody knows what is usual of it", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    await speaks(tenant, 3 * 96);
    const later = Date.now() + 30 * 3_600 * sec;
    const watch = createAlertWatch({ database, newId, now: () => later });
    for (const at of [0, 301, 700]) await watch.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant, "all")).toEqual([]);
    const { body } = await admin("GET", `/tenants/${tenant.slug}/overview`);
    expect(body["connections"]).toEqual([{ slug: "idp", lastEventAt: expect.any(String) as string, silent: false }]);
  });

  test("is heard where it asks, though it changes nothing", async () => {
    const tenant = await createTenant(house);
    await tenant.scim("GET", "/Users");
    await notePulses(database);
    const rows = await database.once(tenant.id, sql`SELECT FROM connection_pulse WHERE last_request_at IS NOT NULL`);
    expect(rows).toHaveLength(1);
  });

  /** Every quarter of an hour something was heard, the last time two hours ago. */
  async function speaks(tenant: TestTenant, quarters: number): Promise<void> {
    await database.inTenant(tenant.id, async (transaction) => {
      await transaction.query(sql`
        INSERT INTO lag_histogram (tenant_id, step_sec, at, stage, connection_id, bucket, count, sum_ms, max_ms)
        SELECT ${tenant.id}, 900, date_bin('15 minutes', now() - interval '15 minutes' * at, 'epoch'), 'occurredToAccepted', ${tenant.connectionId}, -1, 1, 0, 0
        FROM generate_series(0, ${quarters}::int - 1) AS at`);
      await transaction.query(sql`
        INSERT INTO connection_pulse (connection_id, tenant_id, last_event_at) VALUES (${tenant.connectionId}, ${tenant.id}, now())`);
    });
  }
});

describe("a reason that refuses far more than it used to", () => {
  test("raises an alert for that reason alone, and for nobody who is always refused", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const now = Date.now();
    const refused = (minutesAgo: number, reason: string, count: number) => ({
      minute: new Date(Math.floor(now / 60_000 - minutesAgo) * 60_000),
      reason,
      count,
    });
    const counts = [
      ...Array.from({ length: 300 }, (_, at) => refused(at + 10, "expired", 20)),
      refused(1, "expired", 90),
      refused(1, "unknown_key", 500),
    ];
    await recordRefusals(database, tenant.id, { id: newId(), gateway: "edge", counts, refusals: [] });
    expect(await countRefusals(database, tenant.id, new Date(now - 600 * 60_000))).toHaveLength(302);
    const watch = createAlertWatch({ database, newId, now: () => now });
    for (const at of [0, 31]) await watch.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant)).toEqual([
      expect.objectContaining({ kind: "refusal_spike", key: "unknown_key", level: 2 }),
    ]);
  });
});
