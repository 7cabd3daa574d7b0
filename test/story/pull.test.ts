import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { sql, startPull } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import type { Person } from "../harness/providers/provider-server.ts";
import { admitted, createPeople, crowd, pageWithout, pullScene } from "../harness/pull-scene.ts";
import { eager, rowOf } from "../harness/read-back-scene.ts";
import { newGroup, newUser, patch } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ readBacks: eager });
// A second reconciler: whoever lists, each listing is in one hand.
await openHouse({ databaseUrl: house.databaseUrl, without: ["worker", "publisher"], readBacks: eager });
const people = crowd(12);
const [first = people[0] as Person] = people;

describe("a listing is brought into the directory as answers about everybody", () => {
  test("who changed is changed, who may not enter any more is shut out, and nobody else is touched", async () => {
    const { tenant, become, pull, differences } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    become(
      people.map((one, at) => (at === 0 ? { ...one, active: false } : at === 1 ? { ...one, name: "Renamed" } : one)),
    );
    const settled = await pull();
    expect(settled).toMatchObject({ state: "finished", complete: true, listed: 12, brake: null });
    expect(await rowOf(house, tenant, first.id)).toMatchObject({ active: false, deleted: false });
    expect(await rowOf(house, tenant, "p0001")).toMatchObject({ displayName: "Renamed", active: true });
    expect((await admitted(house, tenant)).size).toBe(11);
    expect((await differences(settled.id)).find(({ kind }) => kind === "shut_out")).toMatchObject({
      name: first.email,
      outcome: "written",
    });
    await untilQuiet(house, tenant.id);
    const stored = [...(await readUserStore(house, tenant.id)).values()];
    expect(stored.filter(({ denials }) => denials.length > 0).map(({ userName }) => userName)).toEqual([first.email]);
  });

  test("the same listing again changes nothing", async () => {
    const { tenant, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    await pull();
    const versions = sql`SELECT id, version FROM directory_user ORDER BY id`;
    const before = await house.database.once(tenant.id, versions);
    expect(await pull()).toMatchObject({ state: "finished", found: {} });
    expect(await house.database.once(tenant.id, versions)).toEqual(before);
  });

  test("strangers are created only where the provider may create", async () => {
    const strict = await pullScene(house, people);
    await createPeople(house, strict.tenant, people.slice(0, 6));
    expect((await strict.pull()).found["new"]).toBeUndefined();
    expect((await admitted(house, strict.tenant)).size).toBe(6);
    const open = await pullScene(house, people, { settings: { creates: "yes" } });
    expect(await open.pull()).toMatchObject({ state: "finished", found: { new: 12 } });
    expect((await admitted(house, open.tenant)).size).toBe(12);
  });

  test("groups and who is in them are taken over, and a dry run writes nothing", async () => {
    const { tenant, become, pull } = await pullScene(house, people, { settings: { creates: "yes" } });
    await createPeople(house, tenant, people);
    const sales = { id: "g1", name: "Sales", members: people.slice(0, 5).map(({ id }) => id) };
    become(people, [sales]);
    expect(await pull({ dryRun: true })).toMatchObject({ state: "finished", dryRun: true, found: { new_group: 1 } });
    expect(await membersOf(tenant.id)).toEqual([]);
    expect(await pull()).toMatchObject({ state: "finished", found: { new_group: 1 }, listedGroups: 1 });
    expect(await membersOf(tenant.id)).toEqual(["p0000", "p0001", "p0002", "p0003", "p0004"]);
    become(people, [{ ...sales, name: "Selling", members: ["p0000", "p0007"] }]);
    expect(await pull()).toMatchObject({ state: "finished", found: { membership: 1 } });
    expect(await membersOf(tenant.id)).toEqual(["p0000", "p0007"]);
    await untilQuiet(house, tenant.id);
    const inGroup = [...(await readUserStore(house, tenant.id)).values()].filter(({ groups }) => groups.length > 0);
    expect(new Map(inGroup.map(({ userName, groups }) => [userName, groups]))).toEqual(
      new Map([
        ["p0000@example.test", ["Selling"]],
        ["p0007@example.test", ["Selling"]],
      ]),
    );
  });

  test("a group that it told of is removed when two listings are without it, and one of SCIM's own never", async () => {
    const { tenant, become, pull } = await pullScene(house, people, { settings: { creates: "yes" } });
    await createPeople(house, tenant, people);
    await tenant.scim("POST", "/Groups", newGroup("Pushed"));
    const [one, other] = ["g1", "g2"].map((id) => ({ id, name: `Group ${id}`, members: ["p0000"] }));
    if (one === undefined || other === undefined) throw new Error("there are two");
    become(people, [one, other]);
    await pull();
    expect(await groupsOf(tenant.id)).toEqual(["Group g1", "Group g2", "Pushed"]);
    become(people, [one]);
    expect(await pull()).toMatchObject({ found: { group_missing: 1 } });
    expect(await groupsOf(tenant.id)).toEqual(["Group g1", "Group g2", "Pushed"]);
    expect(await pull()).toMatchObject({ state: "finished", found: { group_gone: 1 } });
    expect(await groupsOf(tenant.id)).toEqual(["Group g1", "Pushed"]);
    // Of no group at all it is not believed: that is what whoever may not see them is shown.
    become(people, []);
    await pull();
    await pull();
    expect(await groupsOf(tenant.id)).toEqual(["Group g1", "Pushed"]);
  });

  test("what a push says after the listing began is not undone by it", async () => {
    const { tenant, server, pull, ended } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    const held = Promise.withResolvers<void>();
    server.meddle((reply, asked) =>
      asked.url.pathname === "/scim/v2/Users" && asked.url.searchParams.get("startIndex") !== "1"
        ? { ...reply, hold: (letGo) => void held.promise.then(letGo) }
        : reply,
    );
    const pulling = pull();
    await until("the second page is asked for", () =>
      server.asked.some(({ url }) => url.pathname === "/scim/v2/Users" && url.searchParams.get("startIndex") !== "1"),
    );
    const [row] = await house.database.once<{ id: string }>(
      tenant.id,
      sql`SELECT id FROM directory_user WHERE external_id = 'p0000'`,
    );
    await tenant.scim("PATCH", `/Users/${row?.id}`, patch({ op: "replace", path: "displayName", value: "Pushed" }));
    held.resolve();
    await ended((await pulling).id);
    expect(await rowOf(house, tenant, "p0000")).toMatchObject({ displayName: "Pushed" });
  });
});

describe("absence", () => {
  test("shuts nobody out the first time, and is the end the second time", async () => {
    const { tenant, become, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    become(people.slice(1));
    expect(await pull()).toMatchObject({ state: "finished", complete: true, found: { missing: 1 } });
    expect(await rowOf(house, tenant, first.id)).toMatchObject({ active: true, deleted: false });
    expect(await pull()).toMatchObject({ state: "finished", found: { gone: 1 } });
    expect(await rowOf(house, tenant, first.id)).toMatchObject({ deleted: true });
    await untilQuiet(house, tenant.id);
    expect((await admitted(house, tenant)).size).toBe(11);
  });

  test("is forgotten where somebody is listed in between", async () => {
    const { tenant, become, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    for (const listed of [people.slice(1), people, people.slice(1)]) {
      become(listed);
      expect((await pull()).found["gone"]).toBeUndefined();
    }
    expect(await rowOf(house, tenant, first.id)).toMatchObject({ active: true, deleted: false });
  });

  test("is no end of somebody whom the provider finds when it is asked about them", async () => {
    const { tenant, server, pull, differences } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    server.meddle((reply, { url }) =>
      url.pathname === "/scim/v2/Users" ? pageWithout(people, first.id, reply, url) : reply,
    );
    expect(await pull()).toMatchObject({ complete: true, found: { missing: 1 } });
    const second = await pull();
    expect(second).toMatchObject({ state: "finished", found: { gone: 1 } });
    expect(await differences(second.id)).toMatchObject([
      { kind: "gone", outcome: "contradicted: written", healedAt: null },
    ]);
    expect(await rowOf(house, tenant, first.id)).toMatchObject({ active: true, deleted: false });
  });

  test("is not of somebody who came after the listing began", async () => {
    const { tenant, server, pull, ended } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    await pull();
    for (let round = 0; round < 2; round += 1) {
      const held = Promise.withResolvers<void>();
      server.meddle((reply) => ({ ...reply, hold: (letGo) => void held.promise.then(letGo) }));
      const asked = server.asked.length;
      const pulling = pull();
      await until("it is asked", () => server.asked.length > asked);
      await tenant.scim("POST", "/Users", newUser(`late${round}`));
      held.resolve();
      server.meddle(undefined);
      const { found } = await ended((await pulling).id);
      expect(found["gone"]).toBeUndefined();
    }
    expect(await rowOf(house, tenant, "late1")).toMatchObject({ active: true, deleted: false });
  });
});

describe("a listing that is not whole changes nothing and says why", () => {
  test.each([
    ["a page fails", () => ({ status: 500, body: {} }), /incomplete: a page of the listing did not come/],
    ["its total changes", (body: Body) => ({ status: 200, body: { ...body, totalResults: 10 } }), /its total changed/],
    ["a page comes twice", (_: Body, before: Body) => ({ status: 200, body: before }), /its order changed/],
    ["a page is empty", (body: Body) => ({ status: 200, body: { ...body, Resources: [] } }), /its order changed|empty/],
    ["a page is no JSON", () => ({ status: 200, body: "<p>Back soon</p>" }), /malformed: it answered what is not JSON/],
    ["a page says nothing of users", ({ Resources: _, ...body }: Body) => ({ status: 200, body }), /its order changed/],
    [
      "a page is of something else",
      (body: Body) => ({ status: 200, body: { ...body, schemas: [] } }),
      /malformed: it answered a list with what is no ListResponse/,
    ],
    [
      "somebody on a page has no id",
      (body: Body) => ({ status: 200, body: { ...body, Resources: lastWithoutId(body) } }),
      /malformed: id is not a text/,
    ],
  ] as const)("%s", async (_name, lie, reason) => {
    const { tenant, server, become, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    // Whoever has left is told of with the others, or not at all.
    become(people.slice(1).map((one, at) => ({ ...one, name: "Another", active: at > 0 })));
    let before: Body | undefined;
    server.meddle((reply, { url }) => {
      if (url.pathname !== "/scim/v2/Users") return reply;
      const body = reply.body as Body;
      const told = before === undefined ? reply : { ...reply, ...lie(body, before) };
      before ??= body;
      return told;
    });
    const run = await pull();
    expect(run).toMatchObject({ state: "failed", complete: false, found: {} });
    expect(run.reason).toMatch(reason);
    expect(await rowOf(house, tenant, "p0001")).toMatchObject({ displayName: "Person 1" });
    expect((await admitted(house, tenant)).size).toBe(12);
    expect(await providerError(tenant.id)).toMatch(reason);
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()].flatMap(({ denials }) => denials)).toEqual([]);
  });

  test("it lists nobody where there was somebody before", async () => {
    const { tenant, become, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    become([]);
    for (let round = 0; round < 3; round += 1)
      expect(await pull()).toMatchObject({
        state: "failed",
        complete: false,
        reason: expect.stringMatching(/listed nobody/) as string,
      });
    expect((await admitted(house, tenant)).size).toBe(12);
  });

  test("it lists others, as under wrong settings", async () => {
    const { tenant, become, pull } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    // What the directory keeps as ids is nobody's at the provider, as where idAttribute names another attribute.
    become(people.map((one) => ({ ...one, id: `other-${one.id}`, active: false })));
    for (let round = 0; round < 2; round += 1)
      expect(await pull()).toMatchObject({
        state: "failed",
        complete: false,
        found: {},
        reason: expect.stringMatching(
          /none of the 12 users here .*: see the provider's settings, idAttribute/,
        ) as string,
      });
    expect((await admitted(house, tenant)).size).toBe(12);
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()].flatMap(({ denials }) => denials)).toEqual([]);
  });
});

describe("a schedule", () => {
  test("begins a listing when it is due, and no other while one is under way", async () => {
    const { tenant, become } = await pullScene(house, people);
    await createPeople(house, tenant, people);
    become([{ ...first, active: false }, ...people.slice(1)]);
    await house.database.once(
      tenant.id,
      sql`UPDATE connection SET pull = '{"everySec":3600,"brakeShare":0.05,"brakeCount":20}'`,
    );
    await until("p0000 is shut out", async () => (await rowOf(house, tenant, first.id))?.active === false);
    const rows = await house.database.once(tenant.id, sql`SELECT id FROM pull_run`);
    expect(rows).toHaveLength(1);
  });
});

describe("a listing that was broken off", () => {
  test("goes on from its last page, and asks for none of them again", async () => {
    const { tenant, server, ended } = await pullScene(house, people, { paging: "cursor" });
    await createPeople(house, tenant, people);
    let pages = 0;
    server.meddle((reply, { url }) => {
      if (url.pathname !== "/scim/v2/Users") return reply;
      pages += 1;
      return pages === 2 ? { status: 429, headers: { "retry-after": "1" }, body: {} } : reply;
    });
    const { id } = await startPull(house.database, tenant.id, tenant.connectionId, {
      id: newId(),
      dryRun: false,
      actor: "test",
    });
    expect(await ended(id)).toMatchObject({ state: "finished", complete: true, listed: 12 });
    const asked = server.asked
      .filter(({ url }) => url.pathname === "/scim/v2/Users")
      .map(({ url }) => url.searchParams.get("cursor"));
    expect(asked.filter((cursor) => cursor === "")).toHaveLength(1);
    expect(asked).toHaveLength(4);
  });
});

type Body = Readonly<Record<string, unknown>>;

/** The last, for with the first a page says that it follows the one before. */
function lastWithoutId({ Resources }: Body): readonly unknown[] {
  const resources = Resources as readonly Body[];
  return resources.map(({ id, ...rest }, at) => (at === resources.length - 1 ? rest : { id, ...rest }));
}

/** What an admin is told of how the provider was asked last. */
async function providerError(id: string): Promise<string | null> {
  const [row] = await house.database.once<{ error: string | null }>(id, sql`SELECT last_error AS error FROM provider`);
  return row?.error ?? null;
}

async function groupsOf(tenantId: string): Promise<readonly string[]> {
  const rows = await house.database.once<{ name: string }>(
    tenantId,
    sql`SELECT display_name AS name FROM directory_group WHERE deleted_at IS NULL ORDER BY display_name`,
  );
  return rows.map(({ name }) => name);
}

async function membersOf(tenantId: string): Promise<readonly string[]> {
  const rows = await house.database.once<{ external_id: string }>(
    tenantId,
    sql`SELECT external_id FROM directory_member JOIN directory_user AS usr ON usr.id = member_id ORDER BY external_id`,
  );
  return rows.map((row) => row.external_id);
}
