import { newId } from "@rollcall/core/runtime";
import { denySubject, endDenials, revokeTokens } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { idOf } from "../harness/linked-person.ts";
import { addConnection, createTenant, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const act = { actor: "test", at: new Date() };

describe("an admin who ends tokens", () => {
  test("ends a user's tokens under the names that no worker has come to yet", async () => {
    const { tenant, id } = await joiner();
    const at = new Date();
    const cut = { op: "nbf", nbf: Math.floor(at.getTime() / 1000) + 1 };
    const stranger = (await tenant.scim("POST", "/Users", newUser("bob"))).body["id"] as string;
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "externalId", value: "ann.2" }));
    for (const userId of [id, stranger]) await revokeTokens(house.database, tenant.id, { userId }, { ...act, at });
    await until("all of it is published", async () => (await entryOf(tenant, "bob")) !== undefined);
    for (const sub of ["ann", "ann.2", "bob"]) expect([sub, await entryOf(tenant, sub)]).toMatchObject([sub, cut]);
    await settle(tenant);
    for (const sub of ["ann.2", "bob"]) expect([sub, await entryOf(tenant, sub)]).toMatchObject([sub, cut]);
  });

  test("ends nothing of what another user has, though somebody else claims it", async () => {
    const { tenant } = await joiner();
    const other = await addConnection(house, tenant, tenant.issuer);
    const rival = (await other.scim("POST", "/Users", newUser("ann"))).body["id"] as string;
    const { changed } = await revokeTokens(house.database, tenant.id, { userId: rival }, act);
    expect([changed, await entryOf(tenant, "ann")]).toEqual([0, undefined]);
  });
});

describe("an admin's ban", () => {
  test("against a subject that nobody held outlasts what denies whoever comes to hold it for a time", async () => {
    const { tenant, id } = await joiner();
    const expiresAt = new Date(Date.now() + 3_600_000);
    await denySubject(house.database, tenant.id, { userId: id }, { ...act, expiresAt });
    await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub: "ann.2" }, act);
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "externalId", value: "ann.2" }));
    await settle(tenant);
    await endDenials(house.database, new Date(expiresAt.getTime() + 1));
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["admin_revoked"]);
    expect((await entryOf(tenant, "ann.2"))?.op).toBe("deny");
  });

  test("for a time stays for a time, however often a worker comes to the user", async () => {
    const { tenant, id } = await joiner();
    const expiresAt = new Date(Date.now() + 3_600_000);
    await denySubject(house.database, tenant.id, { userId: id }, { ...act, expiresAt });
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "externalId", value: "ann.2" }));
    await settle(tenant);
    await endDenials(house.database, new Date(expiresAt.getTime() + 1));
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual([]);
    for (const sub of ["ann", "ann.2"]) expect([sub, (await entryOf(tenant, sub))?.op]).not.toEqual([sub, "deny"]);
  });
});

async function joiner(): Promise<{ readonly tenant: TestTenant; readonly id: string }> {
  const tenant = await createTenant(house);
  const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
  await settle(tenant);
  return { tenant, id };
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
