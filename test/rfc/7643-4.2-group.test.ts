import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const base = "https://rollcall.test/scim/v2";
const ann = idOf(await tenant.scim("POST", "/Users", newUser("ann", { displayName: "Ann" })));
const inner = idOf(await tenant.scim("POST", "/Groups", newGroup("Inner")));

function idOf({ body }: { readonly body: Record<string, unknown> }): string {
  return body["id"] as string;
}

describe("§4.2: displayName", () => {
  test("required (erratum 5368), not empty, and unique without case, as /Schemas says", async () => {
    for (const displayName of [undefined, null, "", " ", 7])
      expect(await tenant.scim("POST", "/Groups", { displayName })).toMatchObject({
        status: 400,
        body: { scimType: "invalidValue" },
      });
    await tenant.scim("POST", "/Groups", newGroup("Tour Guides"));
    expect(await tenant.scim("POST", "/Groups", newGroup("TOUR guides"))).toMatchObject({
      status: 409,
      body: { scimType: "uniqueness" },
    });
    const { body } = await tenant.scim("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group");
    expect((body["attributes"] as readonly unknown[])[0]).toMatchObject({
      name: "displayName",
      required: true,
      caseExact: false,
      uniqueness: "server",
    });
  });

  test("a PUT that keeps the group's own name is no conflict", async () => {
    const one = `/Groups/${idOf(await tenant.scim("POST", "/Groups", newGroup("Own")))}`;
    expect((await tenant.scim("PUT", one, newGroup("OWN"))).body["displayName"]).toBe("OWN");
  });

  test("a PATCH cannot take it", async () => {
    const one = `/Groups/${idOf(await tenant.scim("POST", "/Groups", newGroup("Kept")))}`;
    expect(await tenant.scim("PATCH", one, patch({ op: "remove", path: "displayName" }))).toMatchObject({
      status: 400,
      body: { scimType: "mutability" },
    });
  });
});

describe("§4.2: members", () => {
  test("users and groups, each with its type, its location and its name, whatever was sent beside the value", async () => {
    const members = [
      { value: ann, type: "Group", display: "not her name", $ref: "https://evil.example" },
      { value: inner },
    ];
    const { body } = await tenant.scim("POST", "/Groups", { displayName: "Both", members });
    const shown = body["members"] as readonly { readonly value: string }[];
    expect(shown.toSorted((one, other) => (one.value === ann ? -1 : other.value === ann ? 1 : 0))).toEqual([
      { value: ann, type: "User", $ref: `${base}/Users/${ann}`, display: "Ann" },
      { value: inner, type: "Group", $ref: `${base}/Groups/${inner}`, display: "Inner" },
    ]);
  });

  test("an element's parts are immutable: it is added and taken as a whole", async () => {
    const one = `/Groups/${idOf(await tenant.scim("POST", "/Groups", newGroup("Parts", [ann])))}`;
    for (const path of [`members[value eq "${ann}"].display`, `members[value eq "${ann}"].value`, "members.type"])
      expect([
        path,
        (await tenant.scim("PATCH", one, patch({ op: "replace", path, value: "x" }))).body["scimType"],
      ]).toEqual([path, "mutability"]);
    await tenant.scim("PATCH", one, patch({ op: "remove", path: `members[value eq "${ann}"]` }));
    expect((await tenant.scim("GET", one)).body).not.toHaveProperty("members");
  });

  test("a member that is named twice is one", async () => {
    const { body } = await tenant.scim("POST", "/Groups", newGroup("Twice", [ann, ann]));
    expect(body["members"]).toHaveLength(1);
  });

  test("a PUT that is silent about members keeps them, and one with none empties the group", async () => {
    const one = `/Groups/${idOf(await tenant.scim("POST", "/Groups", newGroup("Silent", [ann])))}`;
    expect((await tenant.scim("PUT", one, { displayName: "Silent" })).body["members"]).toHaveLength(1);
    expect((await tenant.scim("PUT", one, { displayName: "Silent", members: [] })).body).not.toHaveProperty("members");
  });
});
