import { newId } from "@rollcall/core/runtime";
import { addIdentity, denySubject, liftDenial, removeIdentity, resolveSubject, sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { act, createPerson, idOf } from "../harness/linked-person.ts";
import { addConnection, createTenant, deactivate, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });

describe("a subject that an admin gives to a user", () => {
  test("is the user's under the rule federated, which reads none from the directory", async () => {
    const { tenant, id, admin, path } = await federated();
    expect(await resolve(tenant, "agent-7")).toMatchObject({ status: "unknown" });
    const given = { iss: tenant.issuer, sub: "agent-7" };
    expect((await admin("POST", path, { ...given, note: "ticket 7" })).status).toBe(201);
    expect((await admin("POST", path, given)).status).toBe(200);
    expect(await resolve(tenant, "agent-7")).toMatchObject({ status: "active", userId: id });
    const [entry, ...more] = await auditOf(tenant);
    expect([entry?.action, entry?.target, more]).toEqual(["identity.add", id, []]);
    expect(JSON.stringify(entry?.detail)).not.toContain("agent-7");
    expect(entry?.detail).toMatchObject({ note: "ticket 7" });
  });

  test("stays through every change of the directory, and dies with the user", async () => {
    const { tenant, id } = await given();
    for (const change of [
      patch({ op: "replace", path: "userName", value: "ann.k@example.test" }),
      patch({ op: "replace", path: "externalId", value: "ann-2" }),
    ]) {
      await tenant.scim("PATCH", `/Users/${id}`, change);
      await settle(tenant);
      expect((await userOf(tenant, id))?.identities).toEqual(["agent-7"]);
    }
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    expect(await resolve(tenant, "agent-7")).toEqual({ status: "denied", reason: "idp_inactive" });
    await settle(tenant);
    expect((await entryOf(tenant, "agent-7"))?.op).toBe("deny");
  });

  test("is nobody else's: not by an admin, and not by the directory, before or after", async () => {
    const { tenant, id, admin } = await given();
    const rival = idOf(await tenant.scim("POST", "/Users", newUser("bob")));
    await settle(tenant);
    const rivalPath = `/tenants/${tenant.slug}/users/${rival}/identities`;
    expect(await admin("POST", rivalPath, { iss: tenant.issuer, sub: "agent-7" })).toMatchObject({
      status: 409,
      body: { code: "link_conflict" },
    });
    const other = await addConnection(house, tenant, tenant.issuer);
    const heir = idOf(await other.scim("POST", "/Users", newUser("agent-7")));
    expect(await resolve(tenant, "agent-7")).toMatchObject({ status: "active", userId: id });
    await applyAll(drain);
    expect(await userOf(tenant, heir)).toBeUndefined();
    expect((await userOf(tenant, id))?.identities).toEqual(["agent-7"]);

    await other.scim("POST", "/Users", newUser("agent-8"));
    expect(await admin("POST", rivalPath, { iss: tenant.issuer, sub: "agent-8" })).toMatchObject({ status: 409 });
    expect(await admin("POST", rivalPath, { iss: "https://stranger.test", sub: "x" })).toMatchObject({
      status: 400,
      body: { code: "value_invalid", detail: expect.stringContaining("rollcall connection set") as string },
    });
  });

  test("that its old owner has given up brings none of the old tokens, and none of the old denials", async () => {
    const { tenant, id } = await given();
    const next = idOf(await tenant.scim("POST", "/Users", newUser("bob")));
    await tenant.scim("DELETE", `/Users/${id}`);
    await settle(tenant);
    expect((await entryOf(tenant, "agent-7"))?.op).toBe("deny");
    await addIdentity(house.database, tenant.id, next, { iss: tenant.issuer, sub: "agent-7" }, act());
    await settle(tenant);
    expect(await userOf(tenant, next)).toMatchObject({ identities: ["agent-7"], denials: [] });
    expect(await userOf(tenant, id)).toMatchObject({ identities: [], denials: ["idp_deleted"] });
    const entry = await entryOf(tenant, "agent-7");
    expect(entry?.op).not.toBe("deny");
    expect(entry?.nbf).toBeGreaterThan(0);
  });

  test("and that was denied before anybody held it denies the user", async () => {
    const { tenant, id } = await federated();
    const subject = { iss: tenant.issuer, sub: "agent-7" };
    await denySubject(house.database, tenant.id, subject, act());
    await addIdentity(house.database, tenant.id, id, subject, act());
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["admin_revoked"]);
    expect((await entryOf(tenant, "agent-7"))?.op).toBe("deny");
  });

  test("compares as the connection of the issuer compares", async () => {
    const { tenant, id } = await federated({ subjectCompare: "casefold" });
    await addIdentity(house.database, tenant.id, id, { iss: tenant.issuer, sub: "Agent-7" }, act());
    expect(await resolve(tenant, "aGENT-7")).toMatchObject({ status: "active", userId: id });
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await settle(tenant);
    // Under the very key that guards fold subjects to.
    expect((await entryOf(tenant, "agent-7"))?.op).toBe("deny");
  });

  test("goes along when the directory user that bears it is unlinked", async () => {
    const one = await createPerson(house, drain);
    await one.link();
    const subject = { iss: "https://other.idp.test", sub: "agent-7" };
    await addIdentity(house.database, one.tenant.id, one.userId, subject, act());
    expect((await one.userOf(one.userId))?.identities).toContain("agent-7");
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.userId))?.identities).toEqual(["ann"]);
    expect((await one.userOf(one.addedId))?.identities).toEqual(["agent-7", "ann.b"]);
  });
});

describe("a subject that an admin has denied before anybody held it", () => {
  test("stays denied with whoever bears it when they are unlinked, and denies the other no more", async () => {
    const one = await createPerson(house, drain);
    const subject = { iss: "https://other.idp.test", sub: "agent-7" };
    await denySubject(house.database, one.tenant.id, subject, act());
    await one.link();
    await addIdentity(house.database, one.tenant.id, one.userId, subject, act());
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_revoked"]);
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.addedId))?.denials).toEqual(["admin_revoked"]);
    expect((await one.entryOf("agent-7"))?.op).toBe("deny");
    expect((await one.userOf(one.userId))?.denials).toEqual([]);
    await liftDenial(house.database, one.tenant.id, { userId: one.addedId }, act());
    await one.settle();
    expect((await one.entryOf("agent-7"))?.op).toBe("allow");
  });

  test("brings whoever else is the person nothing: what denied the user before the link stays the user's", async () => {
    const one = await createPerson(house, drain);
    await denySubject(house.database, one.tenant.id, { userId: one.userId }, act());
    await one.link();
    await one.settle();
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_revoked"]);
    expect((await one.userOf(one.addedId))?.denials).toEqual([]);
  });
});

describe("a subject that an admin takes from a user", () => {
  test("is nobody's, and its tokens are dead", async () => {
    const { tenant, id, admin, path } = await given();
    const query = new URLSearchParams({ iss: tenant.issuer, sub: "agent-7" }).toString();
    expect((await admin("DELETE", `${path}?${query}`)).status).toBe(204);
    await settle(tenant);
    expect((await userOf(tenant, id))?.identities).toEqual([]);
    expect(await resolve(tenant, "agent-7")).toMatchObject({ status: "unknown" });
    expect(await entryOf(tenant, "agent-7")).toMatchObject({ op: "nbf", nbf: expect.any(Number) as number });
    expect((await admin("DELETE", `${path}?${query}`)).status).toBe(404);
    expect((await auditOf(tenant)).map(({ action }) => action)).toEqual(["identity.add", "identity.remove"]);
  });

  test("stays denied where the user is: what is nobody's, no user's denial refuses", async () => {
    const { tenant, id } = await given();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await settle(tenant);
    const subject = { iss: tenant.issuer, sub: "agent-7" };
    await removeIdentity(house.database, tenant.id, id, subject, newId(), act());
    await settle(tenant);
    expect((await entryOf(tenant, "agent-7"))?.op).toBe("deny");
    expect(await resolve(tenant, "agent-7")).toEqual({ status: "denied", reason: "admin_revoked" });
  });

  test("must have come from an admin: what the directory says is the directory's to change", async () => {
    const tenant = await createTenant(house);
    const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
    await settle(tenant);
    const subject = { iss: tenant.issuer, sub: "ann" };
    await expect(removeIdentity(house.database, tenant.id, id, subject, newId(), act())).rejects.toMatchObject({
      code: "link_conflict",
    });
    await settle(tenant);
    expect((await userOf(tenant, id))?.identities).toEqual(["ann"]);
  });
});

/** A user of a connection whose rule reads no subject, and an admin's way to give it one. */
async function federated(options: Parameters<typeof createTenant>[1] = {}) {
  const tenant = await createTenant(house, options);
  const admin = await adminOf(house, tenant);
  await admin("PATCH", `/tenants/${tenant.slug}/connections/idp`, { subjectRule: "federated" });
  await house.database.once(tenant.id, sql`DELETE FROM audit WHERE action = 'connection.update'`);
  const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
  await settle(tenant);
  return { tenant, id, admin, path: `/tenants/${tenant.slug}/users/${id}/identities` };
}

async function given() {
  const scene = await federated();
  const { tenant, id } = scene;
  await addIdentity(house.database, tenant.id, id, { iss: tenant.issuer, sub: "agent-7" }, act());
  return scene;
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function resolve(tenant: TestTenant, sub: string) {
  return resolveSubject(house.database, tenant.id, tenant.issuer, sub);
}

async function userOf(tenant: TestTenant, id: string) {
  return (await readUserStore(house, tenant.id)).get(id);
}

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}

async function auditOf(tenant: TestTenant) {
  return house.database.housePrisma.audit.findMany({ where: { tenantId: tenant.id }, orderBy: { id: "asc" } });
}
