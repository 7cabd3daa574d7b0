import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { acme, coreGroup, coreUser, createExtendedTenant, enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const badge = { name: "badge", type: "string" };
const base = "https://rollcall.test/scim/v2";

test("§6: each type says its name, endpoint and schemas, and is found where it says it is", async () => {
  const tenant = await createTenant(house);
  const { body } = await tenant.scim("GET", "/ResourceTypes");
  expect(body).toMatchObject({
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: 2,
    itemsPerPage: 2,
    startIndex: 1,
  });
  const types = body["Resources"] as readonly Record<string, unknown>[];
  expect(types).toMatchObject([
    {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
      id: "User",
      name: "User",
      endpoint: "/Users",
      schema: coreUser,
      schemaExtensions: [{ schema: enterprise, required: false }],
    },
    {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
      id: "Group",
      name: "Group",
      endpoint: "/Groups",
      schema: coreGroup,
    },
  ]);
  expect(types[1]).not.toHaveProperty("schemaExtensions");
  for (const type of types) {
    const { location, version } = type["meta"] as Record<string, string>;
    expect(location).toBe(`${base}/ResourceTypes/${type["id"] as string}`);
    const one = await tenant.scim("GET", (location ?? "").slice(base.length));
    expect(one.body).toEqual(type);
    expect(one.headers.get("etag")).toBe(version);
    expect((await tenant.scim("GET", type["endpoint"] as string)).status).toBe(200);
  }
  expect((await tenant.scim("GET", "/ResourceTypes/Device")).status).toBe(404);
});

test("§6: an extension of the connection's own is one of its resource type, and of no other", async () => {
  const ofUsers = await createExtendedTenant(house, [badge]);
  const extensionsOf = async (type: string) =>
    (await ofUsers.scim("GET", `/ResourceTypes/${type}`)).body["schemaExtensions"];
  expect(await extensionsOf("User")).toEqual([enterprise, acme].map((schema) => ({ schema, required: false })));
  expect(await extensionsOf("Group")).toBeUndefined();
  const ofGroups = await createExtendedTenant(house, [badge], { urn: "urn:acme:Group", resourceType: "Group" });
  expect((await ofGroups.scim("GET", "/ResourceTypes/Group")).body["schemaExtensions"]).toEqual([
    { schema: "urn:acme:Group", required: false },
  ]);
});
