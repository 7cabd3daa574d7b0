import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { addGraph } from "../harness/graph-scene.ts";
import type { GraphTenant } from "../harness/providers/graph-notifier.ts";
import { ann, createAnn, eager, notify, rowOf, untilAsked } from "../harness/read-back-scene.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse({ readBacks: { pace: { ...eager.pace, changesEveryMs: 100 } } });

describe("a subscription", () => {
  test("is made with a handshake that answers the token and nothing else, and lives no longer than Graph allows", async () => {
    const { graph, source } = await scene();
    const [made] = [...graph.subscriptions.values()];
    expect(made).toMatchObject({
      changeType: "updated,deleted",
      resource: "users",
      clientState: source.secret,
      notificationUrl: `https://rollcall.test/hooks/${source.id}`,
      lifecycleNotificationUrl: `https://rollcall.test/hooks/${source.id}`,
    });
    expect(graph.handshakes).toEqual([
      {
        status: 200,
        type: "text/plain; charset=utf-8",
        text: "Validation: Testing client application reachability & <b>more</b>+?",
      },
    ]);
    expect(Date.parse(made?.expirationDateTime ?? "") - Date.now()).toBeLessThanOrEqual(41_760 * 60_000);
  });

  test("is renewed, and again when Graph asks for it", async () => {
    const { graph, source, tenant } = await scene();
    const [made] = [...graph.subscriptions.values()];
    if (made === undefined) throw new Error("no subscription");
    made.expirationDateTime = "2026-01-01T00:00:00Z";
    const answer = await notify(source, [{ lifecycleEvent: "reauthorizationRequired", subscriptionId: made.id }]);
    expect(answer.status).toBe(202);
    await until("it is renewed", () => made.expirationDateTime !== "2026-01-01T00:00:00Z");
    expect(graph.subscriptions.size).toBe(1);
    await until("it is looked after much later", async () => !(await upkeepOf(tenant, source)).due);
    expect(await upkeepOf(tenant, source)).toMatchObject({ error: null });
  });

  test("that is gone is made anew, and what happened meanwhile is asked for", async () => {
    const { graph, source, tenant } = await scene();
    await createAnn(house, tenant);
    graph.subscriptions.clear();
    graph.users = [{ ...ann, active: false }];
    graph.changes = [{ id: "ann" }];
    await notify(source, [{ lifecycleEvent: "reauthorizationRequired" }]);
    await until("there is one again", () => graph.subscriptions.size === 1);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(graph.handshakes).toHaveLength(2);
  });

  test("of a secret that was rotated is replaced, and what it still sends is heard meanwhile", async () => {
    const { graph, source, tenant } = await scene();
    const [old] = [...graph.subscriptions.keys()];
    const admin = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
    const rotated = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/sources/${source.id}/rotate`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin.token}`, "content-type": "application/json" },
      body: "{}",
    });
    const { secret } = (await rotated.json()) as { readonly secret: string };
    await until("there is another alone", () => graph.subscriptions.size === 1 && !graph.subscriptions.has(old ?? ""));
    expect([...graph.subscriptions.values()].map(({ clientState }) => clientState)).toEqual([secret]);
    expect((await notify(source, [{ id: "ann" }])).status).toBe(202);
    expect((await notify({ ...source, secret }, [{ id: "ann" }])).status).toBe(202);
  });

  test("that cannot be made says why, and is made when it can", async () => {
    const tenant = await createTenant(house);
    const source = await addSource(house, tenant, "graph");
    await until("the reason is noted", async () =>
      (await upkeepOf(tenant, source)).error?.includes("rollcall provider set"),
    );
    const graph = await addGraph(house, tenant);
    await until("there is one", () => graph.subscriptions.size === 1);
    await until("nothing is wrong", async () => (await upkeepOf(tenant, source)).error === null);
    expect(await openAlerts(tenant)).toEqual([]);
  });
});

describe("a notification", () => {
  test("that somebody has changed is what Graph says of them when it is asked", async () => {
    const { graph, source, tenant } = await scene();
    await createAnn(house, tenant);
    graph.users = [{ ...ann, active: false }];
    expect((await notify(source, [{ id: "ann" }])).status).toBe(202);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
  });

  test("that somebody is gone for good shuts them out before Graph is asked", async () => {
    const { graph, source, tenant } = await scene();
    await createAnn(house, tenant);
    graph.server.meddle((reply) => ({ ...reply, status: 503, body: "" }));
    expect((await notify(source, [{ id: "ann", changeType: "deleted" }])).status).toBe(202);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
    graph.server.meddle(undefined);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
  });

  test("of several users is taken in item by item, and of one user once", async () => {
    const { source, tenant } = await scene();
    await notify(source, [{ id: "ann" }, { id: "bob" }, { id: "ann" }, { id: "ann", changeType: "deleted" }]);
    expect(await eventsOf(tenant, source)).toEqual([
      { kind: "changed", count: 2 },
      { kind: "deleted", count: 1 },
    ]);
  });

  test("with another secret is refused, and what is beside it is kept", async () => {
    const { graph, source, tenant } = await scene();
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    graph.users = [ann, { ...ann, id: "bob", email: "bob@example.test" }];
    const forged = { id: "bob", changeType: "deleted", clientState: "guessed" };
    expect((await notify(source, [forged, { id: "ann", changeType: "deleted" }])).status).toBe(202);
    expect([await rowOf(house, tenant), await rowOf(house, tenant, "bob")]).toMatchObject([
      { deleted: true },
      { deleted: false },
    ]);
  });

  test("of which nothing is verified is refused, whatever it is", async () => {
    const { source, tenant } = await scene();
    await createAnn(house, tenant);
    const forged = await Promise.all([
      notify(source, [{ id: "ann", changeType: "deleted", clientState: "guessed" }]),
      notify({ ...source, secret: "" }, [{ id: "ann", changeType: "deleted" }]),
      notify(source, [{ id: "ann", changeType: "deleted", clientState: undefined }]),
      notify(source, [{ lifecycleEvent: "reauthorizationRequired", clientState: "guessed" }]),
      fetch(source.url, { method: "POST", body: "no JSON" }),
      fetch(source.url, { method: "POST", body: "[]" }),
    ]);
    expect(forged.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401]);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
  });

  test("is not the handshake: a token of many thousand characters is not answered", async () => {
    const { source } = await scene();
    const answer = await fetch(`${source.url}?validationToken=${"x".repeat(5_000)}`, { method: "POST" });
    expect([answer.status, (await answer.text()).includes("xxx")]).toEqual([400, false]);
  });
});

describe("what no notification told", () => {
  test("is found by asking what has changed: a leaver, and one who was deleted", async () => {
    const { graph, tenant } = await scene();
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    graph.users = [{ ...ann, active: false }];
    graph.changes = [{ id: "ann" }, { id: "bob", removed: "changed" }];
    await until("bob is dead", async () => (await rowOf(house, tenant, "bob"))?.deleted === true);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: false });
  });

  test("is asked for at once when Graph says that something was missed", async () => {
    const { graph, source, tenant } = await scene();
    await createAnn(house, tenant);
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    await house.database.once(tenant.id, sql`UPDATE provider SET changes_at = now() + interval '1 hour'`);
    graph.users = [{ ...ann, active: false }];
    graph.changes = [{ id: "ann" }];
    expect((await notify(source, [{ lifecycleEvent: "missed" }])).status).toBe(202);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
  });

  test("is found by reading everybody where Graph no longer knows the mark", async () => {
    const { graph, tenant } = await scene();
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    await tenant.scim("POST", "/Users", newUser("eve"));
    graph.users = [
      { ...ann, active: false },
      { ...ann, id: "eve", email: "eve@example.test" },
    ];
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    const forgotten = `${graph.server.origin}/v1.0/users/delta?$deltatoken=forgotten`;
    // A question that is under way just now would put its own mark in the place of this one.
    await until("ann is shut out", async () => {
      await house.database.once(tenant.id, sql`UPDATE provider SET mark = ${forgotten}`);
      return (await rowOf(house, tenant))?.active === false;
    });
    await until(
      "bob, whom the list leaves out, is asked about and dead",
      async () => (await rowOf(house, tenant, "bob"))?.deleted === true,
    );
    expect(await rowOf(house, tenant, "eve")).toMatchObject({ active: true, deleted: false });
    await until("there is a mark that is known", async () => (await markOf(tenant)) !== forgotten);
  });

  test("is found by name where the directory knows no ids, of whoever is not in that list", async () => {
    const { graph, tenant } = await scene({ idAttribute: "none" });
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    graph.users = [{ ...ann, id: "oid-1" }];
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    const forgotten = `${graph.server.origin}/v1.0/users/delta?$deltatoken=forgotten`;
    await until("bob is asked about and shut out", async () => {
      await house.database.once(tenant.id, sql`UPDATE provider SET mark = ${forgotten}`);
      return (await rowOf(house, tenant, "bob"))?.active === false;
    });
    // A name may have been taken from him: nobody is dead who is told by it.
    expect(await rowOf(house, tenant, "bob")).toMatchObject({ deleted: false });
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });

  test("and cannot be taken in as it is told is asked for again: a name that changes hands, the new owner told first", async () => {
    const { graph, tenant } = await scene();
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    graph.users = [
      { ...ann, id: "bob", name: "Ann the second", email: "ann@example.test" },
      { ...ann, email: "ann.old@example.test" },
    ];
    graph.changes = [{ id: "bob" }, { id: "ann" }];
    await until("ann has another name", async () => (await nameOf(tenant, "ann")) === "ann.old@example.test");
    await until("bob has hers", async () => (await nameOf(tenant, "bob")) === "ann@example.test");
    await untilAsked(house, tenant);
    expect(await openAlerts(tenant)).toEqual([]);
  });

  test("keeps nobody else waiting where what is said of one of them cannot be read: that one is asked about", async () => {
    const { graph, tenant } = await scene();
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    await tenant.scim("POST", "/Users", newUser("eve"));
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    graph.server.meddle((reply, { url }) =>
      url.pathname.endsWith("/users/eve")
        ? { ...reply, body: { ...(reply.body as object), accountEnabled: null } }
        : reply,
    );
    graph.users = [
      { ...ann, active: false },
      { ...ann, id: "eve", email: "eve@example.test", active: false },
    ];
    graph.changes = [{ id: "eve" }, { id: "ann" }, { id: "bob", removed: "deleted" }];
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    await until("bob is dead", async () => (await rowOf(house, tenant, "bob"))?.deleted === true);
    expect(await rowOf(house, tenant, "eve")).toMatchObject({ active: true });
    graph.server.meddle(undefined);
    await until("eve is shut out", async () => (await rowOf(house, tenant, "eve"))?.active === false);
  });

  test("is taken in before the mark moves on", async () => {
    const { graph, tenant } = await scene();
    await createAnn(house, tenant);
    await until("it was asked", async () => (await markOf(tenant)) !== null);
    const before = await markOf(tenant);
    graph.server.meddle((reply, { url }) =>
      url.pathname.endsWith("/users/ann") ? { ...reply, status: 503, body: "" } : reply,
    );
    graph.users = [{ ...ann, active: false }];
    graph.changes = [{ id: "ann" }];
    await until("it failed", async () => (await lastErrorOf(tenant)) !== null);
    expect([await markOf(tenant), await rowOf(house, tenant)]).toMatchObject([before, { active: true }]);
    graph.server.meddle(undefined);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
  });
});

async function scene(settings: Readonly<Record<string, string>> = {}): Promise<{
  readonly tenant: TestTenant;
  readonly source: HookSource;
  readonly graph: GraphTenant;
}> {
  const tenant = await createTenant(house);
  const graph = await addGraph(house, tenant, settings);
  const source = await addSource(house, tenant, "graph");
  await until(
    "there is a subscription",
    async () => graph.subscriptions.size === 1 && (await upkeepOf(tenant, source)).kept,
  );
  return { tenant, source, graph };
}

type Upkeep = { readonly error: string | null; readonly due: boolean; readonly kept: boolean };

async function upkeepOf({ id }: TestTenant, source: Pick<HookSource, "id">): Promise<Upkeep> {
  const [row] = await house.database.once<Upkeep>(
    id,
    sql`SELECT last_error AS error, upkeep_at < now() + interval '1 hour' AS due, state->'subscription' IS NOT NULL AS kept FROM event_source WHERE id = ${source.id}`,
  );
  if (row === undefined) throw new Error("there is no source");
  return row;
}

function eventsOf({ id }: TestTenant, source: Pick<HookSource, "id">): Promise<readonly unknown[]> {
  return house.database.once(
    id,
    sql`SELECT kind, count(*) AS count FROM source_event WHERE source_id = ${source.id} GROUP BY kind ORDER BY kind`,
  );
}

async function markOf({ id }: TestTenant): Promise<string | null | undefined> {
  return (await house.database.once<{ mark: string | null }>(id, sql`SELECT mark FROM provider`))[0]?.mark;
}

async function lastErrorOf({ id }: TestTenant): Promise<string | null | undefined> {
  return (await house.database.once<{ error: string | null }>(id, sql`SELECT last_error AS error FROM provider`))[0]
    ?.error;
}

async function nameOf({ id }: TestTenant, externalId: string): Promise<string | undefined> {
  const rows = await house.database.once<{ name: string }>(
    id,
    sql`SELECT user_name AS name FROM directory_user WHERE external_id = ${externalId}`,
  );
  return rows[0]?.name;
}

function openAlerts({ id }: TestTenant): Promise<readonly unknown[]> {
  return house.database.once(id, sql`SELECT kind FROM alert WHERE resolved_at IS NULL`);
}
