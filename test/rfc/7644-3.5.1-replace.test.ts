import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, type ScimAnswer } from "../harness/tenant.ts";
import { acme, createExtendedTenant, enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
let made = 0;

const pathOf = ({ body }: ScimAnswer, collection = "Users"): string => `/${collection}/${body["id"] as string}`;
const create = (more: Record<string, unknown> = {}) => tenant.scim("POST", "/Users", newUser(`r${(made += 1)}`, more));

/** What a client wrote of a resource: all but what is the server's. */
function written({ id: _id, meta: _meta, groups: _groups, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

describe("§3.5.1: a replacement", () => {
  test("is 200 with the resource as it now is, its Location and its tag", async () => {
    const before = await create();
    const put = await tenant.scim("PUT", pathOf(before), { ...written(before.body), title: "Boss" });
    expect([put.status, put.body["title"]]).toEqual([200, "Boss"]);
    const meta = put.body["meta"] as Record<string, string>;
    expect([put.headers.get("location"), put.headers.get("etag")]).toEqual([meta["location"], meta["version"]]);
  });

  test('"MUST NOT be used to create new resources"', async () => {
    const { status } = await tenant.scim("PUT", `/Users/${crypto.randomUUID()}`, newUser("ghost"));
    expect(status).toBe(404);
    const list = await tenant.scim("GET", `/Users?filter=${encodeURIComponent('externalId eq "ghost"')}`);
    expect(list.body["totalResults"]).toBe(0);
  });

  test('"readWrite, writeOnly: any values provided SHALL replace the existing attribute values", and what is left out is gone', async () => {
    const before = await create({
      title: "Boss",
      emails: [{ value: "a@acme.example" }],
      name: { givenName: "Ann", familyName: "B" },
      [enterprise]: { department: "R&D", division: "A" },
    });
    const { userName, externalId } = before.body;
    const put = await tenant.scim("PUT", pathOf(before), {
      userName,
      externalId,
      name: { familyName: "C" },
      [enterprise]: { department: "HR" },
    });
    expect(written(put.body)).toEqual({
      schemas: put.body["schemas"],
      userName,
      externalId,
      active: true,
      name: { familyName: "C" },
      [enterprise]: { department: "HR" },
    });
  });

  test('"readOnly: any values provided SHALL be ignored"', async () => {
    const before = await create();
    const put = await tenant.scim("PUT", pathOf(before), {
      ...before.body,
      id: "other",
      groups: [{ value: "g" }],
      meta: { version: "x" },
    });
    expect(put.body).toEqual(before.body);
  });

  test('"immutable: […] the input value(s) MUST match, or HTTP status code 400 […] "mutability""; a first value is applied, and silence keeps', async () => {
    const extended = await createExtendedTenant(house, [
      { name: "badge", type: "string", mutability: "immutable", caseExact: true },
    ]);
    const one = pathOf(await extended.scim("POST", "/Users", newUser("u1")));
    const put = (badge: unknown) => extended.scim("PUT", one, newUser("u1", { [acme]: { badge } }));
    expect((await put("7")).body[acme]).toEqual({ badge: "7" });
    expect((await put("7")).status).toBe(200);
    expect(await put("8")).toMatchObject({ status: 400, body: { scimType: "mutability" } });
    expect((await extended.scim("PUT", one, newUser("u1"))).body[acme]).toEqual({ badge: "7" });
  });

  test('"If an attribute is "required", clients MUST specify the attribute in the PUT request."', async () => {
    const user = pathOf(await create());
    expect(await tenant.scim("PUT", user, { externalId: "x" })).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue" },
    });
    const group = pathOf(await tenant.scim("POST", "/Groups", newGroup("Required")), "Groups");
    expect(await tenant.scim("PUT", group, { members: [] })).toMatchObject({
      status: 400,
      body: { scimType: "invalidValue" },
    });
  });

  test("what would take another's name is 409 uniqueness, and the resource stays as it was", async () => {
    const [one, other] = [await create(), await create()];
    const put = await tenant.scim("PUT", pathOf(other), { ...written(other.body), userName: one.body["userName"] });
    expect(put).toMatchObject({ status: 409, body: { scimType: "uniqueness" } });
    expect((await tenant.scim("GET", pathOf(other))).body).toEqual(other.body);
  });
});

describe("the two silences that take nothing, as providers mean them", () => {
  test("active: who was shut out stays so", async () => {
    const before = await create({ active: false });
    const { userName } = before.body;
    expect((await tenant.scim("PUT", pathOf(before), { userName })).body["active"]).toBe(false);
    expect((await tenant.scim("PUT", pathOf(before), { userName, active: null })).body["active"]).toBe(false);
    expect((await tenant.scim("PUT", pathOf(before), { userName, active: true })).body["active"]).toBe(true);
  });

  test("members: who left them out to keep the request small keeps them, unless the dialect says otherwise", async () => {
    const user = (await create()).body["id"] as string;
    const group = pathOf(await tenant.scim("POST", "/Groups", newGroup("Silence", [user])), "Groups");
    expect((await tenant.scim("PUT", group, { displayName: "Silence" })).body["members"]).toHaveLength(1);
    const other = await createTenant(house, { kind: "keycloak" });
    const member = (await other.scim("POST", "/Users", newUser("u1"))).body["id"] as string;
    const whole = pathOf(await other.scim("POST", "/Groups", newGroup("Silence", [member])), "Groups");
    expect((await other.scim("PUT", whole, { displayName: "Silence" })).body).not.toHaveProperty("members");
  });
});

test("a replacement by what is there already is no change: the same version, the same time, no event", async () => {
  const before = await create({ title: "Boss", emails: [{ value: "a@acme.example", type: "work" }] });
  const events = () => house.database.prismaIn(tenant.id, (prisma) => prisma.lifecycleEvent.count());
  const count = await events();
  const put = await tenant.scim("PUT", pathOf(before), written(before.body));
  expect(put.body).toEqual(before.body);
  expect(await events()).toBe(count);
});
