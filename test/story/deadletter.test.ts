import { newId } from "@rollcall/core/runtime";
import { settleDeadLetters, sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { type Admin, adminOf } from "../harness/admin.ts";
import { keyOf, openFeedReader, readSnapshot } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { idOf } from "../harness/linked-person.ts";
import { addConnection, createTenant, newGroup, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes, and that it gives up at the first failure.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId, attemptsMax: 1 });

describe("an event that was given up", () => {
  test("is listed and shown with its fault and what stands against its subject", async () => {
    const { admin, event, stranger } = await stranded();
    expect((await admin("GET", "")).body["items"]).toEqual([
      expect.objectContaining({ id: event, kind: "user.created", subjectId: stranger, denying: false, state: "open" }),
    ]);
    expect((await admin("GET", `/${event}`)).body).toMatchObject({
      id: event,
      source: "scim",
      attempts: 1,
      reason: expect.stringContaining("IdentityTaken") as string,
      denials: [],
    });
    for (const path of ["/1", "/x", "/0", `/${event}0`]) expect((await admin("GET", path)).status).toBe(404);
  });

  test("is applied by a replay once its cause is gone, and its alert is over", async () => {
    const scene = await stranded();
    const { tenant, owner, stranger, admin, event } = scene;
    expect(await openAlerts(tenant)).toBe(1);
    await tenant.scim("DELETE", `/Users/${owner}`);
    await settle(tenant);
    const replayed = await admin("POST", `/${event}/replay`, { note: "the owner has left" });
    expect(replayed).toMatchObject({ status: 200, body: { id: event, state: "waiting", changed: true } });
    expect(await openAlerts(tenant)).toBe(0);
    await settle(tenant);
    expect(await userOf(tenant, stranger)).toMatchObject({ identities: ["ann"], denials: [] });
    expect((await admin("GET", "")).body["items"]).toEqual([]);
    expect((await admin("GET", `/${event}`)).status).toBe(404);
  });

  test("is replayed once, however often that is asked for, and audited once", async () => {
    const { tenant, owner, admin, event } = await stranded();
    await tenant.scim("DELETE", `/Users/${owner}`);
    await settle(tenant);
    const replay = () => admin("POST", `/${event}/replay`, {});
    const answers = await Promise.all([replay(), replay(), replay()]);
    expect(answers.filter(({ body }) => body["changed"] === true)).toHaveLength(1);
    await settle(tenant);
    const before = await rowsOf(tenant);
    expect((await replay()).body).toEqual({ id: event, state: "applied", changed: false });
    await settle(tenant);
    expect(await rowsOf(tenant)).toEqual(before);
    expect(await auditOf(tenant)).toEqual([
      { action: "deadletter.replay", target: String(event), detail: expect.objectContaining({ denying: false }) },
    ]);
  });

  test("goes the way of every event: while its cause lasts it is given up again, and a person is told again", async () => {
    const { tenant, stranger, admin, event } = await stranded();
    await admin("POST", `/${event}/replay`, {});
    expect(await openAlerts(tenant)).toBe(0);
    await applyAll(drain);
    expect(await userOf(tenant, stranger)).toBeUndefined();
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ attempts: 2, state: "open" });
    expect(await openAlerts(tenant)).toBe(1);
  });

  test("keeps no later one of its subject waiting, and is superseded by one that brings what it would have brought", async () => {
    const { tenant, other, stranger, admin, event } = await stranded();
    // What the provider says next is applied, and all that was given up with it: nothing is passed over.
    await other.scim("PATCH", `/Users/${stranger}`, patch({ op: "replace", path: "externalId", value: "carl" }));
    await settle(tenant);
    expect(await userOf(tenant, stranger)).toMatchObject({ identities: ["carl"], denials: [] });
    // A joiner may belong to groups, and this change has touched none.
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ state: "open" });
    await other.scim("POST", "/Groups", newGroup("Sales", [stranger]));
    await settle(tenant);
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ state: "superseded" });
    expect(await openAlerts(tenant)).toBe(1);
    await settleDeadLetters(house.database);
    expect(await openAlerts(tenant)).toBe(0);
  });

  test("is dropped with a reason, and then tried no more, unless it is replayed all the same", async () => {
    const { tenant, owner, stranger, admin, event } = await stranded();
    expect((await admin("POST", `/${event}/drop`, {})).status).toBe(400);
    expect((await admin("POST", `/${event}/drop`, { reason: "a test account" })).status).toBe(204);
    expect((await admin("POST", `/${event}/drop`, { reason: "twice" })).status).toBe(204);
    expect(await openAlerts(tenant)).toBe(0);
    expect((await admin("GET", "")).body["items"]).toEqual([]);
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ state: "dropped" });
    await tenant.scim("DELETE", `/Users/${owner}`);
    await settle(tenant);
    expect(await userOf(tenant, stranger)).toBeUndefined();
    await admin("POST", `/${event}/replay`, {});
    await settle(tenant);
    expect(await userOf(tenant, stranger)).toMatchObject({ identities: ["ann"] });
    expect((await auditOf(tenant)).map(({ action, detail }) => [action, (detail as { note?: string }).note])).toEqual([
      ["deadletter.drop", "a test account"],
      ["deadletter.replay", undefined],
    ]);
  });
});

describe("a denial that was given up", () => {
  test("is dropped only by whoever says that it is one, and what it has closed stays closed", async () => {
    const { tenant, leaver, admin, event } = await strandedLeaver();
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ denying: true, denials: ["poison"] });
    const refused = await admin("POST", `/${event}/drop`, { reason: "of no use" });
    expect(refused).toMatchObject({ status: 400, body: { detail: expect.stringContaining("denial: ") as string } });
    expect((await admin("GET", `/${event}`)).body).toMatchObject({ state: "open" });
    expect((await admin("POST", `/${event}/drop`, { reason: "of no use", denial: true })).status).toBe(204);
    await settle(tenant);
    expect((await userOf(tenant, leaver))?.denials).toEqual(["poison"]);
    expect((await entryOf(tenant, "bob"))?.op).toBe("deny");
  });

  test("blinds no gateway when it is replayed, though it was accepted long ago", async () => {
    const { tenant, admin, event } = await strandedLeaver();
    await house.database.once(
      tenant.id,
      sql`UPDATE lifecycle_event SET accepted_at = accepted_at - interval '1 day' WHERE id = ${event}`,
    );
    await admin("POST", `/${event}/replay`, {});
    const { claims } = await readSnapshot({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
    expect(Date.now() / 1_000 - claims.as_of).toBeLessThan(3_600);
  });

  test("that is replayed once its cause is gone denies for its true reason, and for no other", async () => {
    const { tenant, owner, leaver, admin, event } = await strandedLeaver();
    await tenant.scim("DELETE", `/Users/${owner}`);
    await settle(tenant);
    await admin("POST", `/${event}/replay`, {});
    await settle(tenant);
    expect((await userOf(tenant, leaver))?.denials).toEqual(["idp_inactive"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });
});

type Scene = {
  readonly tenant: TestTenant;
  readonly other: Pick<TestTenant, "scim">;
  readonly owner: string;
  readonly admin: Admin;
};

/** Two providers whose users' tokens name the same issuer, and Ann, whom the first one owns. */
async function rivals(): Promise<Scene> {
  const tenant = await createTenant(house);
  const other = await addConnection(house, tenant, tenant.issuer);
  const owner = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
  await settle(tenant);
  const asAdmin = await adminOf(house, tenant);
  const admin: Admin = (method, path, body) => asAdmin(method, `/tenants/${tenant.slug}/deadletters${path}`, body);
  return { tenant, other, owner, admin };
}

/** And whoever the second one says is Ann too. */
async function stranded() {
  const scene = await rivals();
  const stranger = idOf(await scene.other.scim("POST", "/Users", newUser("ann")));
  await applyAll(drain);
  return { ...scene, stranger, event: await deadIn(scene.tenant) };
}

/** And Bob of the second, who leaves and claims to be Ann in the same request, so that his end cannot be applied. */
async function strandedLeaver() {
  const scene = await rivals();
  const leaver = idOf(await scene.other.scim("POST", "/Users", newUser("bob")));
  await settle(scene.tenant);
  await scene.other.scim("PUT", `/Users/${leaver}`, newUser("bob", { externalId: "ann", active: false }));
  await settle(scene.tenant);
  return { ...scene, leaver, event: await deadIn(scene.tenant) };
}

async function deadIn(tenant: TestTenant): Promise<number> {
  const rows = await house.database.once<{ id: number }>(
    tenant.id,
    sql`SELECT id FROM lifecycle_event WHERE dead_at IS NOT NULL`,
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.id ?? Number.NaN;
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function userOf(tenant: TestTenant, id: string) {
  return (await readUserStore(house, tenant.id)).get(id);
}

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}

async function openAlerts(tenant: TestTenant): Promise<number> {
  const rows = await house.database.once(
    tenant.id,
    sql`SELECT FROM alert WHERE kind = 'dead_letter' AND resolved_at IS NULL`,
  );
  return rows.length;
}

/** What the user store holds, and how often each row was written. */
async function rowsOf(tenant: TestTenant): Promise<unknown> {
  return house.database.once(
    tenant.id,
    sql`SELECT 'identity' AS kind, xmin::text, sub AS name FROM identity UNION ALL SELECT 'user', xmin::text, user_name FROM app_user
      UNION ALL SELECT 'entry', seq::text, sub FROM feed_entry ORDER BY 1, 3, 2`,
  );
}

async function auditOf(tenant: TestTenant) {
  const rows = await house.database.housePrisma.audit.findMany({
    where: { tenantId: tenant.id },
    orderBy: { id: "asc" },
  });
  return rows.map(({ action, target, detail }) => ({ action, target, detail }));
}
