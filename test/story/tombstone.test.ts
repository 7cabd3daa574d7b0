import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { denySubject, sql, suspendUser, unsuspendUser } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  reactivate,
  type TestTenant,
} from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const act = { actor: "test", at: new Date() };

describe("the dead stay dead", () => {
  test("what comes late for a deleted user finds nobody, and changes nothing", async () => {
    const { tenant, id } = await leaver();
    const answers = [
      await tenant.scim("GET", `/Users/${id}`),
      await tenant.scim("PATCH", `/Users/${id}`, reactivate),
      await tenant.scim("PUT", `/Users/${id}`, newUser("ann")),
      await tenant.scim("DELETE", `/Users/${id}`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
  });

  test("every event that ever happened, delivered once more, brings nobody back", async () => {
    const { tenant, id } = await leaver();
    await house.database.once(
      tenant.id,
      sql`INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
        SELECT tenant_id, connection_id, source, source_event_id || ':again', kind, subject_kind, subject_id, denying, lane FROM lifecycle_event`,
    );
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("a deleted user leaves every group, and is in none when created again", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("POST", "/Groups", newGroup("Sales", [id]));
    await settle(tenant);
    expect((await userOf(tenant, id))?.groups).toEqual(["Sales"]);
    await tenant.scim("DELETE", `/Users/${id}`);
    await tenant.scim("POST", "/Users", newUser("ann"));
    await settle(tenant);
    expect(await userOf(tenant, id)).toMatchObject({ groups: [], denials: [] });
  });

  test("only the connection that owned a user gets it back: another's user of the same names is another", async () => {
    const { tenant, id } = await leaver();
    const other = await addConnection(house, tenant, "https://other.idp.test");
    const stranger = await other.scim("POST", "/Users", newUser("ann"));
    await settle(tenant);
    expect(stranger.status).toBe(201);
    expect(stranger.body["id"]).not.toBe(id);
    expect((await userOf(tenant, id))?.denials).toEqual(["idp_deleted"]);
  });
});

describe("who comes back", () => {
  test("gets the same id, and tokens from before stay dead", async () => {
    const { tenant, id } = await leaver();
    const again = await tenant.scim("POST", "/Users", newUser("ann"));
    await settle(tenant);
    expect({ status: again.status, id: again.body["id"] }).toEqual({ status: 201, id });
    expect((await userOf(tenant, id))?.denials).toEqual([]);
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "allow", nbf: expect.any(Number) as number });
  });

  test("is the same user though the end is not committed yet when the return comes", async () => {
    const { tenant, id } = await joiner();
    const end = await holdEnd(tenant, id);
    const returning = tenant.scim("POST", "/Users", newUser("ann"));
    await until("the return waits for the end", async () => (await lockWaiters(house.databaseUrl)) === 1);
    await end.commit();
    expect(await returning).toMatchObject({ status: 201, body: { id } });
    await settle(tenant);
    expect([...(await readUserStore(house, tenant.id)).keys()]).toEqual([id]);
  });

  test("has lost every token of before, also those of another provider whose user is the same", async () => {
    const { tenant, id } = await joiner();
    const other = await addConnection(house, tenant, "https://other.idp.test");
    const linked = (await other.scim("POST", "/Users", newUser("ann"))).body["id"] as string;
    await house.database.once(
      tenant.id,
      sql`INSERT INTO link (directory_user_id, tenant_id, user_id) VALUES (${linked}, ${tenant.id}, ${id})`,
    );
    await settle(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await other.scim("PATCH", `/Users/${linked}`, patch({ op: "replace", path: "displayName", value: "Ann" }));
    // All in one batch, so that each of the two has its own events in it.
    await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET lane = 7 WHERE applied_at IS NULL`);
    await settle(tenant);
    const nbf = expect.any(Number) as number;
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "nbf", nbf });
    expect(await entryOf(tenant, "ann", "https://other.idp.test")).toMatchObject({ op: "nbf", nbf });
  });

  test("a denial that was lifted before anybody could apply it has still killed the tokens before it", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual([]);
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "nbf", nbf: expect.any(Number) as number });
  });

  test("a new user who is created inactive and activated has no token to lose", async () => {
    const tenant = await createTenant(house);
    const created = await tenant.scim("POST", "/Users", newUser("ann", { active: false }));
    await settle(tenant);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
    await tenant.scim("PATCH", `/Users/${created.body["id"] as string}`, reactivate);
    await settle(tenant);
    expect(await entryOf(tenant, "ann")).toBeUndefined();
  });
});

describe("a name that goes to another person", () => {
  // Which lane each one's events lie in, where nothing is applied before all is written; lanes are drained in order.
  const orders = [
    ["after its old owner's end was applied", undefined],
    ["the old owner's lane first", { old: 0, next: 1 }],
    ["the newcomer's lane first", { old: 1, next: 0 }],
    ["both in one batch", { old: 0, next: 0 }],
  ] as const;

  test.each(orders)("is another user, and the old owner's tokens die with it: %s", async (_when, lanes) => {
    const tenant = await createTenant(house, { subjectAttribute: "userName" });
    const first = await tenant.scim("POST", "/Users", newUser("one", { userName: "ann@example.test" }));
    if (lanes === undefined) await settle(tenant);
    await tenant.scim("DELETE", `/Users/${first.body["id"] as string}`);
    if (lanes === undefined) await settle(tenant);
    const second = await tenant.scim("POST", "/Users", newUser("two", { userName: "ann@example.test" }));
    if (lanes !== undefined) {
      await house.database.once(
        tenant.id,
        sql`UPDATE lifecycle_event SET lane = CASE WHEN subject_id = ${first.body["id"]} THEN ${lanes.old}::smallint ELSE ${lanes.next}::smallint END`,
      );
    }
    await settle(tenant);

    expect(second.body["id"]).not.toBe(first.body["id"]);
    expect(await userOf(tenant, second.body["id"] as string)).toMatchObject({
      denials: [],
      identities: ["ann@example.test"],
    });
    expect(await userOf(tenant, first.body["id"] as string)).toMatchObject({
      denials: ["idp_deleted"],
      identities: [],
    });
    const entry = await entryOf(tenant, "ann@example.test");
    expect(entry?.op).not.toBe("deny");
    expect(entry?.nbf).toBeGreaterThan(0);
  });

  test("may go to a new user in the same breath in which the old one is renamed", async () => {
    const tenant = await createTenant(house, { subjectAttribute: "userName" });
    const first = await tenant.scim("POST", "/Users", newUser("one", { userName: "ann@example.test" }));
    await settle(tenant);
    await tenant.scim(
      "PATCH",
      `/Users/${first.body["id"] as string}`,
      patch({ op: "replace", path: "userName", value: "ann.old@example.test" }),
    );
    const second = await tenant.scim("POST", "/Users", newUser("two", { userName: "ann@example.test" }));
    // The newcomer's event first, as if its lane were the quicker one.
    await house.database.once(
      tenant.id,
      sql`UPDATE lifecycle_event SET next_attempt_at = now() + interval '1 hour' WHERE subject_id = ${first.body["id"]} AND applied_at IS NULL`,
    );
    await applyAll(drain);
    await house.database.once(tenant.id, sql`UPDATE lifecycle_event SET next_attempt_at = NULL`);
    await settle(tenant);

    expect((await userOf(tenant, second.body["id"] as string))?.identities).toEqual(["ann@example.test"]);
    expect((await userOf(tenant, first.body["id"] as string))?.identities).toEqual(["ann.old@example.test"]);
    expect((await entryOf(tenant, "ann@example.test"))?.nbf).toBeGreaterThan(0);
    const [failed] = await house.database.once<{ count: number }>(
      tenant.id,
      sql`SELECT count(*) AS count FROM lifecycle_event WHERE attempts > 0`,
    );
    expect(failed?.count).toBe(0);
  });
});

describe("an admin's word", () => {
  test("stands when the provider reactivates the user, until the admin takes it back", async () => {
    const { tenant, id } = await joiner();
    await suspendUser(house.database, tenant.id, id, act);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await settle(tenant);
    expect((await userOf(tenant, id))?.denials).toEqual(["admin_suspended"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");

    await unsuspendUser(house.database, tenant.id, id, act);
    await settle(tenant);
    expect((await entryOf(tenant, "ann"))?.op).toBe("allow");
  });

  test("kills the tokens before it, though the provider had shut the user out and lets them in before the admin does", async () => {
    const { tenant, id } = await joiner();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await house.database.once(
      tenant.id,
      sql`UPDATE lifecycle_event SET accepted_at = accepted_at - interval '1 minute' WHERE applied_at IS NULL`,
    );
    await settle(tenant);
    // Let in again, so that a token could be had, and no worker has come to it.
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    const at = new Date();
    await suspendUser(house.database, tenant.id, id, { ...act, at });
    await settle(tenant);
    await unsuspendUser(house.database, tenant.id, id, act);
    await settle(tenant);
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "allow", nbf: Math.floor(at.getTime() / 1000) + 1 });
  });

  test("kills the tokens before it, though no worker had come to the user yet", async () => {
    const tenant = await createTenant(house);
    const created = await tenant.scim("POST", "/Users", newUser("ann"));
    const id = created.body["id"] as string;
    const at = new Date();
    await suspendUser(house.database, tenant.id, id, { ...act, at });
    await settle(tenant);
    await unsuspendUser(house.database, tenant.id, id, act);
    await settle(tenant);
    expect((await entryOf(tenant, "ann"))?.nbf).toBe(Math.floor(at.getTime() / 1000) + 1);
  });

  test("against a subject that nobody held stands when somebody comes to hold it", async () => {
    const tenant = await createTenant(house);
    await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub: "ann" }, act);
    const created = await tenant.scim("POST", "/Users", newUser("ann"));
    await settle(tenant);
    await tenant.scim(
      "PATCH",
      `/Users/${created.body["id"] as string}`,
      patch({ op: "replace", path: "displayName", value: "Ann" }),
    );
    await settle(tenant);
    expect((await userOf(tenant, created.body["id"] as string))?.denials).toEqual(["admin_revoked"]);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });
});

async function joiner(): Promise<{ readonly tenant: TestTenant; readonly id: string }> {
  const tenant = await createTenant(house);
  const created = await tenant.scim("POST", "/Users", newUser("ann"));
  await settle(tenant);
  return { tenant, id: created.body["id"] as string };
}

async function leaver(): Promise<{ readonly tenant: TestTenant; readonly id: string }> {
  const { tenant, id } = await joiner();
  await tenant.scim("DELETE", `/Users/${id}`);
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

/** Ends a user in a transaction that stays open until it is committed. */
async function holdEnd(tenant: TestTenant, id: string): Promise<{ commit(): Promise<void> }> {
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT set_config('rollcall.tenant', $1, true)", [tenant.id]);
  await client.query("UPDATE directory_user SET deleted_at = now(), version = version + 1 WHERE id = $1", [id]);
  return {
    commit: async () => {
      await client.query("COMMIT");
      await client.end();
    },
  };
}

async function entryOf(tenant: TestTenant, sub: string, iss = tenant.issuer) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss, sub }));
}
