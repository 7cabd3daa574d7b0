import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { acme, coreUser, createExtendedTenant, schemaBody } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const endpoints = [
  "/ServiceProviderConfig",
  "/ResourceTypes",
  "/ResourceTypes/User",
  "/Schemas",
  `/Schemas/${coreUser}`,
];

describe.each(endpoints)("§4: %s", (path) => {
  test("is answered to a known caller, in SCIM's media type, with or without a slash at its end", async () => {
    const { status, headers, body } = await tenant.scim("GET", path);
    expect([status, headers.get("content-type")]).toEqual([200, "application/scim+json; charset=utf-8"]);
    expect((await tenant.scim("GET", `${path}/`)).body).toEqual(body);
    expect((await tenant.scim("GET", path, undefined, { authorization: "" })).status).toBe(401);
  });

  test('"If a "filter" is provided, the service provider SHOULD respond with HTTP status code 403 (Forbidden)"', async () => {
    for (const filter of ['id eq "User"', "x"]) {
      const { status, body } = await tenant.scim("GET", `${path}?filter=${encodeURIComponent(filter)}`);
      expect([status, body["status"]]).toEqual([403, "403"]);
    }
  });

  test("other parameters of a query are ignored", async () => {
    const { body } = await tenant.scim("GET", path);
    const asked = await tenant.scim("GET", `${path}?startIndex=2&count=0&sortBy=id&sortOrder=descending&attributes=id`);
    expect([asked.status, asked.body]).toEqual([200, body]);
  });

  test("has a tag by which it is read once", async () => {
    const { headers } = await tenant.scim("GET", path);
    const tag = headers.get("etag") ?? "";
    const again = await tenant.scim("GET", path, undefined, { "if-none-match": tag });
    expect([again.status, again.headers.get("etag"), again.body]).toEqual([304, tag, {}]);
    expect((await tenant.scim("GET", path, undefined, { "if-none-match": 'W/"x"' })).status).toBe(200);
  });
});

test("§4: many are a ListResponse, one is itself", async () => {
  for (const path of ["/ResourceTypes", "/Schemas"]) {
    const { body } = await tenant.scim("GET", path);
    const resources = body["Resources"] as readonly unknown[];
    expect(body).toMatchObject({
      schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
      totalResults: resources.length,
      itemsPerPage: resources.length,
      startIndex: 1,
    });
  }
  expect((await tenant.scim("GET", "/ServiceProviderConfig")).body).not.toHaveProperty("Resources");
});

test("a tag of before a connection's schemas changed is not known any more, and its siblings' tags are", async () => {
  const extended = await createExtendedTenant(house, [{ name: "badge", type: "string" }]);
  const tagOf = async (path: string) => (await extended.scim("GET", path)).headers.get("etag") ?? "";
  const [list, user, users] = await Promise.all(["/Schemas", `/Schemas/${coreUser}`, "/ResourceTypes/User"].map(tagOf));
  await extended.admin("POST", extended.schemas, schemaBody("urn:acme:more:User", [{ name: "more", type: "string" }]));
  await until(
    "the schema is described",
    async () => (await extended.scim("GET", "/Schemas/urn:acme:more:User")).status === 200,
  );
  expect(await tagOf("/Schemas")).not.toBe(list);
  expect(await tagOf("/ResourceTypes/User")).not.toBe(users);
  expect(await tagOf(`/Schemas/${coreUser}`)).toBe(user);
  expect((await extended.scim("GET", `/Schemas/${acme}`)).status).toBe(200);
});

test("no location is taken from the Host header", async () => {
  for (const path of endpoints) {
    const { body } = await tenant.scim("GET", path, undefined, {
      "x-forwarded-host": "evil.example",
      forwarded: "host=evil.example",
    });
    expect(JSON.stringify(body)).not.toContain("evil.example");
  }
});
