import { expect, test } from "vitest";
import { resourceTypes, schemas, serviceProviderConfig } from "./discovery.ts";
import { locationsUnder } from "./resource-location.ts";
import { standardSchemas } from "./schema.ts";
import { scimErrorBody } from "./scim-error.ts";

const locations = locationsUnder("https://rollcall.ex.test");

test("the server claims what it does and no more", () => {
  expect(serviceProviderConfig(locations)).toMatchObject({
    patch: { supported: true },
    bulk: { supported: true },
    filter: { supported: true, maxResults: 200 },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    authenticationSchemes: [{ type: "oauthbearertoken" }],
  });
});

test("every schema and resource type is described under its own location", () => {
  expect(schemas(locations).map((schema) => schema.meta.location)).toEqual([
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group",
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    "https://rollcall.ex.test/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:Schema",
  ]);
  expect(resourceTypes(locations).map(({ id, endpoint }) => [id, endpoint])).toEqual([
    ["User", "/Users"],
    ["Group", "/Groups"],
  ]);
});

test("no description has a null, an empty list, or a password", () => {
  const text = JSON.stringify(schemas(locations));
  expect(text).not.toMatch(/null|\[\]|"password"/);
  expect(text).toContain('"multiValued":true');
});

test("nothing is described twice, and what is answered is described", () => {
  const documents = schemas(locations);
  for (const { id, attributes } of documents) {
    const names = attributes.map(({ name }) => name.toLowerCase());
    expect([id, names]).toEqual([id, [...new Set(names)]]);
  }
  const described = documents.find(({ name }) => name === "Service Provider Configuration")?.attributes ?? [];
  const { schemas: _schemas, meta: _meta, ...config } = serviceProviderConfig(locations);
  expect(described.map(({ name }) => name).toSorted()).toEqual(Object.keys(config).toSorted());
  const securityEvents = described.find(({ name }) => name === "securityEvents");
  // RFC 9967 §4 requires none of it, and there is no event that a required eventUris could name.
  expect(securityEvents).toMatchObject({ required: false, multiValued: false });
  expect(securityEvents?.subAttributes).toMatchObject([
    { name: "asyncRequest", required: false, multiValued: false, canonicalValues: ["none", "long", "request"] },
    { name: "eventUris", required: false, multiValued: true },
  ]);
});

test("a document says its version, which is another once anything in it is", () => {
  const known = resourceTypes(locations).map(({ meta }) => meta.version);
  expect(known.every((version) => /^W\/"[\w-]{22}"$/.test(version))).toBe(true);
  const extension = {
    id: "urn:acme:User",
    name: "Acme",
    description: "",
    attributes: [],
    resourceType: "User" as const,
  };
  const changed = resourceTypes(locations, { ...standardSchemas, extensions: [extension] });
  expect(changed[0]?.meta.version).not.toBe(known[0]);
  expect(changed[1]?.meta.version).toBe(known[1]);
  expect(schemas(locations).at(-1)?.meta.version).toBe(schemas(locations).at(-1)?.meta.version);
});

test("an error says its status as a string", () => {
  expect(scimErrorBody(409, "taken", "uniqueness")).toEqual({
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: "409",
    scimType: "uniqueness",
    detail: "taken",
  });
});
