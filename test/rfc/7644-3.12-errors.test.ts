import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const user = `/Users/${(await tenant.scim("POST", "/Users", newUser("ann"))).body["id"] as string}`;
const bob = `/Users/${(await tenant.scim("POST", "/Users", newUser("bob"))).body["id"] as string}`;
const group = `/Groups/${(await tenant.scim("POST", "/Groups", newGroup("Sales"))).body["id"] as string}`;
await tenant.scim("POST", "/Groups", newGroup("Support"));

type Case = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly scimType?: string;
};

const one = (
  method: string,
  path: string,
  status: number,
  scimType?: string,
  body?: unknown,
  headers?: Record<string, string>,
): Case => ({
  method,
  path,
  status,
  ...(scimType === undefined ? {} : { scimType }),
  ...(body === undefined ? {} : { body }),
  ...(headers === undefined ? {} : { headers }),
});
const filter = (text: string): string => `/Users?filter=${encodeURIComponent(text)}`;
const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);

/** Table 8: status codes, and Table 9: the keywords of what is detailed. */
const cases: Readonly<Record<string, Case>> = {
  "400 invalidFilter: a filter that is none": one("GET", filter("userName eq"), 400, "invalidFilter"),
  "400 invalidFilter: an attribute that nobody has": one("GET", filter('shoeSize eq "44"'), 400, "invalidFilter"),
  "400 invalidFilter: an operator that does not fit": one("GET", filter("active gt true"), 400, "invalidFilter"),
  "400 uniqueness is 409: userName": one("POST", "/Users", 409, "uniqueness", newUser("ann")),
  "409 uniqueness: externalId in a PATCH": one(
    "PATCH",
    user,
    409,
    "uniqueness",
    patch({ op: "replace", path: "externalId", value: "bob" }),
  ),
  "409 uniqueness: displayName of a group in a PUT": one("PUT", group, 409, "uniqueness", newGroup("Support")),
  "400 mutability: a readOnly attribute": one(
    "PATCH",
    user,
    400,
    "mutability",
    patch({ op: "replace", path: "groups", value: [] }),
  ),
  "400 mutability: another id": one("PATCH", user, 400, "mutability", patch({ op: "replace", value: { id: "x" } })),
  "400 mutability: a required attribute that is removed": one(
    "PATCH",
    user,
    400,
    "mutability",
    patch({ op: "remove", path: "userName" }),
  ),
  "400 invalidSyntax: a body that is no object": one("POST", "/Users", 400, "invalidSyntax", []),
  "400 invalidSyntax: a body that is nested too deep": one("POST", "/Users", 400, "invalidSyntax", {
    userName: deep(40),
  }),
  "400 invalidSyntax: an operation that is none": one(
    "PATCH",
    user,
    400,
    "invalidSyntax",
    patch({ op: "move", path: "title" }),
  ),
  "400 invalidSyntax: a PATCH without operations": one("PATCH", user, 400, "invalidSyntax", { Operations: [] }),
  "400 invalidPath: an unknown attribute": one(
    "PATCH",
    user,
    400,
    "invalidPath",
    patch({ op: "add", path: "shoeSize", value: "44" }),
  ),
  "400 invalidPath: an unknown part": one(
    "PATCH",
    user,
    400,
    "invalidPath",
    patch({ op: "add", path: "name.nick", value: "x" }),
  ),
  "400 noTarget: a removal without a path": one("PATCH", user, 400, "noTarget", patch({ op: "remove" })),
  "400 noTarget: a filter that fits nothing and describes nothing": one(
    "PATCH",
    user,
    400,
    "noTarget",
    patch({ op: "replace", path: 'emails[type ne "work"].value', value: "x" }),
  ),
  "400 invalidValue: a value of another type": one(
    "PATCH",
    user,
    400,
    "invalidValue",
    patch({ op: "replace", path: "active", value: "no" }),
  ),
  "400 invalidValue: a required value that is missing": one("POST", "/Users", 400, "invalidValue", {}),
  "400 invalidVers: another version of SCIM": one("GET", "/../v1/Users", 400, "invalidVers"),
  "401: no token": one("GET", user, 401, undefined, undefined, { authorization: "" }),
  "401: a token that nobody has": one("DELETE", user, 401, undefined, undefined, { authorization: "Bearer nobody" }),
  "403: a filter on what cannot be filtered": one("GET", `/Schemas?filter=${encodeURIComponent('id eq "x"')}`, 403),
  "404: nobody": one("GET", "/Users/nobody", 404),
  "404: no endpoint": one("POST", "/Devices", 404, undefined, {}),
  "405: a method that is not offered": one("DELETE", "/Users", 405),
  "406: a media type that is not offered": one("GET", user, 406, undefined, undefined, { accept: "image/png" }),
  "412: another version": one("PUT", user, 412, undefined, newUser("ann"), { "if-match": 'W/"77"' }),
  "413: more than a megabyte": one(
    "POST",
    "/Users",
    413,
    undefined,
    newUser("big", { title: "x".repeat(1024 * 1024) }),
  ),
  "415: another media type": one("POST", "/Users", 415, undefined, newUser("x"), { "content-type": "text/plain" }),
};

describe("§3.12: a refusal has its status, its keyword and words that say nothing of others", () => {
  test.each(Object.entries(cases))(
    "%s",
    async (_name, { method, path, body: sent, headers: said, status: expected, scimType }) => {
      const { status, headers, body } = await tenant.scim(method, path, sent, said);
      expect([status, body["scimType"]]).toEqual([expected, scimType]);
      expect(body).toEqual({
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: String(expected),
        ...(scimType === undefined ? {} : { scimType }),
        detail: expect.stringMatching(/\S/) as string,
      });
      expect(headers.get("content-type")).toBe("application/scim+json; charset=utf-8");
      expect(headers.get("www-authenticate")).toBe(expected === 401 ? "Bearer" : null);
      expect(headers.get("allow") === null).toBe(expected !== 405);
    },
  );

  test("a refused change leaves everything as it was", async () => {
    const before = await Promise.all([user, bob, group].map((path) => tenant.scim("GET", path)));
    const mixed = patch(
      { op: "replace", path: "title", value: "Boss" },
      { op: "replace", path: "shoeSize", value: "44" },
    );
    expect((await tenant.scim("PATCH", user, mixed)).status).toBe(400);
    const after = await Promise.all([user, bob, group].map((path) => tenant.scim("GET", path)));
    expect(after.map(({ body }) => body)).toEqual(before.map(({ body }) => body));
  });

  test('"Not yours" and "not there" are the same words', async () => {
    const other = await createTenant(house);
    const mine = await other.scim("GET", user);
    const nobodys = await other.scim("GET", `/Users/${crypto.randomUUID()}`);
    expect([mine.status, mine.body]).toEqual([404, nobodys.body]);
  });
});

describe("§3.13: a version that is named is served or refused", () => {
  test("v2 alone is, and who names another is told so", async () => {
    const answers = ["/scim/v1/Users", "/scim/v3", "/scim/v2.1/Users", "/scim/V1?x"].map(async (path) => {
      const response = await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${tenant.scimToken}` } });
      const body = (await response.json()) as Record<string, unknown>;
      return [response.status, body["scimType"], body["schemas"]];
    });
    for (const answer of await Promise.all(answers))
      expect(answer).toEqual([400, "invalidVers", ["urn:ietf:params:scim:api:messages:2.0:Error"]]);
  });

  test("below /scim without a version there is nothing, and no token is asked for", async () => {
    const response = await fetch(`${house.url}/scim/Users`);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      404,
      "application/scim+json; charset=utf-8",
    ]);
  });
});
