import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const { status, headers, body } = await tenant.scim("GET", "/ServiceProviderConfig");

type Feature = { readonly supported: boolean };
const feature = (name: string) => body[name] as Feature & Record<string, unknown>;

test("§5: every feature is spoken of, and the document says where and which version it is", () => {
  expect(status).toBe(200);
  expect(body["schemas"]).toEqual(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]);
  for (const name of ["patch", "bulk", "filter", "changePassword", "sort", "etag"])
    expect([name, typeof feature(name).supported]).toEqual([name, "boolean"]);
  expect(body["documentationUri"]).toMatch(/^https:\/\//);
  expect(body["meta"]).toEqual({
    resourceType: "ServiceProviderConfig",
    location: "https://rollcall.test/scim/v2/ServiceProviderConfig",
    version: headers.get("etag"),
  });
  // RFC 7643 §5: unlike other resources it has no id.
  expect(body).not.toHaveProperty("id");
});

test("§5: a scheme of authentication says its type, name and description, and is the one that is asked for", async () => {
  expect(body["authenticationSchemes"]).toEqual([
    {
      type: "oauthbearertoken",
      name: expect.any(String) as string,
      description: expect.any(String) as string,
      specUri: "https://www.rfc-editor.org/info/rfc6750",
      primary: true,
    },
  ]);
  const refused = await tenant.scim("GET", "/ServiceProviderConfig", undefined, { authorization: "Bearer nobody" });
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
});

test("what is claimed is done", async () => {
  const made = await tenant.scim("POST", "/Users", newUser("u1", { password: "first" }));
  const one = `/Users/${made.body["id"] as string}`;
  expect(feature("patch").supported).toBe(true);
  const operations = { Operations: [{ op: "replace", path: "title", value: "Boss" }] };
  expect((await tenant.scim("PATCH", one, operations)).body["title"]).toBe("Boss");
  expect(feature("etag").supported).toBe(true);
  expect((await tenant.scim("PUT", one, newUser("u1"), { "if-match": 'W/"1"' })).status).toBe(412);
  expect(feature("filter").supported).toBe(true);
  const { maxResults } = feature("filter");
  const list = await tenant.scim(
    "GET",
    `/Users?count=${(maxResults as number) + 1}&filter=${encodeURIComponent('title eq "boss"')}`,
  );
  expect([list.status, list.body["totalResults"]]).toEqual([200, 1]);
  expect(feature("changePassword").supported).toBe(false);
});

test("the document is what its own schema describes, and no more", async () => {
  const schema = await tenant.scim("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig");
  const described = schema.body["attributes"] as readonly {
    readonly name: string;
    readonly required: boolean;
    readonly subAttributes?: readonly { readonly name: string }[];
  }[];
  const { schemas: _schemas, meta: _meta, ...attributes } = body;
  expect(Object.keys(attributes).filter((name) => !described.some((one) => one.name === name))).toEqual([]);
  expect(described.filter(({ name, required }) => required && !(name in attributes))).toEqual([]);
  for (const { name, subAttributes = [] } of described) {
    for (const part of [attributes[name] ?? {}].flat().filter((value) => typeof value === "object"))
      expect([
        name,
        Object.keys(part as object).filter((key) => !subAttributes.some((sub) => sub.name === key)),
      ]).toEqual([name, []]);
  }
});
