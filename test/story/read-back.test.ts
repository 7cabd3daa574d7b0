import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { ann, createAnn, eager, readBackScene, rowOf, untilAsked, waitingOf } from "../harness/read-back-scene.ts";
import { deactivate, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ readBacks: eager });
// A second reconciler: whoever asks, each question is asked by one.
await openHouse({ databaseUrl: house.databaseUrl, without: ["worker", "publisher"], readBacks: eager });

describe("a ping is what the provider says when it is asked", () => {
  test("a leaver of whom only a change is told is shut out, and gateways refuse them", async () => {
    const { tenant, ping, become } = await readBackScene(house);
    await createAnn(house, tenant);
    become([{ ...ann, active: false }]);
    await ping();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    await untilQuiet(house, tenant.id);
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("a joiner whom an event shut out is let in when the provider says so", async () => {
    const { tenant, say, become } = await readBackScene(house);
    await createAnn(house, tenant);
    become([{ ...ann, active: false }]);
    await say("user.disabled", { externalId: "ann" }, new Date());
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
    become([ann]);
    await say("user.enabled", { externalId: "ann" });
    await until("ann is let in", async () => (await rowOf(house, tenant))?.active === true);
    await untilQuiet(house, tenant.id);
    expect((await entryOf(tenant, "ann"))?.op).not.toBe("deny");
  });

  test("a thin denial shuts out at once, while the provider is still thinking", async () => {
    const { tenant, say, server } = await readBackScene(house);
    await createAnn(house, tenant);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await say("user.disabled", { externalId: "ann" }, new Date());
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
    resolve();
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });

  test("what it says of attributes counts whole, and what it does not carry stays", async () => {
    const { tenant, ping } = await readBackScene(house);
    await tenant.scim("POST", "/Users", newUser("ann", { displayName: "Anna", title: "Chief" }));
    await ping();
    await until(
      "ann is called as the provider calls her",
      async () => (await rowOf(house, tenant))?.displayName === "Ann",
    );
    expect(await rowOf(house, tenant)).toMatchObject({ title: "Chief", active: true });
  });

  test("where only the state is taken over, names stay as SCIM said", async () => {
    const { tenant, ping, become } = await readBackScene(house, { takes: "active" });
    await tenant.scim("POST", "/Users", newUser("ann", { displayName: "Anna" }));
    become([{ ...ann, active: false }]);
    await ping();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(await rowOf(house, tenant)).toMatchObject({ displayName: "Anna" });
  });

  test("a storm of pings about one user asks about her once, and once more for those that came meanwhile", async () => {
    const { tenant, ping, server, askedAbout } = await readBackScene(house);
    await createAnn(house, tenant);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await Promise.all(Array.from({ length: 20 }, () => ping()));
    await until("she is asked about", () => askedAbout("ann") > 0);
    await Promise.all(Array.from({ length: 20 }, () => ping()));
    resolve();
    await untilAsked(house, tenant);
    expect(askedAbout("ann")).toBeLessThanOrEqual(2);
  });

  test("what is told while it is asked is asked for after it", async () => {
    const { tenant, ping, server, become, askedAbout } = await readBackScene(house);
    await createAnn(house, tenant);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    become([{ ...ann, active: false }]);
    await ping();
    resolve();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(askedAbout("ann")).toBe(2);
  });
});

describe("who is let in by an answer", () => {
  test("is nobody whom SCIM shut out: that an account lives says nothing of this application", async () => {
    const { tenant, ping, askedAbout } = await readBackScene(house);
    const id = await createAnn(house, tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await ping();
    await untilAsked(house, tenant);
    expect([askedAbout("ann"), await rowOf(house, tenant)]).toMatchObject([1, { active: false, displayName: "Ann" }]);
  });

  test("is also whom SCIM shut out, where the provider was given the last word", async () => {
    const { tenant, ping } = await readBackScene(house, { lifts: "all" });
    const id = await createAnn(house, tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await ping();
    await until("ann is let in", async () => (await rowOf(house, tenant))?.active === true);
    expect(await activations(tenant)).toHaveLength(1);
  });

  test("is no stranger, unless the provider may create", async () => {
    const strict = await readBackScene(house);
    await strict.ping();
    await untilAsked(house, strict.tenant);
    expect([strict.askedAbout("ann"), await rowOf(house, strict.tenant)]).toEqual([1, undefined]);
    const creating = await readBackScene(house, { creates: "yes" });
    await creating.ping();
    await until("ann is created", async () => (await rowOf(house, creating.tenant))?.active === true);
  });

  test("is no stranger of whom something was said while the provider was asked: it is asked again first", async () => {
    const { tenant, ping, say, server, askedAbout } = await readBackScene(house, { creates: "yes" });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    await say("user.updated", { externalId: "ann", active: false }, new Date());
    server.meddle(undefined);
    resolve();
    await untilAsked(house, tenant);
    expect([askedAbout("ann"), await rowOf(house, tenant)]).toMatchObject([2, { active: true }]);
  });

  test("is one of the dead only where an event killed them and the same id lives", async () => {
    const { tenant, ping, say } = await readBackScene(house);
    const id = await createAnn(house, tenant);
    await say("user.deleted", { externalId: "ann" }, new Date());
    await until("ann is back", async () => (await rowOf(house, tenant))?.deleted === false);
    expect((await tenant.scim("GET", `/Users/${id}`)).status).toBe(200);
    await tenant.scim("DELETE", `/Users/${id}`);
    await ping();
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
  });
});

describe("who is not found", () => {
  test("is shut out at once, and dead when that is said again a while later", async () => {
    const { tenant, ping, become, askedAbout } = await readBackScene(house);
    await createAnn(house, tenant);
    become([]);
    await ping();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: false });
    await until("ann is dead", async () => (await rowOf(house, tenant))?.deleted === true);
    expect(askedAbout("ann")).toBe(2);
    await untilAsked(house, tenant);
  });

  test("is let in again where it was a mistake of one moment", async () => {
    const { tenant, ping, become } = await readBackScene(house);
    await createAnn(house, tenant);
    become([]);
    await ping();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    become([ann]);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
  });

  test("is not shut out on one answer where they were created just now: a replica may not know them yet", async () => {
    const { tenant, ping, become, askedAbout } = await readBackScene(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    become([]);
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    await until("the answer is taken in", async () => (await absentSince(tenant)) !== null);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
    become([ann]);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });

  test("in words that are not the provider's is nobody: it is a fault, and changes nothing", async () => {
    const { tenant, ping, server } = await readBackScene(house);
    await createAnn(house, tenant);
    server.meddle(() => ({ status: 404, body: "<html>no such page</html>" }));
    await ping();
    await until("the fault is noted", async () =>
      (await waitingOf(house, tenant))[0]?.lastError?.startsWith("malformed"),
    );
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
    server.meddle(undefined);
    await untilAsked(house, tenant);
  });
});

describe("what is said while the provider is asked", () => {
  test("stands: an answer from before a denial does not undo it, and it is asked again", async () => {
    const { tenant, ping, server, become, askedAbout } = await readBackScene(house, { lifts: "all" });
    const id = await createAnn(house, tenant);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    become([{ ...ann, active: false }]);
    server.meddle(undefined);
    resolve();
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
    expect(await activations(tenant)).toEqual([]);
    expect(askedAbout("ann")).toBe(2);
  });

  test("stands: an answer from before an enabling does not undo that either", async () => {
    const { tenant, ping, server, become, askedAbout } = await readBackScene(house);
    const id = await createAnn(house, tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    become([{ ...ann, active: false }]);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", value: { active: true } }));
    become([ann]);
    server.meddle(undefined);
    resolve();
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });

  test("stands where the user was deleted meanwhile", async () => {
    const { tenant, ping, server, askedAbout } = await readBackScene(house);
    const id = await createAnn(house, tenant);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.meddle((reply) => ({ ...reply, hold: (letGo) => void promise.then(letGo) }));
    await ping();
    await until("she is asked about", () => askedAbout("ann") > 0);
    await tenant.scim("DELETE", `/Users/${id}`);
    resolve();
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
  });

  test("an older event than the answer does not undo the answer", async () => {
    const { tenant, ping, say } = await readBackScene(house);
    await createAnn(house, tenant);
    const before = new Date(Date.now() - 60_000);
    await ping();
    await untilAsked(house, tenant);
    await say("user.disabled", { externalId: "ann" }, before);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });
});

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}

async function absentSince({ id }: TestTenant): Promise<Date | null | undefined> {
  const [row] = await house.database.once<{ at: Date | null }>(id, sql`SELECT absent_since AS at FROM read_back`);
  return row === undefined ? null : row.at;
}

function activations({ id }: TestTenant): Promise<readonly unknown[]> {
  return house.database.once(id, sql`SELECT kind FROM lifecycle_event WHERE kind = 'user.activated'`);
}
