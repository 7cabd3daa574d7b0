import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser } from "../harness/tenant.ts";
import { coreUser } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);

describe("§3.3: a creation", () => {
  test.each(["/Users", "/Users/", "/Groups", "/Groups/"])(
    "at %s is 201 with the resource, its Location, its tag and SCIM's media type",
    async (path) => {
      const body = path.startsWith("/Users") ? newUser(`c${path.length}`) : newGroup(`C${path.length}`);
      const made = await tenant.scim("POST", path, body);
      expect(made.status).toBe(201);
      const meta = made.body["meta"] as Record<string, string>;
      expect(made.headers.get("location")).toBe(meta["location"]);
      expect(made.headers.get("location")).toBe(
        `https://rollcall.test/scim/v2/${path.split("/")[1] ?? ""}/${made.body["id"] as string}`,
      );
      expect(made.headers.get("etag")).toBe(meta["version"]);
      expect(made.headers.get("content-type")).toBe("application/scim+json; charset=utf-8");
      const { id: _id, meta: _meta, ...shown } = made.body;
      const { members: _members, ...sent } = body;
      expect(shown).toEqual(sent);
    },
  );

  test('"attributes whose mutability is "readOnly" SHALL be ignored"', async () => {
    const { status, body } = await tenant.scim(
      "POST",
      "/Users",
      newUser("ro", { id: "x", meta: { version: "x" }, groups: [{ value: "x" }] }),
    );
    expect(status).toBe(201);
    expect(body["id"]).not.toBe("x");
    expect(body).not.toHaveProperty("groups");
  });

  test("what the schema does not know is not kept, and the answer says so", async () => {
    const { body, headers } = await tenant.scim("POST", "/Users", newUser("unknown", { shoeSize: 44 }));
    expect(body).not.toHaveProperty("shoeSize");
    expect(headers.get("warning")).toContain("shoeSize");
  });

  test("the answer is subject to attributes and excludedAttributes", async () => {
    const some = await tenant.scim("POST", "/Users?attributes=userName", newUser("some", { title: "x" }));
    expect(Object.keys(some.body).toSorted()).toEqual(["id", "schemas", "userName"]);
    const most = await tenant.scim("POST", "/Users?excludedAttributes=title", newUser("most", { title: "x" }));
    expect(most.body).not.toHaveProperty("title");
    expect((await tenant.scim("GET", `/Users/${most.body["id"] as string}`)).body["title"]).toBe("x");
  });

  test("§3.3.1: the server says what type the resource has, whatever the body says", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("typed", { meta: { resourceType: "Group" } }));
    expect(body["meta"]).toMatchObject({ resourceType: "User" });
  });
});

describe("§3.3: a creation that cannot be", () => {
  test.each([
    ["userName", "/Users", { userName: "taken@example.test" }],
    ["userName in another case", "/Users", { userName: "TAKEN@example.test" }],
    ["externalId", "/Users", { userName: "other@example.test", externalId: "taken" }],
    ["displayName", "/Groups", { displayName: "Taken" }],
    ["displayName in another case", "/Groups", { displayName: "tAKEN" }],
  ])('a duplicate %s is 409 with the scimType "uniqueness", and nothing is made', async (_what, path, body) => {
    await tenant.scim("POST", "/Users", { userName: "taken@example.test", externalId: "taken" });
    await tenant.scim("POST", "/Groups", { displayName: "Taken" });
    const before = (await tenant.scim("GET", path)).body["totalResults"];
    expect(await tenant.scim("POST", path, body)).toMatchObject({
      status: 409,
      body: { status: "409", scimType: "uniqueness" },
    });
    expect((await tenant.scim("GET", path)).body["totalResults"]).toBe(before);
  });

  test("of two at once one is made", async () => {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => tenant.scim("POST", "/Users", { userName: "race@example.test" })),
    );
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([201, 409, 409, 409]);
  });

  test("a missing required attribute and a wrong type are 400 invalidValue; a body that is none, invalidSyntax", async () => {
    expect(await tenant.scim("POST", "/Users", { schemas: [coreUser] })).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue" },
    });
    expect(await tenant.scim("POST", "/Users", newUser("wrong", { name: "Ann" }))).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue" },
    });
    for (const body of [[], "x", 1, null])
      expect(await tenant.scim("POST", "/Users", body)).toMatchObject({
        status: 400,
        body: { scimType: "invalidSyntax" },
      });
    expect((await tenant.scim("POST", "/Users")).status).toBe(400);
  });
});
