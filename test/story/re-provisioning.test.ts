import { newId } from "@rollcall/core/runtime";
import { sql, suspendUser } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  reactivate,
  type ScimAnswer,
  type TestTenant,
} from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });

describe("a userName that goes to another person after its owner's end", () => {
  const name = { userName: "ann@example.test" };

  test("brings nothing of the old owner along: no id, no group, no attribute, no subject", async () => {
    const tenant = await createTenant(house);
    const old = idOf(await tenant.scim("POST", "/Users", newUser("one", { ...name, title: "Director" })));
    await tenant.scim("POST", "/Groups", newGroup("Board", [old]));
    await settle(tenant);
    await tenant.scim("DELETE", `/Users/${old}`);
    const next = await tenant.scim("POST", "/Users", newUser("two", name));
    await settle(tenant);

    expect(next.status).toBe(201);
    expect(idOf(next)).not.toBe(old);
    expect(next.body).not.toHaveProperty("title");
    expect(next.body).not.toHaveProperty("groups");
    expect(await userOf(tenant, idOf(next))).toMatchObject({ identities: ["two"], groups: [], denials: [] });
    expect(await userOf(tenant, old)).toMatchObject({ identities: ["one"], groups: [], denials: ["idp_deleted"] });
    expect((await entryOf(tenant, "one"))?.op).toBe("deny");
    expect(await entryOf(tenant, "two")).toBeUndefined();
  });

  test("brings no suspension along either, and lifts none", async () => {
    const tenant = await createTenant(house);
    const old = idOf(await tenant.scim("POST", "/Users", newUser("one", name)));
    await settle(tenant);
    await suspendUser(house.database, tenant.id, old, { actor: "test", at: new Date() });
    await tenant.scim("DELETE", `/Users/${old}`);
    const next = idOf(await tenant.scim("POST", "/Users", newUser("two", name)));
    await settle(tenant);
    expect((await userOf(tenant, next))?.denials).toEqual([]);
    expect((await userOf(tenant, old))?.denials).toEqual(["admin_suspended", "idp_deleted"]);
  });

  test.each([
    ["the old owner had an external id, and the newcomer says none", "one", undefined],
    ["the old owner had none, and the newcomer has one", undefined, "two"],
  ])("is another user where the two cannot be known to be one: %s", async (_how, first, second) => {
    const tenant = await createTenant(house, { subjectAttribute: "userName" });
    const old = idOf(await tenant.scim("POST", "/Users", { ...newUser("x", name), externalId: first ?? null }));
    await tenant.scim("DELETE", `/Users/${old}`);
    const next = await tenant.scim("POST", "/Users", { ...newUser("x", name), externalId: second ?? null });
    expect([next.status, idOf(next) === old]).toEqual([201, false]);
  });

  test("is the same user where names are all that the provider ever says, and old tokens stay dead", async () => {
    const tenant = await createTenant(house, { subjectAttribute: "userName" });
    const silent = { ...newUser("x", name), externalId: null };
    const old = idOf(await tenant.scim("POST", "/Users", silent));
    await tenant.scim("POST", "/Groups", newGroup("Board", [old]));
    await settle(tenant);
    await tenant.scim("DELETE", `/Users/${old}`);
    const next = idOf(await tenant.scim("POST", "/Users", silent));
    await settle(tenant);
    expect(next).toBe(old);
    expect(await userOf(tenant, next)).toMatchObject({ groups: [], denials: [] });
    expect(await entryOf(tenant, name.userName)).toMatchObject({ op: "nbf", nbf: expect.any(Number) as number });
  });
});

describe("a person who stays and is called otherwise", () => {
  test("keeps id and groups under a new userName, and the old name is free for another", async () => {
    const { tenant, id, groupId } = await member();
    const renamed = patch({ op: "replace", path: "userName", value: "ann.k@example.test" });
    expect((await tenant.scim("PATCH", `/Users/${id}`, renamed)).status).toBe(200);
    const next = await tenant.scim("POST", "/Users", newUser("two", { userName: "ann@example.test" }));
    await settle(tenant);
    expect(next.status).toBe(201);
    expect(idOf(next)).not.toBe(id);
    expect(await userOf(tenant, id)).toMatchObject({ userName: "ann.k@example.test", groups: ["Sales"] });
    expect((await userOf(tenant, idOf(next)))?.groups).toEqual([]);
    expect((await tenant.scim("GET", `/Groups/${groupId}`)).body["members"]).toEqual([
      expect.objectContaining({ value: id }),
    ]);
  });

  test("keeps id and groups under a new external id, and comes back under that one alone", async () => {
    const { tenant, id } = await member();
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "externalId", value: "ann-2" }));
    await settle(tenant);
    expect(await userOf(tenant, id)).toMatchObject({ identities: ["(ann)", "ann-2"], groups: ["Sales"] });

    await tenant.scim("DELETE", `/Users/${id}`);
    const stranger = await tenant.scim("POST", "/Users", newUser("ann", { userName: "other@example.test" }));
    const herself = await tenant.scim("POST", "/Users", newUser("ann-2"));
    await settle(tenant);
    expect([stranger.status, idOf(stranger) === id]).toEqual([201, false]);
    expect([herself.status, idOf(herself)]).toEqual([201, id]);
    expect((await userOf(tenant, idOf(stranger)))?.identities).toEqual(["ann"]);
    expect((await userOf(tenant, id))?.identities).toEqual(["ann-2"]);
  });
});

describe("a person who is deleted and created again", () => {
  test("has the same id, whatever else has changed, and as many times as it happens", async () => {
    const { tenant, id } = await member();
    for (const userName of ["ann@example.test", "ann.k@example.test", "ann.l@example.test"]) {
      await tenant.scim("DELETE", `/Users/${id}`);
      await settle(tenant);
      expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
      const again = await tenant.scim("POST", "/Users", newUser("ann", { userName }));
      await settle(tenant);
      expect([again.status, idOf(again)]).toEqual([201, id]);
      expect(await userOf(tenant, id)).toMatchObject({ userName, denials: [], identities: ["ann"], groups: [] });
    }
  });

  test("inactive, is denied still", async () => {
    const { tenant, id } = await member();
    await tenant.scim("DELETE", `/Users/${id}`);
    const again = await tenant.scim("POST", "/Users", newUser("ann", { active: "False" }));
    await settle(tenant);
    expect(idOf(again)).toBe(id);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_inactive"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("while somebody else has the name, is told whose it is, and comes back under another", async () => {
    const { tenant, id } = await member();
    await tenant.scim("DELETE", `/Users/${id}`);
    const holder = idOf(await tenant.scim("POST", "/Users", newUser("two", { userName: "ann@example.test" })));
    const refused = await tenant.scim("POST", "/Users", newUser("ann"));
    expect(conflictOf(refused)).toBe(`userName is already taken by the user ${holder}`);
    const again = await tenant.scim("POST", "/Users", newUser("ann", { userName: "ann.2@example.test" }));
    expect(idOf(again)).toBe(id);
  });
});

describe("a conflict names the attribute, and the resource that has it", () => {
  test("of a user, by POST, PUT and PATCH", async () => {
    const tenant = await createTenant(house);
    const ann = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
    const bob = idOf(await tenant.scim("POST", "/Users", newUser("bob")));
    const byName = `userName is already taken by the user ${ann}`;
    const byExternalId = `externalId is already taken by the user ${ann}`;
    const name = { userName: "ANN@example.test" };
    const set = (path: string, value: string) => patch({ op: "replace", path, value });
    expect(conflictOf(await tenant.scim("POST", "/Users", newUser("x", name)))).toBe(byName);
    expect(conflictOf(await tenant.scim("PUT", `/Users/${bob}`, newUser("bob", name)))).toBe(byName);
    expect(conflictOf(await tenant.scim("PATCH", `/Users/${bob}`, set("userName", name.userName)))).toBe(byName);
    expect(conflictOf(await tenant.scim("POST", "/Users", newUser("ann", { userName: "x" })))).toBe(byExternalId);
    expect(conflictOf(await tenant.scim("PUT", `/Users/${bob}`, newUser("ann", { userName: "x" })))).toBe(byExternalId);
    expect(conflictOf(await tenant.scim("PATCH", `/Users/${bob}`, set("externalId", "ann")))).toBe(byExternalId);
  });

  test("of a group", async () => {
    const tenant = await createTenant(house);
    const sales = idOf(await tenant.scim("POST", "/Groups", { ...newGroup("Sales"), externalId: "g1" }));
    const other = idOf(await tenant.scim("POST", "/Groups", newGroup("Other")));
    const byName = `displayName is already taken by the group ${sales}`;
    const byExternalId = `externalId is already taken by the group ${sales}`;
    expect(conflictOf(await tenant.scim("POST", "/Groups", newGroup("SALES")))).toBe(byName);
    expect(conflictOf(await tenant.scim("PUT", `/Groups/${other}`, newGroup("sales")))).toBe(byName);
    const set = patch({ op: "replace", path: "externalId", value: "g1" });
    expect(conflictOf(await tenant.scim("PATCH", `/Groups/${other}`, set))).toBe(byExternalId);
  });

  test("and is of the caller's own connection: what another has is no conflict, and is not spoken of", async () => {
    const tenant = await createTenant(house);
    const other = await addConnection(house, tenant, "https://other.idp.test");
    const stranger = await createTenant(house);
    const theirs = [tenant, stranger].map((owner) => owner.scim("POST", "/Users", newUser("ann")));
    const ids = (await Promise.all(theirs)).map(idOf);
    const answers = [
      await other.scim("POST", "/Users", newUser("ann")),
      await other.scim("POST", "/Users", newUser("ann")),
      await other.scim("POST", "/Groups", newGroup("Sales", ids)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 409, 201]);
    expect(conflictOf(answers[1])).toBe(`userName is already taken by the user ${idOf(answers[0])}`);
  });

  test("a deleted holder is none", async () => {
    const { tenant, id } = await member();
    await tenant.scim("DELETE", `/Users/${id}`);
    expect((await tenant.scim("POST", "/Users", newUser("two", { userName: "ann@example.test" }))).status).toBe(201);
  });
});

describe("a leaver who is deleted in two steps", () => {
  test("is denied from the first on, and at no moment let in again", async () => {
    const { tenant, id } = await member();
    const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_inactive"]);
    await tenant.scim("DELETE", `/Users/${id}`);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
    for (const late of [deactivate, reactivate]) await tenant.scim("PATCH", `/Users/${id}`, late);
    await settle(tenant);
    await reader.catchUp();
    expect(reader.seen.filter(({ sub }) => sub === "ann").map(({ op }) => op)).not.toContain("allow");
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });
});

describe("whoever is restored without a word of memberships", () => {
  test("after a soft deletion is in the groups that nobody took away", async () => {
    const { tenant, id } = await member();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await settle(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await settle(tenant);
    expect(await userOf(tenant, id)).toMatchObject({ groups: ["Sales"], denials: [] });
  });

  test("after a hard one is in none, until it is told", async () => {
    const { tenant, id, groupId } = await member();
    await tenant.scim("DELETE", `/Users/${id}`);
    await tenant.scim("POST", "/Users", newUser("ann"));
    await settle(tenant);
    expect((await userOf(tenant, id))?.groups).toEqual([]);
    expect((await tenant.scim("GET", `/Groups/${groupId}`)).body).not.toHaveProperty("members");
    await tenant.scim("PATCH", `/Groups/${groupId}`, patch({ op: "add", path: "members", value: [{ value: id }] }));
    await settle(tenant);
    expect((await userOf(tenant, id))?.groups).toEqual(["Sales"]);
  });
});

describe("one person in two connections", () => {
  test("is two users, each with its own groups and its own end", async () => {
    const { tenant, id } = await member();
    const other = await addConnection(house, tenant, "https://other.idp.test");
    const twin = idOf(await other.scim("POST", "/Users", newUser("ann")));
    await other.scim("POST", "/Groups", newGroup("Sales", [twin]));
    await settle(tenant);
    expect(twin).not.toBe(id);
    expect(await userOf(tenant, twin)).toMatchObject({ identities: ["ann"], groups: ["Sales"], denials: [] });

    await other.scim("DELETE", `/Users/${twin}`);
    await settle(tenant);
    expect(await userOf(tenant, id)).toMatchObject({ groups: ["Sales"], denials: [] });
    expect((await userOf(tenant, twin))?.denials).toEqual(["idp_deleted"]);
    expect(await entryOf(tenant, "ann")).toBeUndefined();
    expect((await entryOf(tenant, "ann", "https://other.idp.test"))?.op).toBe("deny");

    await tenant.scim("DELETE", `/Users/${id}`);
    expect(idOf(await other.scim("POST", "/Users", newUser("ann")))).toBe(twin);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
    expect((await userOf(tenant, twin))?.denials).toEqual([]);
  });

  test("of one issuer is whom the first connection says: the second takes nothing from it, not even by deleting", async () => {
    const { tenant, id } = await member();
    const other = await addConnection(house, tenant, tenant.issuer);
    const twin = idOf(await other.scim("POST", "/Users", newUser("ann")));
    await applyAll(drain);
    expect((await userOf(tenant, id))?.identities).toEqual(["ann"]);
    await other.scim("DELETE", `/Users/${twin}`);
    await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await settle(tenant);
    expect(await userOf(tenant, id)).toMatchObject({ identities: ["ann"], groups: ["Sales"], denials: [] });
    expect((await entryOf(tenant, "ann"))?.op).not.toBe("deny");
  });
});

/** A tenant, and a user of it who is in the group Sales. */
async function member(): Promise<{ readonly tenant: TestTenant; readonly id: string; readonly groupId: string }> {
  const tenant = await createTenant(house);
  const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
  const groupId = idOf(await tenant.scim("POST", "/Groups", newGroup("Sales", [id])));
  await settle(tenant);
  return { tenant, id, groupId };
}

function idOf(answer: ScimAnswer | undefined): string {
  return String(answer?.body["id"]);
}

function conflictOf(answer: ScimAnswer | undefined): unknown {
  expect({ status: answer?.status, scimType: answer?.body["scimType"] }).toEqual({
    status: 409,
    scimType: "uniqueness",
  });
  return answer?.body["detail"];
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function userOf(tenant: TestTenant, id: string) {
  return (await readUserStore(house, tenant.id)).get(id);
}

async function entryOf(tenant: TestTenant, sub: string, iss = tenant.issuer) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss, sub }));
}
