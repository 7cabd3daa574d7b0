import { newId } from "@rollcall/core/runtime";
import { endDenials, resolveSubject, sql, suspendUser, unsuspendUser } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { act, createPerson, idOf, otherIssuer, type Person } from "../harness/linked-person.ts";
import { deactivate, newGroup, newUser, reactivate } from "../harness/tenant.ts";
import { applyAll } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const person = (options?: Parameters<typeof createPerson>[2]) => createPerson(house, drain, options);
const resolve = ({ tenant }: Person, sub: string, iss = otherIssuer) =>
  resolveSubject(house.database, tenant.id, iss, sub);
const resolveBoth = async (one: Person) => [await resolve(one, "ann", one.tenant.issuer), await resolve(one, "ann.b")];

describe("two directory users whom an admin links", () => {
  test("are one user of the application, with the subjects and the groups of both", async () => {
    const one = await person();
    await one.tenant.scim("POST", "/Groups", newGroup("Sales", [one.userId]));
    await one.other.scim("POST", "/Groups", newGroup("Board", [one.addedId]));
    await one.settle();
    expect(await one.link()).toMatchObject({ userId: one.userId, changed: true, denials: [] });
    await one.settle();

    expect(await one.userOf(one.userId)).toMatchObject({
      userName: "ann@example.test",
      identities: ["ann", "ann.b"],
      groups: ["Board", "Sales"],
      denials: [],
    });
    expect(await one.userOf(one.addedId)).toBeUndefined();
    for (const answer of await resolveBoth(one))
      expect(answer).toMatchObject({ status: "active", userId: one.userId, groups: ["Board", "Sales"] });
    expect(await one.failures()).toEqual([]);
  });

  test("end what was open under the subject that moved, and nothing else", async () => {
    const one = await person();
    await one.link();
    await one.settle();
    expect(await one.entryOf("ann.b")).toMatchObject({ op: "nbf", nbf: expect.any(Number) as number });
    expect(await one.entryOf("ann")).toBeUndefined();
    await one.settle();
    const before = await one.entryOf("ann.b");
    // Done again, it changes nothing.
    expect(await one.link()).toMatchObject({ changed: false });
    await one.settle();
    expect(await one.entryOf("ann.b")).toEqual(before);
  });

  test("keep the user's own profile: whoever was linked lends it subjects, and no name", async () => {
    const one = await person();
    await one.link();
    await one.other.scim("PUT", `/Users/${one.addedId}`, newUser("ann.b", { userName: "root@example.test" }));
    await one.settle();
    expect((await one.userOf(one.userId))?.userName).toBe("ann@example.test");
  });

  test("find their user by its id where the token's subject is that id", async () => {
    const one = await person();
    const admin = await adminOf(house, one.tenant);
    const path = `/tenants/${one.tenant.slug}/connections/${one.other.connectionId}`;
    await admin("PATCH", path, { subjectRule: "direct" });
    await one.link();
    await one.settle();
    expect(await resolve(one, one.userId)).toMatchObject({ status: "active", userId: one.userId });
    expect((await one.userOf(one.userId))?.identities).toEqual(["(ann.b)", "ann", one.userId].toSorted());
  });
});

describe("a denial of either side", () => {
  const denials: readonly (readonly [string, (one: Person) => Promise<unknown>, string])[] = [
    [
      "the user's own provider deactivates it",
      (one) => one.tenant.scim("PATCH", `/Users/${one.userId}`, deactivate),
      "idp_inactive",
    ],
    ["the user's own provider deletes it", (one) => one.tenant.scim("DELETE", `/Users/${one.userId}`), "idp_deleted"],
    [
      "the other provider deactivates the other",
      (one) => one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate),
      "idp_inactive",
    ],
    ["the other provider deletes the other", (one) => one.other.scim("DELETE", `/Users/${one.addedId}`), "idp_deleted"],
    [
      "an admin suspends the user",
      (one) => suspendUser(house.database, one.tenant.id, one.userId, act()),
      "admin_suspended",
    ],
    [
      "an admin suspends it by the other's id",
      (one) => suspendUser(house.database, one.tenant.id, one.addedId, act()),
      "admin_suspended",
    ],
  ];

  test.each(denials)("denies the person, before any worker and after it: %s", async (_who, deny, reason) => {
    const one = await person();
    await one.link();
    await one.settle();
    await deny(one);
    for (const answer of await resolveBoth(one)) expect(answer).toEqual({ status: "denied", reason });
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual([reason]);
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "deny"]);
    for (const answer of await resolveBoth(one)) expect(answer).toEqual({ status: "denied", reason });
  });

  test.each(denials.filter(([, , reason]) => reason !== "idp_deleted"))(
    "that stood before is the person's from the link on: %s",
    async (_who, deny, reason) => {
      const one = await person();
      await deny(one);
      await one.settle();
      expect(await one.link()).toMatchObject({ denials: [reason] });
      for (const answer of await resolveBoth(one)) expect(answer).toEqual({ status: "denied", reason });
      await one.settle();
      expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "deny"]);
    },
  );

  test("is lifted by whoever brought it, and by nobody else", async () => {
    const one = await person();
    await one.link();
    await one.tenant.scim("PATCH", `/Users/${one.userId}`, deactivate);
    await one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate);
    await one.settle();
    await one.other.scim("PATCH", `/Users/${one.addedId}`, reactivate);
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["idp_inactive"]);
    expect((await one.entryOf("ann.b"))?.op).toBe("deny");
    await one.tenant.scim("PATCH", `/Users/${one.userId}`, reactivate);
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual([]);
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["allow", "allow"]);
  });

  test("is forgotten at gateways only under the subject whose own provider refuses it too", async () => {
    const one = await person();
    await one.link();
    await one.settle();
    const origins = async () => {
      const rows = await house.database.once<{ sub: string; origin: string }>(
        one.tenant.id,
        sql`SELECT sub, origin FROM revocation WHERE deny ORDER BY sub`,
      );
      return Object.fromEntries(rows.map(({ sub, origin }) => [sub, origin]));
    };
    await one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate);
    await one.settle();
    // The first provider issues tokens as before: for them, nobody but Rollcall refuses the person.
    expect(await origins()).toEqual({ ann: "app", "ann.b": "idp" });
    await one.tenant.scim("PATCH", `/Users/${one.userId}`, deactivate);
    await one.settle();
    await one.other.scim("PATCH", `/Users/${one.addedId}`, reactivate);
    await one.settle();
    expect((await origins())["ann.b"]).toBe("app");
    expect((await one.entryOf("ann.b"))?.op).toBe("deny");
  });

  test("that an event could not bring fails closed for the person", async () => {
    const one = await person({ issuer: "same" });
    const rival = idOf(await one.tenant.scim("POST", "/Users", newUser("bob")));
    await one.settle();
    await one.link();
    await one.settle();
    // The other side leaves and claims to be Bob in the same request: its end cannot be applied.
    await one.other.scim("PUT", `/Users/${one.addedId}`, newUser("ann.b", { externalId: "bob", active: false }));
    await applyAll(drain);
    expect((await one.userOf(one.userId))?.denials).toEqual(["poison"]);
    expect((await one.userOf(rival))?.denials).toEqual([]);
    expect(await resolve(one, "ann", one.tenant.issuer)).toMatchObject({ status: "denied" });
  });
});

describe("whoever is unlinked", () => {
  test("is a user of its own again, with its groups, and what was open under its subject ends", async () => {
    const one = await person();
    await one.other.scim("POST", "/Groups", newGroup("Board", [one.addedId]));
    await one.settle();
    await one.link();
    await one.settle();
    const linkedNbf = (await one.entryOf("ann.b"))?.nbf ?? Number.NaN;
    await one.unlink();
    await one.settle();
    expect(await one.userOf(one.userId)).toMatchObject({ identities: ["ann"], groups: [], denials: [] });
    expect(await one.userOf(one.addedId)).toMatchObject({
      userName: "ann.b@example.test",
      identities: ["ann.b"],
      groups: ["Board"],
      denials: [],
    });
    expect((await one.entryOf("ann.b"))?.nbf).toBeGreaterThanOrEqual(linkedNbf);
    expect(await one.entryOf("ann")).toBeUndefined();
    expect(await resolve(one, "ann.b")).toMatchObject({ status: "active", userId: one.addedId });
    await expect(one.unlink()).rejects.toThrow("no such link");
  });

  test("takes along what denies it, and leaves what denies the other", async () => {
    const one = await person();
    await suspendUser(house.database, one.tenant.id, one.userId, act());
    await one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate);
    await one.settle();
    await one.link();
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_suspended", "idp_inactive"]);
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_suspended"]);
    expect((await one.userOf(one.addedId))?.denials).toEqual(["idp_inactive"]);
    await unsuspendUser(house.database, one.tenant.id, one.userId, act());
    await one.settle();
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["allow", "deny"]);
  });

  test("is let in again where only the other was refused, before the link or by its own provider", async () => {
    const one = await person();
    await suspendUser(house.database, one.tenant.id, one.userId, act());
    await one.link();
    await one.tenant.scim("DELETE", `/Users/${one.userId}`);
    await one.settle();
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.addedId))?.denials).toEqual([]);
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_suspended", "idp_deleted"]);
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "allow"]);
  });

  test("stays denied by what an admin said of the person while they were one", async () => {
    const one = await person();
    await one.link();
    await suspendUser(house.database, one.tenant.id, one.userId, act());
    await one.settle();
    await one.unlink();
    await one.settle();
    expect((await one.userOf(one.userId))?.denials).toEqual(["admin_suspended"]);
    expect((await one.userOf(one.addedId))?.denials).toEqual(["admin_suspended"]);
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "deny"]);
    await unsuspendUser(house.database, one.tenant.id, one.addedId, act());
    await one.settle();
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "allow"]);
  });
});

describe("whoever was suspended for a time before the link, and for good while they were one", () => {
  test("stays suspended for good when they are unlinked", async () => {
    const one = await person();
    const expiresAt = new Date(Date.now() + 3_600_000);
    await suspendUser(house.database, one.tenant.id, one.addedId, { ...act(), expiresAt });
    await one.link();
    await suspendUser(house.database, one.tenant.id, one.userId, act());
    await one.settle();
    await one.unlink();
    await one.settle();
    await endDenials(house.database, new Date(expiresAt.getTime() + 1));
    await one.settle();
    for (const id of [one.userId, one.addedId]) expect((await one.userOf(id))?.denials).toEqual(["admin_suspended"]);
    expect([(await one.entryOf("ann"))?.op, (await one.entryOf("ann.b"))?.op]).toEqual(["deny", "deny"]);
  });
});

describe("explain", () => {
  test("tells who linked whom, since when, and that it is the other side that is refused", async () => {
    const one = await person();
    await one.link();
    await one.settle();
    const told = await explain(one, "ann.b");
    expect(told.verdict.code).toBe("ok");
    const store = told.steps.find(({ step }) => step === "user_store")?.evidence;
    expect(store).toMatch(
      new RegExp(`; directory user ${one.addedId} is linked to user ${one.userId} since 20\\S+Z by credential test$`),
    );
    await one.tenant.scim("PATCH", `/Users/${one.userId}`, deactivate);
    await one.settle();
    const refused = await explain(one, "ann.b");
    expect(refused.verdict.code).not.toBe("ok");
    expect(refused.steps.find(({ step }) => step === "user_store")?.evidence).toContain("idp_inactive");
  });
});

async function explain({ tenant }: Person, sub: string) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  const answer = await fetch(`${house.url}/v1/explain`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ sub, iss: otherIssuer }),
  });
  return (await answer.json()) as {
    readonly verdict: { readonly code: string };
    readonly steps: readonly { readonly step: string; readonly evidence: string }[];
  };
}
