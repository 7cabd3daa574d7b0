import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";
import { coreUser, enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const ann = {
  ...newUser("ann"),
  displayName: "Ann",
  name: { givenName: "Ann", familyName: "B" },
  emails: [
    { value: "a@acme.example", type: "work", primary: true },
    { value: "h@acme.example", type: "home" },
  ],
  [enterprise]: { department: "R&D", manager: { value: "m-1" } },
};
const made = await tenant.scim("POST", "/Users", ann);
const id = made.body["id"] as string;
const group = (await tenant.scim("POST", "/Groups", newGroup("Sales", [id]))).body["id"] as string;
const minimum = { schemas: [coreUser, enterprise], id };

const shown = async (query: string) => (await tenant.scim("GET", `/Users/${id}?${query}`)).body;

describe("§3.9: attributes", () => {
  test.each([
    ["userName", { userName: "ann@example.test" }],
    ["USERNAME", { userName: "ann@example.test" }],
    ["userName,displayName", { userName: "ann@example.test", displayName: "Ann" }],
    [" userName , displayName ", { userName: "ann@example.test", displayName: "Ann" }],
    ["name", { name: ann.name }],
    ["name.familyName", { name: { familyName: "B" } }],
    ["emails.value", { emails: [{ value: "a@acme.example" }, { value: "h@acme.example" }] }],
    [
      "emails.value,emails.type",
      {
        emails: [
          { value: "a@acme.example", type: "work" },
          { value: "h@acme.example", type: "home" },
        ],
      },
    ],
    [`${coreUser}:userName`, { userName: "ann@example.test" }],
    [`${enterprise}:department`, { [enterprise]: { department: "R&D" } }],
    [`${enterprise}:manager.value`, { [enterprise]: { manager: { value: "m-1" } } }],
    [enterprise, { [enterprise]: ann[enterprise] }],
    ["groups.value", { groups: [{ value: group }] }],
    ["meta.resourceType", { meta: { resourceType: "User" } }],
    ["id", {}],
    ["nothing", {}],
    ["password", {}],
  ])("%s: what is named, and the minimum", async (attributes, expected) => {
    expect(await shown(`attributes=${encodeURIComponent(attributes)}`)).toEqual({ ...minimum, ...expected });
  });
});

describe("§3.9: excludedAttributes", () => {
  test.each([
    ["displayName", ["displayName"]],
    ["DISPLAYNAME,emails", ["displayName", "emails"]],
    [enterprise, [enterprise]],
    ["groups", ["groups"]],
    ["meta", ["meta"]],
    ["nothing", []],
  ])("%s: everything else", async (excluded, gone) => {
    const whole = await shown("");
    const { meta, ...rest } = await shown(`excludedAttributes=${encodeURIComponent(excluded)}`);
    const expected = Object.fromEntries(Object.entries(whole).filter(([name]) => ![...gone, "meta"].includes(name)));
    expect(rest).toEqual(expected);
    expect(meta === undefined).toBe(gone.includes("meta"));
  });

  test("a part is excluded from every element", async () => {
    expect((await shown("excludedAttributes=emails.type,name.givenName"))["emails"]).toEqual([
      { value: "a@acme.example", primary: true },
      { value: "h@acme.example" },
    ]);
    expect((await shown(`excludedAttributes=${enterprise}:manager`))[enterprise]).toEqual({ department: "R&D" });
  });

  test('"SHALL have no effect on attributes whose schema "returned" setting is "always""', async () => {
    expect(await shown("excludedAttributes=id,schemas")).toMatchObject(minimum);
  });
});

describe("§3.9: in every answer with a resource", () => {
  test("of lists", async () => {
    const { body } = await tenant.scim("GET", "/Users?attributes=displayName");
    expect(body["Resources"]).toEqual([{ ...minimum, displayName: "Ann" }]);
    const groups = await tenant.scim("GET", "/Groups?excludedAttributes=members,meta");
    expect(groups.body["Resources"]).toEqual([
      { schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"], id: group, displayName: "Sales" },
    ]);
  });

  test("of PUT and PATCH", async () => {
    expect((await tenant.scim("PUT", `/Users/${id}?attributes=displayName`, ann)).body).toEqual({
      ...minimum,
      displayName: "Ann",
    });
    const changed = await tenant.scim(
      "PATCH",
      `/Users/${id}?attributes=title`,
      patch({ op: "add", path: "title", value: "Boss" }),
    );
    expect(changed.body).toEqual({ ...minimum, title: "Boss" });
  });

  test('§3.5.2: "The server MUST return a 200 OK if the "attributes" parameter is specified", of a group too', async () => {
    const rename = patch({ op: "replace", path: "displayName", value: "Sales" });
    expect((await tenant.scim("PATCH", `/Groups/${group}`, rename)).status).toBe(204);
    const asked = await tenant.scim("PATCH", `/Groups/${group}?attributes=displayName`, rename);
    expect([asked.status, asked.body["displayName"], asked.body["members"]]).toEqual([200, "Sales", undefined]);
  });
});

test("§3.10: every facet of a name may be written out, in any case", async () => {
  for (const name of ["name.familyName", `${coreUser}:name.familyName`, `${coreUser.toUpperCase()}:NAME.FAMILYNAME`])
    expect((await shown(`attributes=${name}`))["name"]).toEqual({ familyName: "B" });
  for (const filter of ['name.familyName eq "b"', `${coreUser}:name.familyName eq "b"`])
    expect((await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`)).body["totalResults"]).toBe(1);
});
