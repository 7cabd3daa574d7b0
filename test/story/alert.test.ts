import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import {
  foldLag,
  type NewAlert,
  openAlert,
  remindOfAlerts,
  resolveAlerts,
  sql,
  tenantsToRemind,
} from "@rollcall/core/store";
import { createAlertWatch } from "@rollcall/reconciler";
import { type Admin, adminOf } from "../harness/admin.ts";
import { type Application, createWebhook, openApplication } from "../harness/application.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// Nobody watches but the stories themselves, by a clock of their own.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const sec = 1_000;
const alertEvents = ["alert.opened", "alert.acknowledged", "alert.resolved"];

type Told = { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
type AlertRow = {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly level: number;
  readonly resolvedAt: string | null;
};

async function alertsOf(admin: Admin, tenant: TestTenant, state = "open"): Promise<readonly AlertRow[]> {
  const { body } = await admin("GET", `/tenants/${tenant.slug}/alerts?state=${state}`);
  return body["items"] as readonly AlertRow[];
}

async function raise(tenant: TestTenant, alert: Partial<NewAlert> = {}): Promise<void> {
  await database.inTenant(tenant.id, (transaction) =>
    openAlert(transaction, tenant.id, {
      id: newId(),
      kind: "mass_change_braked",
      key: "one",
      detail: { would: 7 },
      ...alert,
    }),
  );
}

/** What a webhook was told, each message verified. */
async function toldTo(application: Application, secret: string, count: number): Promise<readonly Told[]> {
  await until(`${count} messages arrive`, () => application.received.length >= count);
  return application.received.map(({ body, headers }) => new Webhook(secret).verify(body, { ...headers }) as Told);
}

/** Somebody joins and nobody applies it: their event has waited for so long. */
async function waits(tenant: TestTenant, sub: string, waitedSec: number): Promise<void> {
  await tenant.scim("POST", "/Users", newUser(sub));
  await age(tenant, waitedSec);
}

async function age(tenant: TestTenant, waitedSec: number): Promise<void> {
  await database.once(
    tenant.id,
    sql`UPDATE lifecycle_event SET accepted_at = now() - ${waitedSec} * interval '1 second' WHERE applied_at IS NULL`,
  );
}

async function apply(tenant: TestTenant): Promise<void> {
  await database.once(tenant.id, sql`UPDATE lifecycle_event SET applied_at = now() WHERE applied_at IS NULL`);
}

describe("lag over its objective", () => {
  test("opens one alert once it has lasted, tells it again when it is worse, and closes it when it has been well for a while", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const application = await openApplication();
    const { secret } = await createWebhook(house, tenant, application.url, alertEvents);
    const watch = createAlertWatch({ database, newId });
    const at = (nowSec: number): Promise<void> => watch.evaluate(tenant.id, nowSec * sec);

    await waits(tenant, "ann", 8);
    await at(0);
    await at(20);
    expect(await alertsOf(admin, tenant)).toEqual([]);
    await at(31);
    await at(60);
    const [alert, ...more] = await alertsOf(admin, tenant);
    expect(more).toEqual([]);
    expect(alert).toMatchObject({ kind: "lag", key: "acceptedToApplied", level: 1 });
    const path = `/tenants/${tenant.slug}/alerts/${alert?.id}`;
    const noted = await admin("POST", `${path}/acknowledge`, { note: "a worker is being replaced" });
    expect(noted.body).toMatchObject({ note: "a worker is being replaced", resolvedAt: null });
    for (const nowSec of [70, 80, 90]) await at(nowSec);
    expect((await toldTo(application, secret, 2)).map(({ type }) => type)).toEqual([
      "alert.opened",
      "alert.acknowledged",
    ]);

    await age(tenant, 80);
    for (const nowSec of [100, 131, 140]) await at(nowSec);
    expect((await admin("GET", path)).body).toMatchObject({ level: 2, acknowledgedAt: null, note: null });
    await apply(tenant);
    for (const nowSec of [150, 300, 440]) await at(nowSec);
    expect(await alertsOf(admin, tenant)).toHaveLength(1);
    await at(451);
    expect(await alertsOf(admin, tenant)).toEqual([]);
    const told = await toldTo(application, secret, 4);
    expect(told.map(({ type, data }) => [type, data["level"], data["again"]])).toEqual([
      ["alert.opened", 1, false],
      ["alert.acknowledged", 1, false],
      ["alert.opened", 2, true],
      ["alert.resolved", 2, false],
    ]);
    expect(new Set(told.map(({ data }) => data["alertId"]))).toEqual(new Set([alert?.id]));
    expect(told[0]?.data).toMatchObject({
      tenantId: tenant.id,
      kind: "lag",
      detail: { stage: "acceptedToApplied", why: "waiting" },
    });
  });

  test("that comes and goes is no alert, and one that is open does not close and open with it", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const watch = createAlertWatch({ database, newId });
    for (let round = 0; round < 6; round += 1) {
      await waits(tenant, `u${round}`, 8);
      await watch.evaluate(tenant.id, round * 40 * sec);
      await apply(tenant);
      await watch.evaluate(tenant.id, (round * 40 + 20) * sec);
    }
    expect(await alertsOf(admin, tenant, "all")).toEqual([]);
    await waits(tenant, "ann", 8);
    for (const at of [300, 331]) await watch.evaluate(tenant.id, at * sec);
    for (let round = 0; round < 6; round += 1) {
      await apply(tenant);
      await watch.evaluate(tenant.id, (400 + round * 200) * sec);
      await waits(tenant, `v${round}`, 8);
      await watch.evaluate(tenant.id, (500 + round * 200) * sec);
    }
    expect(await alertsOf(admin, tenant, "all")).toEqual([expect.objectContaining({ resolvedAt: null })]);
  });

  test("is noticed by a successor too, which opens nothing twice", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    await waits(tenant, "ann", 8);
    const [first, second] = [createAlertWatch({ database, newId }), createAlertWatch({ database, newId })];
    for (const at of [0, 31, 60])
      await Promise.all([first.evaluate(tenant.id, at * sec), second.evaluate(tenant.id, at * sec)]);
    await createAlertWatch({ database, newId }).evaluate(tenant.id, 70 * sec);
    expect(await alertsOf(admin, tenant, "all")).toHaveLength(1);
    await apply(tenant);
    const successor = createAlertWatch({ database, newId });
    for (const at of [0, 200, 301]) await successor.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant)).toEqual([]);
  });

  test("of what passes too slowly burns its budget, though nothing waits", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    await database.once(
      tenant.id,
      sql`INSERT INTO lag_sample (tenant_id, connection_id, stage, at, bucket, count, sum_ms, max_ms)
        SELECT ${tenant.id}, ${tenant.connectionId}, 'acceptedToApplied', date_trunc('minute', now() - at * interval '1 minute'), 45, 4, 36000, 9000 FROM generate_series(0, 50) AS at`,
    );
    await foldLag(database);
    const watch = createAlertWatch({ database, newId });
    for (const at of [0, 31]) await watch.evaluate(tenant.id, at * sec);
    expect(await alertsOf(admin, tenant)).toEqual([
      expect.objectContaining({ kind: "lag", key: "acceptedToApplied", level: 2 }),
    ]);
  });
});

describe("an alert is told", () => {
  test("to webhooks that asked for it, and to none that did not", async () => {
    const tenant = await createTenant(house);
    const [asked, other] = [await openApplication(), await openApplication()];
    const { secret } = await createWebhook(house, tenant, asked.url, ["alert.opened"]);
    await createWebhook(house, tenant, other.url);
    await raise(tenant);
    await resolveAlerts(database, tenant.id, "mass_change_braked", ["one"]);
    await raise(tenant, { key: "two" });
    const told = await toldTo(asked, secret, 2);
    expect(told.map(({ type, data }) => [type, data["key"]])).toEqual([
      ["alert.opened", "one"],
      ["alert.opened", "two"],
    ]);
    expect(other.received).toEqual([]);
  });

  test("once while it stays as it is, however often somebody finds it again", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const { secret } = await createWebhook(house, tenant, application.url, alertEvents);
    for (let round = 0; round < 5; round += 1) await raise(tenant, { detail: { would: round } });
    await raise(tenant, { key: "last" });
    expect((await toldTo(application, secret, 2)).map(({ data }) => data["key"])).toEqual(["one", "last"]);
  });

  test("again after four hours in which nobody has acknowledged it, and not where somebody has", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const application = await openApplication();
    const { secret } = await createWebhook(house, tenant, application.url, ["alert.opened"]);
    await raise(tenant, { key: "seen" });
    await raise(tenant, { key: "unseen" });
    const seen = (await alertsOf(admin, tenant)).find(({ key }) => key === "seen");
    await admin("POST", `/tenants/${tenant.slug}/alerts/${seen?.id}/acknowledge`, {});
    expect(await remindOfAlerts(database, tenant.id, 14_400)).toBe(0);
    await database.once(tenant.id, sql`UPDATE alert SET told_at = told_at - interval '5 hours'`);
    await until("what was written is sent", () => application.received.length >= 4);
    application.received.length = 0;
    expect(await tenantsToRemind(database, 14_400)).toContain(tenant.id);
    expect(await remindOfAlerts(database, tenant.id, 14_400)).toBe(1);
    expect((await toldTo(application, secret, 1)).map(({ data }) => data["key"])).toEqual(["unseen"]);
  });
});

describe("an alert is acknowledged", () => {
  test("by a person of its tenant, with a note and in the audit, and once", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    await raise(tenant);
    const [alert] = await alertsOf(admin, tenant);
    const path = `/tenants/${tenant.slug}/alerts/${alert?.id}/acknowledge`;
    const first = await admin("POST", path, { note: "it was us" });
    const second = await admin("POST", path, { note: "no, us" });
    expect(second.body).toEqual(first.body);
    const audited = await database.once(
      tenant.id,
      sql`SELECT target, detail FROM audit WHERE action = 'alert.acknowledge'`,
    );
    expect(audited).toEqual([
      { target: alert?.id, detail: { kind: "mass_change_braked", key: "one", level: 1, note: "it was us" } },
    ]);
  });

  test("by nobody of another tenant, who does not even see it", async () => {
    const [mine, theirs] = [await createTenant(house), await createTenant(house)];
    const admin = await adminOf(house, mine);
    const application = await openApplication();
    const { secret } = await createWebhook(house, mine, application.url, alertEvents);
    await raise(theirs);
    const [alert] = await alertsOf(await adminOf(house, theirs), theirs);
    for (const slug of [mine.slug, theirs.slug]) {
      const path = `/tenants/${slug}/alerts/${alert?.id}`;
      expect((await admin("GET", path)).status).toBe(404);
      expect((await admin("POST", `${path}/acknowledge`, {})).status).toBe(404);
    }
    await raise(mine, { key: "mine" });
    expect(await alertsOf(admin, mine, "all")).toEqual([expect.objectContaining({ key: "mine" })]);
    expect((await toldTo(application, secret, 1)).map(({ data }) => data["key"])).toEqual(["mine"]);
    const rows = await database.once(theirs.id, sql`SELECT FROM alert WHERE acknowledged_at IS NOT NULL`);
    expect(rows).toEqual([]);
  });
});
