import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { readDelivery } from "../deliveries/read-delivery.ts";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";
import { addVendor, deliver, isActive, post, provision } from "../harness/vendor-hooks.ts";

const house = await openHouse();
const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe("an Okta event hook", () => {
  test("is verified by its challenge, once it has the secret", async () => {
    const { source } = await scene();
    const headers = { "x-okta-verification-challenge": "Me_rShK8JHsTnbyYrWXCEoMGbM" };
    const answer = await fetch(source.url, { headers: { ...headers, authorization: source.secret } });
    expect(answer.headers.get("content-type")).toContain("application/json");
    expect(await answer.json()).toEqual({ verification: "Me_rShK8JHsTnbyYrWXCEoMGbM" });
    expect((await fetch(source.url, { headers })).status).toBe(401);
    expect((await fetch(source.url, { headers: { authorization: source.secret } })).status).toBe(401);
  });

  test("shuts out a leaver, whom gateways then refuse", async () => {
    const { tenant, source } = await scene("ann");
    expect((await deliver(source, "okta", "okta/leaver.json")).status).toBe(204);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("suspends and unsuspends in whatever order it comes", async () => {
    const { tenant, source } = await scene("ann");
    await tell(source, ["e-1", "user.lifecycle.suspend", 9, "ann"]);
    expect(await isActive(tenant, "ann")).toBe(false);
    await tell(source, ["e-3", "user.lifecycle.suspend", 5, "ann"]);
    await tell(source, ["e-2", "user.lifecycle.unsuspend", 7, "ann"]);
    expect(await isActive(tenant, "ann")).toBe(false);
    await tell(source, ["e-4", "user.lifecycle.unsuspend", 3, "ann"]);
    expect(await isActive(tenant, "ann")).toBe(true);
  });

  test("deactivates and lets in again by activation and by reactivation", async () => {
    const { tenant, source } = await scene("ann");
    for (const [index, type] of ["activate", "reactivate"].entries()) {
      await tell(source, [`d-${index}`, "user.lifecycle.deactivate", 9 - index * 4, "ann"]);
      expect(await isActive(tenant, "ann")).toBe(false);
      await tell(source, [`a-${index}`, `user.lifecycle.${type}`, 7 - index * 4, "ann"]);
      expect(await isActive(tenant, "ann")).toBe(true);
    }
  });

  test("deletes for good whom Okta begins to delete", async () => {
    const { tenant, source } = await scene("ann");
    await tell(source, ["e-1", "user.lifecycle.delete.initiated", 5, "ann"]);
    await tell(source, ["e-2", "user.lifecycle.activate", 3, "ann"]);
    expect(await isActive(tenant, "ann")).toBeUndefined();
  });

  test("ends the sessions of whoever signs out or is signed out, and denies nobody", async () => {
    const { tenant, source } = await scene("ann");
    await untilQuiet(house, tenant.id);
    await tell(source, ["e-1", "user.session.clear", 1, "ann"]);
    expect([(await entryOf(tenant, "ann"))?.op, await isActive(tenant, "ann")]).toEqual(["nbf", true]);
  });
});

describe("several events in one delivery", () => {
  test("are each heard for itself: one that cannot be read hides no leaver", async () => {
    const { tenant, source } = await scene("ann", "bob", "cid");
    const answer = await deliver(source, "okta", "okta/several.json");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      leftOut: [
        { event: "e-unreadable", code: "value_invalid", detail: "target must name a user by type and id" },
        { event: "e-failed", code: "ignored", detail: "what it tells of did not succeed" },
        { event: "e-unknown", code: "ignored", detail: "events of this type say nothing of users" },
      ],
    });
    expect(await outcomesOf(tenant)).toEqual({
      "e-membership": "no_state",
      "e-suspend": "written",
      "e-delete": "deleted",
    });
    expect(await Promise.all(["ann", "bob", "cid"].map((subject) => isActive(tenant, subject)))).toEqual([
      false,
      true,
      undefined,
    ]);
  });

  test("count once each, though one comes again in another delivery beside a new one", async () => {
    const { tenant, source } = await scene("ann", "bob");
    const suspended = ["e-1", "user.lifecycle.suspend", 9, "ann"] as const;
    const published = ago(9);
    await post(source, "okta", bodyOf("d-1", [{ ...eventOf(...suspended), published }]));
    await tell(source, ["e-2", "user.lifecycle.unsuspend", 5, "ann"]);
    const second = bodyOf("d-2", [
      { ...eventOf(...suspended), published },
      eventOf("e-3", "user.lifecycle.suspend", 2, "bob"),
    ]);
    expect((await post(source, "okta", second)).status).toBe(204);
    expect([await isActive(tenant, "ann"), await isActive(tenant, "bob")]).toEqual([true, false]);
    expect(Object.keys(await outcomesOf(tenant)).toSorted()).toEqual(["e-1", "e-2", "e-3"]);
    expect(await kindsOf(tenant)).toEqual(["user.deactivated", "user.activated", "user.deactivated"]);
  });

  test("of one delivery's id are not one: the next delivery of that id is heard too", async () => {
    const { tenant, source } = await scene("ann", "bob");
    await post(source, "okta", bodyOf("d-1", [eventOf("e-1", "user.lifecycle.suspend", 9, "ann")]));
    await post(source, "okta", bodyOf("d-1", [eventOf("e-2", "user.lifecycle.suspend", 8, "bob")]));
    expect([await isActive(tenant, "ann"), await isActive(tenant, "bob")]).toEqual([false, false]);
  });

  test("that all cannot be read are refused, so that somebody looks", async () => {
    const { source } = await scene();
    const answer = await post(source, "okta", bodyOf("d-1", [7, { uuid: "e-1" }]));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "syntax_invalid" });
  });
});

describe("what did not happen", () => {
  test("denies nobody: an outcome other than SUCCESS is said to be ignored", async () => {
    const { tenant, source } = await scene("ann");
    const failed = { ...eventOf("e-1", "user.lifecycle.deactivate", 5, "ann"), outcome: { result: "FAILURE" } };
    const answer = await post(source, "okta", bodyOf("d-1", [failed]));
    expect([answer.status, await isActive(tenant, "ann")]).toEqual([200, true]);
    expect(await answer.json()).toMatchObject({ leftOut: [{ event: "e-1", code: "ignored" }] });
  });
});

describe("an application that is taken from somebody", () => {
  const removal = (id: string, appId: string): object => ({
    ...eventOf(id, "application.user_membership.remove", 5, "ann"),
    target: [
      { id: "0uaann", type: "AppUser", alternateId: "ann@example.test" },
      { id: appId, type: "AppInstance", alternateId: "Rollcall" },
      { id: "ann", type: "User", alternateId: "ann@example.test" },
    ],
  });

  test("denies them where it is ours, and only then", async () => {
    const tenant = await createTenant(house);
    await provision(tenant, "ann");
    const source = await addVendor(house, tenant, "okta", { applicationId: "0oaours" });
    await post(source, "okta", bodyOf("d-1", [removal("e-1", "0oaother")]));
    expect(await isActive(tenant, "ann")).toBe(true);
    await post(source, "okta", bodyOf("d-2", [removal("e-2", "0oaours")]));
    expect(await isActive(tenant, "ann")).toBe(false);
    // An account that is activated is no application given back: what was issued before stays dead.
    await untilQuiet(house, tenant.id);
    await tell(source, ["e-3", "user.lifecycle.activate", 0, "ann"]);
    expect(await isActive(tenant, "ann")).toBe(true);
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "allow", nbf: expect.any(Number) as number });
  });
});

async function scene(
  ...subjects: readonly string[]
): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  await provision(tenant, ...subjects);
  return { tenant, source: await addVendor(house, tenant, "okta") };
}

function eventOf(uuid: string, eventType: string, minutesAgo: number, subject: string): object {
  const target = [{ id: subject, type: "User", alternateId: `${subject}@example.test` }];
  return { uuid, published: ago(minutesAgo), eventType, version: "0", outcome: { result: "SUCCESS" }, target };
}

/** The recorded delivery's envelope around other events. */
function bodyOf(eventId: string, events: readonly unknown[]): string {
  const envelope = JSON.parse(readDelivery("okta/leaver.json")) as object;
  return JSON.stringify({ ...envelope, eventId, data: { events } });
}

async function tell(source: HookSource, event: Parameters<typeof eventOf>): Promise<void> {
  expect((await post(source, "okta", bodyOf(`d-${event[0]}`, [eventOf(...event)]))).status).toBe(204);
}

async function outcomesOf(tenant: TestTenant): Promise<Readonly<Record<string, string>>> {
  const rows = await house.database.once<{ event_id: string; outcome: string }>(
    tenant.id,
    sql`SELECT event_id, outcome FROM source_event`,
  );
  return Object.fromEntries(rows.map((row) => [row.event_id, row.outcome]));
}

async function kindsOf(tenant: TestTenant): Promise<readonly string[]> {
  const rows = await house.database.once<{ kind: string }>(
    tenant.id,
    sql`SELECT kind FROM lifecycle_event WHERE source = 'hook' ORDER BY id`,
  );
  return rows.map(({ kind }) => kind);
}

async function entryOf(tenant: TestTenant, sub: string) {
  await untilQuiet(house, tenant.id);
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}
