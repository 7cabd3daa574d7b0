import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

const house = await openHouse();
const tenant = await createTenant(house);
const ann = idOf(
  (await tenant.scim("POST", "/Users", newUser("ann", { emails: [{ value: "ann@example.test", type: "work" }] }))).body,
);
const bob = idOf(
  (await tenant.scim("POST", "/Users", { ...newUser("bob"), externalId: undefined, active: false })).body,
);
const sales = idOf((await tenant.scim("POST", "/Groups", newGroup("sales", [ann]))).body);
const empty = idOf((await tenant.scim("POST", "/Groups", newGroup("empty", []))).body);

const userFilters: readonly (readonly [string, readonly string[]])[] = [
  [`externalId eq null`, [bob]],
  [`externalId ne null`, [ann]],
  [`externalId pr`, [ann]],
  [`not (externalId pr)`, [bob]],
  [`active eq null`, []],
  [`active eq false`, [bob]],
  [`active ne false`, [ann]],
  [`id pr`, [ann, bob]],
  [`meta.created pr`, [ann, bob]],
  [`meta.resourceType eq "User"`, [ann, bob]],
  [`meta.resourceType eq "Group"`, []],
  [`groups pr`, [ann]],
  [`groups eq null`, [bob]],
  [`groups eq "${sales}"`, [ann]],
  [`groups ne "${sales}"`, [bob]],
  [`groups[value eq "${sales}"]`, [ann]],
  [`groups[value eq "${empty}"]`, []],
  [`groups.value eq "no id at all"`, []],
  [`emails[type eq "work"].value eq "ANN@example.test"`, [ann]],
  [`emails[type eq "home"]`, []],
];

const groupFilters: readonly (readonly [string, readonly string[]])[] = [
  [`members[value eq "${ann}"]`, [sales]],
  [`members[value eq "${bob}"]`, []],
  [`members[value eq "${ann}" or value eq "${bob}"]`, [sales]],
  [`members[not (value eq "${ann}")]`, []],
  [`members[value pr]`, [sales]],
  [`members pr`, [sales]],
  [`not (members pr)`, [empty]],
  [`members.value pr`, [sales]],
  [`members eq null`, [empty]],
  [`members ne null`, [sales]],
  [`members eq "${ann}"`, [sales]],
  [`members ne "${ann}"`, [empty]],
  [`id eq "${sales}" and members eq "${ann}"`, [sales]],
  [`externalId eq null`, [sales, empty]],
  [`meta.resourceType eq "Group"`, [sales, empty]],
];

describe("a filter finds exactly what it asks for", () => {
  test.each(userFilters)("users where %s", async (filter, expected) => {
    expect(await found("Users", filter)).toEqual(expected.toSorted());
  });

  test.each(groupFilters)("groups where %s", async (filter, expected) => {
    expect(await found("Groups", filter)).toEqual(expected.toSorted());
  });
});

describe("a filter that cannot be answered is refused, never answered with nobody", () => {
  const refused = [
    ["Groups", `members[display eq "Ann"]`],
    ["Groups", `members[type eq "User"]`],
    ["Groups", `members.display pr`],
    ["Groups", `members co "a"`],
    ["Users", `groups[display eq "sales"]`],
    ["Users", `groups.display eq "sales"`],
    ["Users", `meta.version eq "1"`],
    ["Users", `meta.location sw "https://"`],
    ["Users", `schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`],
    ["Users", `id co "0"`],
  ] as const;

  test.each(refused)("%s where %s", async (collection, filter) => {
    const { status, body } = await tenant.scim("GET", `/${collection}?filter=${encodeURIComponent(filter)}`);
    expect({ status, scimType: body["scimType"] }).toEqual({ status: 400, scimType: "invalidFilter" });
  });
});

async function found(collection: string, filter: string): Promise<readonly string[]> {
  const { status, body } = await tenant.scim("GET", `/${collection}?filter=${encodeURIComponent(filter)}`);
  expect(status, JSON.stringify(body)).toBe(200);
  const resources = body["Resources"] as readonly Record<string, unknown>[];
  expect(body["totalResults"]).toBe(resources.length);
  return resources.map(idOf).toSorted();
}

function newGroup(displayName: string, members: readonly string[]): Record<string, unknown> {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName,
    members: members.map((value) => ({ value })),
  };
}

function idOf(body: Record<string, unknown>): string {
  return body["id"] as string;
}
