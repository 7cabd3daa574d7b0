import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql, tenantsWithOldSourceEvents, trimSourceEvents } from "@rollcall/core/store";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { addSource, type HookSource, tell, type Told } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const minute = 60_000;
const ago = (minutes: number): Date => new Date(Date.now() - minutes * minute);

describe("what a webhook says of a user", () => {
  test("makes a joiner, and shuts out a leaver whom gateways then refuse", async () => {
    const { tenant, source } = await scene();
    expect(await say(source, "user.created", { userName: "ann@example.test", externalId: "ann" }, ago(9))).toBe(204);
    await untilQuiet(house, tenant.id);
    expect(await shownOf(tenant, "ann")).toMatchObject({ denials: [], identities: ["ann"] });
    expect(await say(source, "user.disabled", { externalId: "ann" }, ago(8))).toBe(204);
    await untilQuiet(house, tenant.id);
    expect(await shownOf(tenant, "ann")).toMatchObject({ denials: ["idp_inactive"] });
    expect((await entryOf(tenant, "ann"))?.op).toBe("deny");
  });

  test("is read back by SCIM, for there is one directory", async () => {
    const { tenant, source } = await scene();
    await say(source, "user.created", { userName: "ann@example.test", externalId: "ann", displayName: "Ann" }, ago(9));
    await say(source, "user.updated", { externalId: "ann", displayName: "Anna" }, ago(8));
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "ann"');
    expect(body["Resources"]).toMatchObject([{ userName: "ann@example.test", displayName: "Anna", active: true }]);
  });

  test("counts once, however often it is told", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    const told = { id: randomUUID(), type: "user.disabled", at: ago(5), data: { externalId: "ann" } };
    for (let time = 0; time < 3; time += 1) expect((await tell(source, told)).status).toBe(204);
    const events = await house.database.once<{ count: number }>(
      tenant.id,
      sql`SELECT count(*) AS count FROM lifecycle_event WHERE source = 'hook'`,
    );
    expect(events).toEqual([{ count: 1 }]);
  });

  test("is known again: a denial without a time, repeated after they were let in, shuts nobody out", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    const denial = { id: randomUUID(), type: "user.disabled", data: { externalId: "ann" } };
    await tell(source, denial);
    await until("their return is later than their end", async () => {
      await say(source, "user.enabled", { externalId: "ann" }, new Date());
      return ((await shownInDirectory(tenant)) as { readonly active: boolean }).active;
    });
    expect((await tell(source, denial)).status).toBe(204);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("is forgotten after thirty days, when nobody repeats it any more", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.updated", { externalId: "ann", displayName: "Ann" }, ago(5));
    await say(source, "user.updated", { externalId: "stranger", displayName: "Bob" }, ago(5));
    await house.database.once(
      tenant.id,
      sql`UPDATE source_event SET accepted_at = now() - interval '31 days' WHERE outcome = 'written'`,
    );
    expect(await tenantsWithOldSourceEvents(house.database)).toContain(tenant.id);
    await trimSourceEvents(house.database, tenant.id);
    expect((await outcomesOf(tenant)).map(({ outcome }) => outcome)).toEqual(["unmatched"]);
  });

  test("is forgotten however much of it there is, and what nobody came for with it", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.updated", { externalId: "ann", displayName: "Ann" }, ago(5));
    const old = sql`now() - interval '31 days'`;
    await house.database.once(
      tenant.id,
      sql`WITH said AS (
          INSERT INTO source_event (source_id, event_id, tenant_id, payload_hash, kind, outcome, accepted_at)
          SELECT ${source.id}, 'old ' || n, ${tenant.id}, '\\x00', 'changed', 'unmatched', ${old} FROM generate_series(1, 20001) AS n
          RETURNING source_id, event_id, tenant_id, accepted_at
        )
        INSERT INTO parked_event (connection_id, subject_key, source_id, event_id, tenant_id, event, received_at)
        SELECT ${tenant.connectionId}, 'id ' || event_id, source_id, event_id, tenant_id, '{}', accepted_at FROM said`,
    );
    await trimSourceEvents(house.database, tenant.id);
    const left = await house.database.once(
      tenant.id,
      sql`SELECT (SELECT count(*) FROM source_event) AS said, (SELECT count(*) FROM parked_event) AS parked`,
    );
    expect(left).toEqual([{ said: 1, parked: 0 }]);
  });

  test("said otherwise under the same id alarms, and denies what it denies", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    const id = randomUUID();
    await tell(source, { id, type: "user.updated", at: ago(5), data: { externalId: "ann", displayName: "Ann" } });
    await tell(source, { id, type: "user.updated", at: ago(5), data: { externalId: "ann", displayName: "Anna" } });
    expect(await shownInDirectory(tenant)).toMatchObject({ displayName: "Ann" });
    await tell(source, { id, type: "user.disabled", at: ago(5), data: { externalId: "ann" } });
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
    const alerts = await house.database.once(tenant.id, sql`SELECT kind FROM alert WHERE resolved_at IS NULL`);
    expect(alerts).toEqual([{ kind: "source_conflict" }]);
  });
});

describe("in whatever order it comes", () => {
  test("an older enabling does not undo a later denial", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.disabled", { externalId: "ann" }, ago(3));
    await say(source, "user.enabled", { externalId: "ann" }, ago(5));
    await say(source, "user.updated", { externalId: "ann", active: true }, ago(4));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
    await say(source, "user.enabled", { externalId: "ann" }, ago(2));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("of two at the same moment the denial wins", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    const at = ago(3);
    await say(source, "user.disabled", { externalId: "ann" }, at);
    await say(source, "user.enabled", { externalId: "ann" }, at);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
    await say(source, "user.enabled", { externalId: "ann" }, new Date(at.getTime() + 1));
    await say(source, "user.disabled", { externalId: "ann" }, at);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("a denial is never too old for what SCIM said without a time", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.disabled", { externalId: "ann" }, ago(60 * 24));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
  });

  test("a change of a name is no word about access: a denial from before it still counts", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.updated", { externalId: "ann", displayName: "Ann" }, ago(1));
    await say(source, "user.disabled", { externalId: "ann" }, ago(2));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false, displayName: "Ann" });
  });

  test("a moment in 2099 is now: what comes after it is not old", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.enabled", { externalId: "ann" }, new Date("2099-01-01T00:00:00Z"));
    await say(source, "user.disabled", { externalId: "ann" }, new Date(Date.now() + minute));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
  });

  test("whoever does not say when lets nobody in", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.disabled", { externalId: "ann" }, undefined);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
    await say(source, "user.enabled", { externalId: "ann" }, undefined);
    await say(source, "user.created", { externalId: "bob", userName: "bob@example.test" }, undefined);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
    expect(await namesOf(tenant)).toEqual(["ann@example.test"]);
  });

  test("a deactivation by SCIM is not undone by what was so before it", async () => {
    const { tenant, source } = await scene();
    const id = await create(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await say(source, "user.enabled", { externalId: "ann" }, ago(1));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
  });

  test("whom SCIM has shut out only SCIM lets in, unless the admin gave the source the last word", async () => {
    const { tenant, source } = await scene();
    const id = await create(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await say(source, "user.enabled", { externalId: "ann", displayName: "Anna" }, new Date(Date.now() + minute));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false, displayName: "Anna" });
    expect(await outcomesOf(tenant)).toEqual([{ outcome: "withheld" }]);
    const trusted = await addSource(house, tenant, "webhook", { lifts: "all" });
    await say(trusted, "user.enabled", { externalId: "ann" }, new Date(Date.now() + minute));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("the dead stay dead but for a create that is later", async () => {
    const { tenant, source } = await scene();
    const id = await create(tenant);
    await say(source, "user.deleted", { externalId: "ann" }, ago(5));
    await say(source, "user.updated", { externalId: "ann", userName: "ann@example.test", active: true }, ago(2));
    await say(source, "user.created", { externalId: "ann", userName: "ann@example.test" }, ago(6));
    expect(await namesOf(tenant)).toEqual([]);
    await say(source, "user.created", { externalId: "ann", userName: "ann@example.test" }, ago(1));
    expect((await tenant.scim("GET", `/Users/${id}`)).status).toBe(200);
  });
});

describe("only whom it names", () => {
  test("is struck: a name that went to somebody else strikes nobody by its old owner's id", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.disabled", { externalId: "somebody-else", userName: "ann@example.test" }, ago(1));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("is struck: an e-mail address that two have names neither", async () => {
    const { tenant, source } = await scene();
    const emails = [{ value: "team@example.test" }];
    for (const name of ["ann", "bob"]) await tenant.scim("POST", "/Users", newUser(name, { emails }));
    await say(source, "user.disabled", { emails }, ago(1));
    expect(await namesOf(tenant)).toEqual(["ann@example.test", "bob@example.test"]);
    expect((await outcomesOf(tenant)).map(({ outcome }) => outcome)).toEqual(["unmatched"]);
  });

  test("is struck: another tenant's user of the same name is not", async () => {
    const { source } = await scene();
    const other = await createTenant(house);
    await create(other);
    await say(source, "user.deleted", { externalId: "ann" }, ago(1));
    expect(await namesOf(other)).toEqual(["ann@example.test"]);
  });

  test("is struck though nobody knows them yet: a token of before is dead", async () => {
    const { tenant, source } = await scene();
    await say(source, "user.disabled", { externalId: "stranger" }, ago(1));
    await untilQuiet(house, tenant.id);
    expect((await entryOf(tenant, "stranger"))?.op).toBe("nbf");
  });

  test("has their sessions ended, and may log in again", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await untilQuiet(house, tenant.id);
    await say(source, "user.sessions_ended", { externalId: "ann" }, ago(1));
    await untilQuiet(house, tenant.id);
    expect(await entryOf(tenant, "ann")).toMatchObject({ op: "nbf" });
  });
});

describe("what is not verified is not believed", () => {
  const told: Told = { type: "user.deleted", at: new Date(), data: { externalId: "ann" } };

  test("a wrong secret, no signature, another body, an old one and a future one: 401, and nothing happens", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    const statuses = [
      (await tell({ ...source, secret: "whsec_AAAA" }, told)).status,
      (await fetch(source.url, { method: "POST", body: JSON.stringify(told) })).status,
      (await tell(source, { ...told, signedAt: ago(6) })).status,
      (await tell(source, { ...told, signedAt: ago(-6) })).status,
      (await tell(source, { ...told, id: "a.b" })).status,
    ];
    expect(statuses).toEqual([401, 401, 401, 401, 401]);
    expect(await shownInDirectory(tenant)).toMatchObject({ active: true });
  });

  test("another source's signature is nobody's here", async () => {
    const { tenant, source } = await scene();
    const other = await addSource(house, tenant, "webhook");
    expect((await tell(other, told, source.url)).status).toBe(401);
  });

  test("an unknown address answers 404, and one that is no id too", async () => {
    const { source } = await scene();
    expect((await tell(source, told, `${house.url}/hooks/${randomUUID()}`)).status).toBe(404);
    expect((await tell(source, told, `${house.url}/hooks/%2e%2e`)).status).toBe(404);
  });

  test("a paused source turns its sender away, to come again", async () => {
    const { tenant, source } = await scene();
    await house.database.once(tenant.id, sql`UPDATE event_source SET status = 'paused' WHERE id = ${source.id}`);
    const answer = await tell(source, told);
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  });

  test("what is verified and cannot be read says what to mend", async () => {
    const { source } = await scene();
    const answer = await tell(source, { type: "user.created", at: new Date(), data: {} });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      code: "value_invalid",
      detail: expect.stringContaining("name the user") as string,
    });
  });

  test("attributes of a wrong type change nothing, and take nothing from a denial", async () => {
    const { tenant, source } = await scene();
    await create(tenant);
    await say(source, "user.updated", { externalId: "ann", displayName: 7 }, ago(2));
    await say(source, "user.updated", { externalId: "ann", displayName: 7, active: false }, ago(1));
    expect(await shownInDirectory(tenant)).toMatchObject({ active: false });
  });
});

async function scene(): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  return { tenant, source: await addSource(house, tenant, "webhook") };
}

async function create(tenant: TestTenant): Promise<string> {
  return (await tenant.scim("POST", "/Users", newUser("ann"))).body["id"] as string;
}

async function say(source: HookSource, type: string, data: Told["data"], at: Date | undefined): Promise<number> {
  return (await tell(source, { type, data, at })).status;
}

async function shownInDirectory(tenant: TestTenant): Promise<unknown> {
  return ((await tenant.scim("GET", "/Users")).body["Resources"] as readonly unknown[])[0];
}

async function namesOf(tenant: TestTenant): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", "/Users?sortBy=userName");
  return (body["Resources"] as readonly { readonly userName: string }[]).map(({ userName }) => userName);
}

async function shownOf(tenant: TestTenant, sub: string): Promise<unknown> {
  const users = [...(await readUserStore(house, tenant.id)).values()];
  return users.find(({ identities }) => identities.includes(sub));
}

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}

function outcomesOf(tenant: TestTenant): Promise<readonly { readonly outcome: string }[]> {
  return house.database.once(tenant.id, sql`SELECT outcome FROM source_event ORDER BY accepted_at`);
}
