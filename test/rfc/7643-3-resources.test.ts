import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";
import { coreGroup, coreUser, enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("§3: the schemas attribute", () => {
  test("names the core schema and every extension that the resource holds, each once", async () => {
    const plain = await tenant.scim("POST", "/Users", newUser("s1"));
    expect(plain.body["schemas"]).toEqual([coreUser]);
    const extended = await tenant.scim("POST", "/Users", newUser("s2", { [enterprise]: { department: "R&D" } }));
    expect(extended.body["schemas"]).toEqual([coreUser, enterprise]);
    expect((await tenant.scim("POST", "/Groups", newGroup("S"))).body["schemas"]).toEqual([coreGroup]);
  });

  test("may list an extension without its attributes, a foreign schema, the same twice, or nothing at all", async () => {
    const lists: readonly unknown[] = [
      [coreUser, enterprise],
      [coreUser, coreUser],
      ["http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],
      [],
      coreUser,
      null,
      undefined,
    ];
    for (const [index, schemas] of lists.entries()) {
      const { status, body } = await tenant.scim("POST", "/Users", newUser(`l${index}`, { schemas }));
      expect([schemas, status, body["schemas"]]).toEqual([schemas, 201, [coreUser]]);
      const one = `/Users/${body["id"] as string}`;
      expect((await tenant.scim("PUT", one, newUser(`l${index}`, { schemas }))).body["schemas"]).toEqual([coreUser]);
      const operations = patch({ op: "replace", path: "title", value: "Boss" });
      expect((await tenant.scim("PATCH", one, { ...operations, schemas })).status).toBe(200);
    }
  });

  test("goes on naming an extension as long as the resource holds some of it, and no longer", async () => {
    const { body } = await tenant.scim(
      "POST",
      "/Users",
      newUser("s3", { [enterprise]: { department: "R&D", division: "A" } }),
    );
    const one = `/Users/${body["id"] as string}`;
    const some = await tenant.scim("PATCH", one, patch({ op: "remove", path: `${enterprise}:division` }));
    expect(some.body["schemas"]).toEqual([coreUser, enterprise]);
    const none = await tenant.scim("PATCH", one, patch({ op: "remove", path: `${enterprise}:department` }));
    expect(none.body["schemas"]).toEqual([coreUser]);
  });
});

describe("§3.1: id", () => {
  test('"MUST NOT be specified by the client": what a body says of it is not read', async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("i1", { id: "mine" }));
    expect(body["id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    const put = await tenant.scim("PUT", `/Users/${body["id"] as string}`, newUser("i1", { id: "mine" }));
    expect(put.body["id"]).toBe(body["id"]);
  });

  test("is stable for as long as the resource is there, is unique, and compares exactly", async () => {
    const [one, other] = await Promise.all([
      tenant.scim("POST", "/Users", newUser("i2")),
      tenant.scim("POST", "/Groups", newGroup("I2")),
    ]);
    expect(one.body["id"]).not.toBe(other.body["id"]);
    const id = one.body["id"] as string;
    await tenant.scim("PUT", `/Users/${id}`, newUser("i2", { userName: "renamed@example.test", externalId: "other" }));
    expect((await tenant.scim("GET", `/Users/${id}`)).body["id"]).toBe(id);
    expect((await tenant.scim("GET", `/Users/${id.toUpperCase()}`)).status).toBe(404);
    expect((await tenant.scim("GET", "/Users/bulkId")).status).toBe(404);
  });

  test("is always returned, whatever is asked for", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("i3"));
    const id = body["id"] as string;
    for (const query of ["attributes=userName", "excludedAttributes=id,schemas", "attributes=nothing"])
      expect((await tenant.scim("GET", `/Users/${id}?${query}`)).body).toMatchObject({ id, schemas: [coreUser] });
  });
});

describe("§3.1: externalId", () => {
  test("is the client's to give, to change and to take away, and compares exactly", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("External"));
    expect(body["externalId"]).toBe("External");
    const found = async (externalId: string) =>
      (await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`externalId eq "${externalId}"`)}`)).body[
        "totalResults"
      ];
    expect([await found("External"), await found("external")]).toEqual([1, 0]);
    const { externalId: _, ...without } = newUser("External");
    expect((await tenant.scim("PUT", `/Users/${body["id"] as string}`, without)).body).not.toHaveProperty("externalId");
  });
});

describe("§3.1: meta", () => {
  test("says what, since when, where and which version, and the answer's headers say the same", async () => {
    const { body, headers } = await tenant.scim("POST", "/Users", newUser("m1"));
    const location = `https://rollcall.test/scim/v2/Users/${body["id"] as string}`;
    expect(body["meta"]).toEqual({
      resourceType: "User",
      created: expect.stringMatching(isoTime) as string,
      lastModified: expect.stringMatching(isoTime) as string,
      location,
      version: headers.get("etag"),
    });
    expect(headers.get("location")).toBe(location);
  });

  test('its location "MUST be the same as the "Content-Location" HTTP response header", of every answer that shows one resource', async () => {
    for (const [type, content] of [
      ["Users", newUser("m4")],
      ["Groups", newGroup("M4")],
    ] as const) {
      const made = await tenant.scim("POST", `/${type}`, content);
      const one = `/${type}/${made.body["id"] as string}`;
      const tag = made.headers.get("etag") ?? "";
      const answers = [
        made,
        await tenant.scim("GET", one),
        await tenant.scim("HEAD", `${one}/?attributes=meta`),
        await tenant.scim("GET", one, undefined, { "if-none-match": tag }),
        await tenant.scim("PUT", one, content),
        await tenant.scim("PATCH", `${one}?attributes=id`, patch({ op: "add", value: { displayName: "M" } })),
      ];
      expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 304, 200, 200]);
      for (const { headers } of answers)
        expect([headers.get("content-location"), headers.get("location")]).toEqual(
          Array(2).fill(`https://rollcall.test/scim/v2${one}`),
        );
    }
    for (const of of ["/Users", "/Users/nobody"])
      expect((await tenant.scim("GET", of)).headers.get("content-location")).toBeNull();
  });

  test("is the server's alone: what a body says of it is not read", async () => {
    const meta = {
      created: "1999-01-01T00:00:00Z",
      location: "https://evil.example",
      version: 'W/"99"',
      resourceType: "Group",
    };
    const { body } = await tenant.scim("POST", "/Users", newUser("m2", { meta }));
    expect(body["meta"]).toMatchObject({ resourceType: "User", version: 'W/"1"' });
    expect(JSON.stringify(body["meta"])).not.toContain("evil");
    const refused = await tenant.scim(
      "PATCH",
      `/Users/${body["id"] as string}`,
      patch({ op: "replace", path: "meta.created", value: "1999-01-01T00:00:00Z" }),
    );
    expect([refused.status, refused.body["scimType"]]).toEqual([400, "mutability"]);
  });

  test("lastModified and version move with a change and with nothing else", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("m3"));
    const one = `/Users/${body["id"] as string}`;
    expect((await tenant.scim("GET", one)).body["meta"]).toEqual(body["meta"]);
    expect((await tenant.scim("PUT", one, newUser("m3"))).body["meta"]).toEqual(body["meta"]);
    const changed = (await tenant.scim("PUT", one, newUser("m3", { title: "Boss" }))).body["meta"] as Record<
      string,
      string
    >;
    expect(changed["version"]).toBe('W/"2"');
    expect(changed["created"]).toBe((body["meta"] as Record<string, string>)["created"]);
    expect(Date.parse(changed["lastModified"] ?? "")).toBeGreaterThanOrEqual(Date.parse(changed["created"] ?? ""));
  });
});
