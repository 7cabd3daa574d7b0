import { newId } from "@rollcall/core/runtime";
import { linkUser, resolveSubject, sql, suspendUser } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { openHouse, quietLog } from "../harness/house.ts";
import { act, createPerson, idOf, type Person } from "../harness/linked-person.ts";
import { readRows } from "../harness/neighbours.ts";
import { deactivate, newUser, patch } from "../harness/tenant.ts";
import { applyAll } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const person = (options?: Parameters<typeof createPerson>[2]) => createPerson(house, drain, options);
const resolve = ({ tenant }: Person, sub: string, iss: string) => resolveSubject(house.database, tenant.id, iss, sub);

describe("two providers that say the same subject of one person", () => {
  test("cannot both be applied, until an admin says that they are one", async () => {
    const one = await person({ issuer: "same", sub: "ann" });
    expect(await one.failures()).toEqual([
      expect.objectContaining({ last_error: expect.stringContaining("IdentityTaken") as string }),
    ]);
    await one.link();
    await house.database.once(one.tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await one.settle();
    expect((await one.userOf(one.userId))?.identities).toEqual(["ann"]);
    expect(await resolve(one, "ann", one.tenant.issuer)).toMatchObject({ status: "active", userId: one.userId });
  });

  test("hand it to each other with its tokens, and to nobody else", async () => {
    const one = await person({ issuer: "same", sub: "ann" });
    await one.link();
    await house.database.once(one.tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await one.settle();
    const before = await one.entryOf("ann");
    // The first side is called otherwise from now on; the second still says what it said.
    await one.tenant.scim(
      "PATCH",
      `/Users/${one.userId}`,
      patch({ op: "replace", path: "externalId", value: "ann.2" }),
    );
    expect(await resolve(one, "ann", one.tenant.issuer)).toMatchObject({ status: "active", userId: one.userId });
    await one.settle();
    await one.other.scim("PATCH", `/Users/${one.addedId}`, patch({ op: "replace", path: "title", value: "Dr" }));
    await one.settle();
    expect((await one.userOf(one.userId))?.identities).toEqual(["ann", "ann.2"]);
    expect(await one.entryOf("ann")).toEqual(before);
    expect(await one.failures()).toHaveLength(1);
  });

  test("keep it from whoever else claims it, though one of them has given it up", async () => {
    const one = await person({ issuer: "same", sub: "ann" });
    await one.link();
    await house.database.once(one.tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await one.settle();
    const renamed = patch({ op: "replace", path: "externalId", value: "ann.2" });
    await one.tenant.scim("PATCH", `/Users/${one.userId}`, renamed);
    const thief = idOf(await one.tenant.scim("POST", "/Users", newUser("ann", { userName: "thief@example.test" })));
    for (let turn = 0; turn < 2; turn += 1) await applyAll(drain);
    expect((await one.userOf(one.userId))?.identities).toContain("(ann)");
    expect(await one.userOf(thief)).toBeUndefined();
    expect(await resolve(one, "ann", one.tenant.issuer)).toMatchObject({ status: "active", userId: one.userId });
    // Once the other of them has given it up as well, it is whoever's who claims it.
    await one.other.scim(
      "PATCH",
      `/Users/${one.addedId}`,
      patch({ op: "replace", path: "externalId", value: "ann.3" }),
    );
    await house.database.once(one.tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await one.settle();
    expect((await one.userOf(thief))?.identities).toEqual(["ann"]);
  });
});

describe("T1–T3: what a connection may touch", () => {
  test("is what it made: by a link it gains the person's subjects and its end, and no row of the other's", async () => {
    const one = await person();
    const victim = idOf(await one.tenant.scim("POST", "/Users", newUser("bob")));
    await one.link();
    await one.settle();
    const before = await rowsOfFirst(one);
    const thief = one.other;
    for (const id of [one.userId, victim]) {
      const nobody = await thief.scim("GET", `/Users/${newId()}`);
      for (const [method, body] of [
        ["GET", undefined],
        ["PUT", newUser("ann.b")],
        ["PATCH", deactivate],
        ["DELETE", undefined],
      ] as const) {
        const answer = await thief.scim(method, `/Users/${id}`, body);
        expect([method, answer.status, answer.body["detail"]]).toEqual([method, 404, nobody.body["detail"]]);
      }
    }
    for (const filter of ['userName eq "ann@example.test"', 'externalId eq "ann"', `id eq "${one.userId}"`])
      expect((await thief.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`)).body["totalResults"]).toBe(0);
    // It says that its own user is called as the other's is, and that its id is the other's.
    const grab = newUser("ann", { id: one.userId, displayName: "mine" });
    expect((await thief.scim("PUT", `/Users/${one.addedId}`, grab)).status).toBe(200);
    await one.settle();
    expect(await rowsOfFirst(one)).toEqual(before);
    expect((await one.userOf(one.userId))?.identities).toEqual(["(ann.b)", "ann", "ann"]);
    expect((await one.userOf(victim))?.denials).toEqual([]);
  });
});

describe("links, workers and leavers at the same moment", () => {
  test("end denied, with nothing failed and nobody waiting for another, time and again", async () => {
    for (let round = 0; round < 12; round += 1) {
      const one = await person();
      const leaver = round % 2 === 0 ? one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate) : undefined;
      await Promise.all([
        one.link(),
        leaver,
        round % 2 === 1 && one.tenant.scim("DELETE", `/Users/${one.userId}`),
        round % 3 === 0 && suspendUser(house.database, one.tenant.id, one.addedId, act()),
        applyAll(drain),
        applyAll(drain),
      ]).catch((error: unknown) => {
        // Whoever comes when the user is deleted already is told so.
        expect((error as { readonly code?: string }).code).toBe("link_conflict");
      });
      await one.settle();
      expect(await one.failures()).toEqual([]);
      const states = await Promise.all([one.userOf(one.userId), one.userOf(one.addedId)]);
      const denied = states.find((state) => state !== undefined && state.denials.length > 0);
      expect(denied, `round ${round}`).toBeDefined();
      const entries = [await one.entryOf("ann"), await one.entryOf("ann.b")];
      const subs = denied?.identities ?? [];
      expect(subs.map((sub) => (sub === "ann" ? entries[0] : entries[1])?.op)).toEqual(subs.map(() => "deny"));
    }
  });

  test("and many links and unlinks of one person at once leave one state, in which every subject is one user's", async () => {
    const one = await person();
    const rivals = await Promise.all(
      ["c", "d", "e"].map(async (sub) => idOf(await one.other.scim("POST", "/Users", newUser(sub)))),
    );
    await one.settle();
    const tries = [one.addedId, ...rivals].flatMap((directoryUserId) => [
      { userId: one.userId, directoryUserId },
      { userId: directoryUserId, directoryUserId: one.userId },
    ]);
    const answers = await Promise.allSettled(
      tries.map((names) => linkUser(house.database, one.tenant.id, names, newId, act())),
    );
    const codes = answers.flatMap((answer) =>
      answer.status === "rejected" ? [(answer.reason as { readonly code?: string }).code] : [],
    );
    expect(codes.filter((code) => code !== "link_conflict")).toEqual([]);
    await one.settle();
    expect(await one.failures()).toEqual([]);
    const chains = await house.database.once(
      one.tenant.id,
      sql`SELECT FROM link JOIN link AS next ON next.directory_user_id = link.user_id WHERE next.user_id <> link.user_id`,
    );
    expect(chains).toEqual([]);
    const strays = await house.database.once(
      one.tenant.id,
      sql`SELECT FROM identity JOIN link USING (directory_user_id) WHERE identity.user_id <> link.user_id`,
    );
    expect(strays).toEqual([]);
  });
});

/** Everything that the first connection has brought about, without what a link moves: whose the subjects are. */
async function rowsOfFirst(one: Person): Promise<unknown> {
  return readRows(house, one.tenant, one.other.connectionId);
}
