import { suspendUser } from "@rollcall/core/store";
import fc from "fast-check";
import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createNeighbours, createUser, readRows, scimJson, wordsOf } from "../harness/neighbours.ts";
import { createTenant, deactivate, newGroup, newUser, patch, reactivate } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

/** What whoever has a token of one connection, or none, could try on what is not theirs. Each story is told of one threat. */
const house = await openHouse();

describe("T1: an id that a provider sends", () => {
  test("becomes nobody's id, and moves no row that is not its own", async () => {
    const { tenant, victims, thief } = await createNeighbours(house);
    const before = await readRows(house, tenant, thief.connectionId);
    const ids = [
      ...victims,
      ...victims.map((id) => id.toUpperCase()),
      "1",
      "0",
      "-1",
      "",
      null,
      "admin",
      "a".repeat(2000),
    ];
    for (const [index, id] of ids.entries()) {
      const answer = await thief.scim("POST", "/Users", { ...newUser(`thief${index}`), id, externalId: id });
      expect([id, answer.status]).toEqual([id, 201]);
      expect(victims).not.toContain(answer.body["id"]);
    }
    await untilQuiet(house, tenant.id);
    expect(await readRows(house, tenant, thief.connectionId)).toEqual(before);
  });

  test("nor does anything else in a body, whatever it is", async () => {
    const { tenant, victims, thief } = await createNeighbours(house);
    const before = await readRows(house, tenant, thief.connectionId);
    const foreign = fc.constantFrom(...victims, tenant.id, tenant.connectionId);
    const body = fc.dictionary(
      fc.constantFrom("id", "externalId", "meta", "groups", "roles", "emails", "tenantId", "connectionId", "sub"),
      fc.oneof(foreign, fc.jsonValue({ maxDepth: 2 }), fc.array(fc.record({ value: foreign }), { maxLength: 2 })),
    );
    let count = 0;
    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom("POST", "PUT"), async (fields, method) => {
        count += 1;
        const path = method === "POST" ? "/Users" : `/Users/${victims[0] ?? ""}`;
        const answer = await thief.scim(method, path, { ...fields, userName: `thief${count}@example.test` });
        // A name that leads to a prototype is refused before anybody is looked for.
        expect(method === "PUT" ? [400, 404] : [201, 400, 409]).toContain(answer.status);
        expect(victims).not.toContain(answer.body["id"]);
      }),
      { numRuns: 60 },
    );
    await untilQuiet(house, tenant.id);
    expect(await readRows(house, tenant, thief.connectionId)).toEqual(before);
  });
});

describe("T2: somebody of the same name, address or external id", () => {
  test("is somebody else, and what becomes of them becomes of nobody else", async () => {
    const { tenant, victims, thief } = await createNeighbours(house);
    const before = await readRows(house, tenant, thief.connectionId);
    const emails = [{ value: "ann@example.test", type: "work", primary: true }];
    const twin = await thief.scim("POST", "/Users", newUser("ann", { emails }));
    expect(twin.status).toBe(201);
    expect(victims).not.toContain(twin.body["id"]);
    const path = `/Users/${twin.body["id"] as string}`;
    for (const change of [
      { op: "replace", path: "userName", value: "root@example.test" },
      { op: "replace", path: 'emails[type eq "work"].value', value: "root@example.test" },
      { op: "replace", path: "active", value: false },
    ])
      expect((await thief.scim("PATCH", path, patch(change))).status).toBe(200);
    expect((await thief.scim("DELETE", path)).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect(await readRows(house, tenant, thief.connectionId)).toEqual(before);
  });
});

describe("T3: what a connection did not provision", () => {
  test("answers it as if it did not exist, by every method, list, filter and reference", async () => {
    const { tenant, victims, groupId, thief } = await createNeighbours(house);
    const before = await readRows(house, tenant, thief.connectionId);
    const [victim = ""] = victims;
    const rename = patch({ op: "replace", path: "displayName", value: "mine" });
    for (const [path, body] of [
      [`/Users/${victim}`, newUser("mine")],
      [`/Groups/${groupId}`, newGroup("Mine", [])],
    ] as const) {
      const nobody = path.replace(/[^/]+$/, "0198a000-0000-7000-8000-00000000dead");
      for (const [method, sent] of [["GET"], ["PUT", body], ["PATCH", rename], ["DELETE"]] as const)
        expect(wordsOf(await thief.scim(method, path, sent))).toEqual(wordsOf(await thief.scim(method, nobody, sent)));
    }
    for (const filter of ['userName sw "a"', `id eq "${victim}"`, 'externalId eq "ann"', "active eq true", "id pr"]) {
      const list = await thief.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      expect([filter, list.body["totalResults"]]).toEqual([filter, 0]);
    }
    const own = await thief.scim("POST", "/Groups", newGroup("Thieves", [victim, groupId, "ann"]));
    expect(own.status).toBe(201);
    expect(own.body["members"]).toEqual(expect.arrayContaining([{ value: victim }]));
    await untilQuiet(house, tenant.id);
    expect(await readRows(house, tenant, thief.connectionId)).toEqual(before);
  });

  test("an admin's suspension is not lifted by the connection that did, by any spelling of active", async () => {
    const tenant = await createTenant(house);
    const id = await createUser(house, tenant, "ann");
    await suspendUser(house.database, tenant.id, id, { actor: "test", at: new Date() });
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await tenant.scim("PUT", `/Users/${id}`, newUser("ann", { active: "TRUE" }));
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["admin_suspended"]);
  });
});

describe("T4: who has no token", () => {
  const paths = [
    "/Users",
    "/%55sers",
    "/%2FUsers",
    "//Users",
    "/Users;x=1",
    "/USERS",
    "/Users/",
    "/Users/./",
    "/Users%00",
    "/Nothing",
  ];
  const methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
  const tunnels = ["x-http-method-override", "x-http-method", "x-method-override"];

  test("is told so on every path and by every method, and hears nothing else", async () => {
    const tenant = await createTenant(house, { kind: "ping" });
    const id = await createUser(house, tenant, "ann");
    const before = await readRows(house, tenant);
    for (const path of [...paths, `/Users/${id}`, `/users/${id}`, `/Users/${id}/`, `/%55sers/${id}`]) {
      for (const method of methods) {
        for (const headers of [
          {},
          { authorization: "Bearer rc_scim_0000000000000000_" },
          { authorization: tenant.scimToken },
        ]) {
          const body = method === "POST" || method === "PUT" || method === "PATCH" ? "{" : undefined;
          const answer = await fetch(`${house.url}/scim/v2${path}`, {
            method,
            headers: { ...scimJson, ...headers },
            body: body ?? null,
          });
          const text = await answer.text();
          expect([method, path, answer.status]).toEqual([method, path, 401]);
          expect(text).not.toMatch(/ann|example\.test/);
        }
      }
      for (const tunnel of tunnels) {
        const answer = await fetch(`${house.url}/scim/v2${path}`, {
          method: "POST",
          headers: { ...scimJson, [tunnel]: "DELETE" },
          body: "{}",
        });
        expect([tunnel, path, answer.status]).toEqual([tunnel, path, 401]);
      }
    }
    expect(await readRows(house, tenant)).toEqual(before);
  });

  test("a header that names a method does nothing but to one resource, and only where the profile permits it", async () => {
    for (const [kind, status] of [
      ["ping", 204],
      ["okta", 405],
      ["entra", 405],
      ["scim", 405],
    ] as const) {
      const tenant = await createTenant(house, { kind });
      const id = await createUser(house, tenant, "ann");
      for (const tunnel of ["x-http-method", "x-method-override"])
        expect((await tenant.scim("POST", `/Users/${id}`, {}, { [tunnel]: "DELETE" })).status).toBe(405);
      expect((await tenant.scim("GET", `/Users/${id}`, undefined, { "x-http-method-override": "DELETE" })).status).toBe(
        200,
      );
      const deleted = await tenant.scim("POST", `/Users/${id}`, {}, { "x-http-method-override": "DELETE" });
      expect([kind, deleted.status]).toEqual([kind, status]);
    }
  });
});

describe("T5: a reference to another tenant's", () => {
  test("names nobody, in a path, a member, a manager or a filter", async () => {
    const theirs = await createTenant(house);
    const victim = await createUser(house, theirs, "ann");
    const mine = await createTenant(house);
    const ann = await createUser(house, mine, "ann");
    const before = await readRows(house, theirs);
    expect((await mine.scim("GET", `/Users/${victim}`)).status).toBe(404);
    const group = await mine.scim("POST", "/Groups", newGroup("Sales", [victim]));
    // A member that nobody knows waits under the very words it was named by, and shows nothing of anybody.
    expect(group.body["members"]).toEqual([{ value: victim }]);
    const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const managed = await mine.scim(
      "PATCH",
      `/Users/${ann}`,
      patch({ op: "add", path: `${enterprise}:manager`, value: victim }),
    );
    expect(managed.body[enterprise]).toEqual({ manager: { value: victim } });
    const found = await mine.scim("GET", `/Users?filter=${encodeURIComponent(`id eq "${victim}"`)}`);
    expect(found.body["totalResults"]).toBe(0);
    await untilQuiet(house, mine.id);
    await untilQuiet(house, theirs.id);
    expect(await readRows(house, theirs)).toEqual(before);
  });
});

describe("T6: one person created by many requests at once", async () => {
  const alone = await openHouse({ without: ["worker", "publisher"] });
  const create = async (): Promise<readonly number[]> => {
    const tenant = await createTenant(alone);
    const answers = await Promise.all(Array.from({ length: 64 }, () => tenant.scim("POST", "/Users", newUser("ann"))));
    return answers.map(({ status }) => status).toSorted((one, other) => one - other);
  };

  test("is one user, time and again", async () => {
    for (let round = 0; round < 5; round += 1)
      expect(await create()).toEqual([201, ...Array.from({ length: 63 }, () => 409)]);
  });

  test("and is several where the database is not asked to decide: it and nothing else keeps them one", async () => {
    await withoutUniqueNames(alone.databaseUrl);
    const statuses = await create();
    expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(1);
  });
});

async function withoutUniqueNames(databaseUrl: string): Promise<void> {
  const owner = new Client({ connectionString: databaseUrl });
  await owner.connect();
  await owner.query("DROP INDEX directory_user_name_living, directory_user_external_living");
  await owner.end();
}
