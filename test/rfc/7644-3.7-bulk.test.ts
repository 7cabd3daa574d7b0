import { describe, expect, test } from "vitest";
import { countRows, create, createUsers, idIn, membersOf, sendBulk } from "../harness/bulk.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newGroup, newUser, patch } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const base = "https://rollcall.test/scim/v2";
const rename = patch({ op: "replace", path: "displayName", value: "Renamed" });

describe("§3.7: each operation is the request that it would be alone", () => {
  test("creations, changes and removals in one request, each with its location, version and status", async () => {
    const tenant = await createTenant(house);
    const [ann, bob] = await createUsers(tenant, "ann", "bob");
    const answer = await sendBulk(tenant, [
      create("/Users", "cid", newUser("cid")),
      { method: "PUT", path: `/Users/${ann}`, data: newUser("ann", { displayName: "Ann" }) },
      { method: "PATCH", path: `/Users/${ann}`, data: rename },
      { method: "DELETE", path: `/Users/${bob}` },
      create("/Groups", "sales", newGroup("Sales", [ann])),
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^application\/scim\+json/);
    expect(answer.body["schemas"]).toEqual(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]);
    const [cid, , , , sales] = answer.outcomes;
    expect(answer.outcomes).toEqual([
      { method: "POST", bulkId: "cid", status: "201", location: `${base}/Users/${idIn(cid)}`, version: 'W/"1"' },
      { method: "PUT", status: "200", location: `${base}/Users/${ann}`, version: 'W/"2"' },
      { method: "PATCH", status: "200", location: `${base}/Users/${ann}`, version: 'W/"3"' },
      { method: "DELETE", status: "204", location: `${base}/Users/${bob}` },
      {
        method: "POST",
        bulkId: "sales",
        status: "201",
        location: `${base}/Groups/${idIn(sales)}`,
        version: expect.stringMatching(/^W\/"1/),
      },
    ]);
    expect((await tenant.scim("GET", `/Users/${idIn(cid)}`)).body["userName"]).toBe("cid@example.test");
    expect((await tenant.scim("GET", `/Users/${ann}`)).body["displayName"]).toBe("Renamed");
    expect((await tenant.scim("GET", `/Users/${bob}`)).status).toBe(404);
    expect(await membersOf(tenant, idIn(sales))).toEqual([ann]);
  });

  test("what fails, fails as it would alone, in the same words, and nothing else does", async () => {
    const tenant = await createTenant(house);
    const [ann] = await createUsers(tenant, "ann");
    const refused: readonly [string, string, unknown][] = [
      ["POST", "/Users", newUser("ann")],
      ["POST", "/Users", { userName: "" }],
      ["POST", "/Users", { userName: "x", active: "perhaps" }],
      ["POST", "/Users", { userName: "a\u0000b" }],
      ["POST", "/Groups", {}],
      ["PUT", `/Users/${ann}`, {}],
      ["PATCH", `/Users/${ann}`, patch({ op: "replace", path: "nothing", value: 1 })],
      ["PATCH", `/Users/${ann}`, patch({ op: "replace", path: "id", value: "other" })],
      ["PATCH", "/Users/0190a1b2-0000-7000-8000-000000000000", rename],
      ["DELETE", "/Users/nobody", undefined],
      ["DELETE", "/Nothing/1", undefined],
      ["POST", "/Schemas", { id: "urn:x" }],
    ];
    const operations = refused.map(([method, path, data]) => ({ method, path, data }));
    const answer = await sendBulk(tenant, [
      create("/Users", "first", newUser("first")),
      ...operations,
      create("/Users", "last", newUser("last")),
    ]);
    expect([answer.statuses.at(0), answer.statuses.at(-1)]).toEqual(["201", "201"]);
    for (const [nth, [method, path, data]] of refused.entries()) {
      const alone = await tenant.scim(method, path, data);
      expect(answer.outcomes[nth + 1], `${method} ${path}`).toMatchObject({
        method,
        status: String(alone.status),
        response: alone.body,
      });
    }
    // RFC 7644 §3.7.3: a location for all but a failed POST.
    expect(answer.outcomes.slice(1, -1).map(({ method, location }) => [method, location === undefined])).toEqual(
      refused.map(([method]) => [method, method === "POST"]),
    );
  });

  test("an operation that is no request at all says so, and spoils no other", async () => {
    const tenant = await createTenant(house);
    const answer = await sendBulk(tenant, [
      create("/Users", "ann", newUser("ann")),
      { method: "GET", path: "/Users" },
      {
        method: "POST",
        path: "/Bulk",
        bulkId: "nested",
        data: { Operations: [create("/Users", "x", newUser("nested"))] },
      },
      { method: "PATCH", path: "/Me", data: rename },
      "DELETE everybody",
      { method: "DELETE" },
      create("/Users", "bob", newUser("bob")),
    ]);
    expect(answer.statuses).toEqual(["201", "400", "400", "400", "400", "400", "201"]);
    expect(answer.outcomes[1]).toMatchObject({ method: "GET", response: { scimType: "invalidValue" } });
    expect(answer.outcomes[2]).toMatchObject({ bulkId: "nested", response: { scimType: "invalidPath" } });
    expect(await countRows(house, tenant)).toMatchObject({ users: 2 });
  });

  test("a version is held against what the resource is when its turn has come", async () => {
    const tenant = await createTenant(house);
    const [ann, bob] = await createUsers(tenant, "ann", "bob");
    const answer = await sendBulk(tenant, [
      { method: "PATCH", path: `/Users/${ann}`, version: 'W/"1"', data: rename },
      { method: "PATCH", path: `/Users/${ann}`, version: 'W/"1"', data: deactivate },
      {
        method: "PATCH",
        path: `/Users/${ann}`,
        version: 'W/"2"',
        data: patch({ op: "replace", path: "displayName", value: "Again" }),
      },
      { method: "DELETE", path: `/Users/${bob}`, version: 'W/"7"' },
      { method: "DELETE", path: `/Users/${bob}`, version: 'W/"1"' },
    ]);
    expect(answer.statuses).toEqual(["200", "412", "200", "412", "204"]);
    expect((await tenant.scim("GET", `/Users/${ann}`)).body).toMatchObject({ active: true, displayName: "Again" });
  });

  test("what is done in a Bulk reaches the user store as what is done alone", async () => {
    const tenant = await createTenant(house);
    const first = await sendBulk(tenant, [
      create("/Users", "ann", newUser("ann")),
      create("/Groups", "sales", newGroup("Sales", ["bulkId:ann"])),
    ]);
    const ann = idIn(first.outcomes[0]);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(ann)).toMatchObject({ denials: [], groups: ["Sales"] });
    await sendBulk(tenant, [{ method: "PATCH", path: `/Users/${ann}`, data: deactivate }]);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(ann)).toMatchObject({ denials: ["idp_inactive"] });
  });
});

describe("§3.7.3: failOnErrors", () => {
  const spoilt = { method: "POST", path: "/Users", data: { userName: "" } };

  test.each([
    [1, ["201", "400"], 1],
    [2, ["201", "400", "201", "400"], 2],
    [3, ["201", "400", "201", "400", "201", "201"], 4],
    [undefined, ["201", "400", "201", "400", "201", "201"], 4],
  ])("of %s stops behind that error, and behind no other", async (failOnErrors, statuses, users) => {
    const tenant = await createTenant(house);
    const good = (name: string) => create("/Users", name, newUser(name));
    const answer = await sendBulk(tenant, [good("a"), spoilt, good("b"), spoilt, good("c"), good("d")], {
      failOnErrors,
    });
    expect(answer.status).toBe(200);
    expect(answer.statuses).toEqual(statuses);
    expect(await countRows(house, tenant)).toMatchObject({ users });
  });

  test("counts operations that are no requests, and references that lead nowhere", async () => {
    const tenant = await createTenant(house);
    const answer = await sendBulk(
      tenant,
      [{ method: "GET" }, create("/Groups", "g", newGroup("G", ["bulkId:x"])), create("/Users", "u", newUser("u"))],
      { failOnErrors: 2 },
    );
    expect(answer.statuses).toEqual(["400", "400"]);
    expect(await countRows(house, tenant)).toMatchObject({ users: 0 });
  });

  test("is refused where it counts nothing, and then nothing is done", async () => {
    const tenant = await createTenant(house);
    for (const failOnErrors of [0, -1, "1", 1.5]) {
      const answer = await sendBulk(tenant, [create("/Users", "u", newUser("u"))], { failOnErrors });
      expect([answer.status, answer.body["scimType"]]).toEqual([400, "invalidValue"]);
    }
    expect(await countRows(house, tenant)).toMatchObject({ users: 0 });
  });
});

describe("§3.7.4: limits", () => {
  test("are advertised, and hold where they say: a thousand operations are done, and of one more none", async () => {
    const tenant = await createTenant(house);
    const config = await tenant.scim("GET", "/ServiceProviderConfig");
    expect(config.body["bulk"]).toEqual({ supported: true, maxOperations: 1000, maxPayloadSize: 1048576 });
    const operations = (count: number) =>
      Array.from({ length: count }, (_, nth) => create("/Users", `u${nth}`, { userName: `u${nth}` }));
    const tooMany = await sendBulk(tenant, operations(1001));
    expect([tooMany.status, tooMany.body["detail"]]).toEqual([413, expect.stringContaining("1000")]);
    expect(await countRows(house, tenant)).toMatchObject({ users: 0 });
    const most = await sendBulk(tenant, operations(1000));
    expect(new Set(most.statuses)).toEqual(new Set(["201"]));
    expect(most.outcomes.map(({ bulkId }) => bulkId)).toEqual(operations(1000).map(({ bulkId }) => bulkId));
    expect(await countRows(house, tenant)).toMatchObject({ users: 1000 });
  });

  test("a body of the largest size is read, and one byte more is not", async () => {
    const tenant = await createTenant(house);
    const sized = (bytes: number) => {
      const body = (filling: string) =>
        JSON.stringify({
          Operations: [create("/Users", "u", { userName: "u", profileUrl: "x" }), { method: "GET", path: filling }],
        });
      return body("x".repeat(bytes - body("").length));
    };
    const send = (body: string) =>
      fetch(`${house.url}/scim/v2/Bulk`, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${tenant.scimToken}`, "content-type": "application/scim+json" },
      });
    const tooLarge = await send(sized(1_048_577));
    expect([tooLarge.status, ((await tooLarge.json()) as { detail: string }).detail]).toEqual([
      413,
      expect.stringContaining("1048576"),
    ]);
    expect(await countRows(house, tenant)).toMatchObject({ users: 0 });
    expect((await send(sized(1_048_576))).status).toBe(200);
    expect(await countRows(house, tenant)).toMatchObject({ users: 1 });
  });

  test("what is no Bulk is refused as a whole", async () => {
    const tenant = await createTenant(house);
    const otherMessage = { ...patch(), Operations: [{ method: "DELETE", path: "/Users/nobody" }] };
    for (const body of [[], {}, { Operations: [] }, { Operations: {} }, otherMessage]) {
      const answer = await tenant.scim("POST", "/Bulk", body);
      expect([answer.status, answer.body["scimType"]]).toEqual([400, "invalidSyntax"]);
    }
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const answer = await tenant.scim(method, "/Bulk", method === "GET" ? undefined : {});
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, expect.stringContaining("POST")]);
    }
  });
});

test("a Bulk reaches nothing of another tenant, and nothing of another connection", async () => {
  const [tenant, other] = [await createTenant(house), await createTenant(house)];
  const [theirs] = await createUsers(other, "ann");
  const group = await other.scim("POST", "/Groups", newGroup("Theirs"));
  const answer = await sendBulk(tenant, [
    { method: "PATCH", path: `/Users/${theirs}`, data: deactivate },
    { method: "PUT", path: `/Users/${theirs}`, data: newUser("mine") },
    { method: "DELETE", path: `/Users/${theirs}` },
    { method: "DELETE", path: `/Groups/${group.body["id"] as string}` },
    create("/Groups", "mine", newGroup("Mine", [theirs])),
  ]);
  expect(answer.statuses).toEqual(["404", "404", "404", "404", "201"]);
  expect((await other.scim("GET", `/Users/${theirs}`)).body).toMatchObject({
    active: true,
    userName: "ann@example.test",
  });
  expect((await other.scim("GET", `/Users/${theirs}`)).body["groups"]).toBeUndefined();
  expect((await other.scim("GET", `/Groups/${group.body["id"] as string}`)).status).toBe(200);
});
