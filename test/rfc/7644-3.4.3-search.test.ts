import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const searchRequest = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const listResponse = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

const ann = await create("/Users", newUser("ann", { displayName: "Smith", title: "Guide" }));
const bob = await create("/Users", newUser("bob", { displayName: "Jones" }));
const smiths = await create("/Groups", newGroup("Smithsonian", [ann]));

describe('the HTTP POST verb with "/.search" is a query operation', () => {
  test.each(["/Users/.search", "/Users/.search/"])("POST %s answers as GET /Users does", async (path) => {
    const { status, body } = await search(path, { filter: 'displayName sw "smith"' });
    const got = await tenant.scim("GET", '/Users?filter=displayName%20sw%20"smith"');
    expect([status, body]).toEqual([200, got.body]);
    expect(body).toMatchObject({ schemas: [listResponse], totalResults: 1, itemsPerPage: 1, startIndex: 1 });
  });

  test("the body MAY include any of the parameters of a GET", async () => {
    const parameters = { sortBy: "userName", sortOrder: "descending", startIndex: 2, count: 1 };
    const { body } = await search("/Users/.search", { ...parameters, attributes: ["userName", "title"] });
    expect(body).toMatchObject({ totalResults: 2, startIndex: 2, itemsPerPage: 1 });
    expect(body["Resources"]).toEqual([
      { schemas: expect.any(Array), id: ann, userName: "ann@example.test", title: "Guide" },
    ]);
    const without = await search("/Users/.search", { filter: `id eq "${ann}"`, excludedAttributes: ["title", "meta"] });
    const [shown] = without.body["Resources"] as readonly Record<string, unknown>[];
    expect([shown?.["title"], shown?.["meta"], shown?.["displayName"]]).toEqual([undefined, undefined, "Smith"]);
  });

  test("a search that finds nobody SHALL return success with totalResults set to 0", async () => {
    const { status, body } = await search("/Groups/.search", { filter: 'displayName eq "nobody"' });
    expect([status, body["totalResults"], body["Resources"]]).toEqual([200, 0, []]);
  });

  test("query requests MUST be identified by the SearchRequest URI", async () => {
    const other = await tenant.scim("POST", "/Users/.search", { schemas: [listResponse], filter: "title pr" });
    expect([other.status, other.body["scimType"]]).toEqual([400, "invalidSyntax"]);
    const list = await tenant.scim("POST", "/Users/.search", []);
    expect([list.status, list.body["scimType"]]).toEqual([400, "invalidSyntax"]);
  });

  test("what is wrong with a search is said as for a GET", async () => {
    for (const [asked, scimType] of [
      [{ filter: "title regex" }, "invalidFilter"],
      [{ filter: 5 }, "invalidValue"],
      [{ count: "many" }, "invalidValue"],
      [{ startIndex: 1.5 }, "invalidValue"],
      [{ sortBy: "name" }, "invalidValue"],
      [{ cursor: "made up" }, "invalidCursor"],
    ] as const) {
      const { status, body } = await search("/Users/.search", asked);
      expect([asked, status, body["scimType"]]).toEqual([asked, 400, scimType]);
    }
  });

  test("nothing else can be done there", async () => {
    const { status, headers } = await tenant.scim("PUT", "/.search", {});
    expect([status, headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
  });
});

describe("§3.4.2.1: queries MAY be performed against the root", () => {
  test("resources of both kinds are found, in the order they were made, each shown as its own kind", async () => {
    const { body } = await search("/.search", {});
    expect(idsIn(body)).toEqual([ann, bob, smiths]);
    const [, , group] = body["Resources"] as readonly Record<string, unknown>[];
    expect(group).toEqual((await tenant.scim("GET", `/Groups/${smiths}`)).body);
    expect(body["totalResults"]).toBe(3);
  });

  test("an attribute that is not part of a resource type SHALL be treated as if there is no attribute value", async () => {
    expect(await found('userName sw "a"')).toEqual([ann]);
    expect(await found("members pr")).toEqual([smiths]);
    expect(await found("not (userName pr)")).toEqual([smiths]);
    expect(await found('displayName co "smith"')).toEqual([ann, smiths]);
    expect(await found('meta.resourceType eq "Group"')).toEqual([smiths]);
    expect(await found('urn:ietf:params:scim:schemas:core:2.0:User:displayName co "smith"')).toEqual([ann]);
    const { status, body } = await search("/.search", { filter: "shoeSize pr" });
    expect([status, body["scimType"]]).toEqual([400, "invalidFilter"]);
  });

  test("pages and their order go through both kinds", async () => {
    const inOrder = [bob, ann, smiths];
    expect(idsIn((await search("/.search", { sortBy: "displayName" })).body)).toEqual(inOrder);
    for (const [at, id] of inOrder.entries()) {
      const { body } = await search("/.search", { sortBy: "displayName", startIndex: at + 1, count: 1 });
      expect([body["totalResults"], idsIn(body)]).toEqual([3, [id]]);
    }
    expect(idsIn((await search("/.search", { sortBy: "userName", sortOrder: "descending" })).body)).toEqual([
      smiths,
      bob,
      ann,
    ]);
  });

  test.each(["", "/"])('GET "%s" with a query answers the same', async (path) => {
    const { status, body } = await tenant.scim("GET", `${path}?filter=${encodeURIComponent('displayName co "smith"')}`);
    expect([status, idsIn(body)]).toEqual([200, [ann, smiths]]);
  });
});

test("HEAD says what GET says, without a body", async () => {
  for (const path of ["/Users?filter=title%20pr", "/Groups", "/?count=1"]) {
    const [got, head] = await Promise.all([tenant.scim("GET", path), tenant.scim("HEAD", path)]);
    expect([path, head.status, head.body]).toEqual([path, 200, {}]);
    expect(head.headers.get("content-length")).toBe(got.headers.get("content-length"));
  }
});

async function create(path: string, resource: Record<string, unknown>): Promise<string> {
  return (await tenant.scim("POST", path, resource)).body["id"] as string;
}

function search(path: string, parameters: Record<string, unknown>) {
  return tenant.scim("POST", path, { schemas: [searchRequest], ...parameters });
}

async function found(filter: string): Promise<readonly unknown[]> {
  return idsIn((await search("/.search", { filter })).body);
}

function idsIn(body: Record<string, unknown>): readonly unknown[] {
  return (body["Resources"] as readonly Record<string, unknown>[]).map((one) => one["id"]);
}
