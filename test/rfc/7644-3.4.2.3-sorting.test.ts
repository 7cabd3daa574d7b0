import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const people = [
  { userName: "bob", displayName: "Zoe", externalId: "B", emails: [{ value: "m@ex.test" }] },
  {
    userName: "Ann",
    name: { familyName: "Ärger" },
    externalId: "a",
    active: false,
    emails: [{ value: "z@ex.test" }, { value: "A@ex.test", primary: true }],
  },
  { userName: "cid", displayName: "amy", name: { familyName: "zebra" }, [enterprise]: { department: "sales" } },
  { userName: "DAN", displayName: "Bea", name: { familyName: "Able" }, [enterprise]: { department: "HR" } },
];
for (const person of people) await tenant.scim("POST", "/Users", { active: true, ...person });
for (const displayName of ["north", "East", "south"]) await tenant.scim("POST", "/Groups", { displayName });

test("a server that sorts says so in its ServiceProviderConfig", async () => {
  expect((await tenant.scim("GET", "/ServiceProviderConfig")).body["sort"]).toEqual({ supported: true });
});

describe("sortBy: the attribute whose value SHALL be used to order the returned responses", () => {
  test("a singular attribute by its value", async () => {
    expect(await sorted("userName")).toEqual(["Ann", "bob", "cid", "DAN"]);
    expect(await sorted("USERNAME")).toEqual(["Ann", "bob", "cid", "DAN"]);
    expect(await sorted("urn:ietf:params:scim:schemas:core:2.0:User:userName")).toEqual(["Ann", "bob", "cid", "DAN"]);
    expect(await sorted("active")).toEqual(["Ann", "bob", "cid", "DAN"]);
  });

  test("a multi-valued attribute by the primary value, if any, or else the first value in the list", async () => {
    expect((await sorted("emails")).slice(0, 2)).toEqual(["Ann", "bob"]);
    expect((await sorted("emails.value")).slice(0, 2)).toEqual(["Ann", "bob"]);
  });

  test("a part of a complex attribute, or of an extension, by its path", async () => {
    expect((await sorted("name.familyName")).slice(0, 3)).toEqual(["DAN", "cid", "Ann"]);
    expect((await sorted(`${enterprise}:department`)).slice(0, 2)).toEqual(["DAN", "cid"]);
  });

  test("if the attribute is complex, the attribute name must be a path to a sub-attribute", async () => {
    expect(await refused("name")).toEqual([400, "invalidValue"]);
    expect(await refused("meta")).toEqual([400, "invalidValue"]);
    expect(await refused("shoeSize")).toEqual([400, "invalidValue"]);
  });

  test("what a resource shows without holding it sorts too", async () => {
    const inOrder = ["bob", "Ann", "cid", "DAN"];
    for (const sortBy of ["meta.created", "meta.lastModified", "id", "meta.location"]) {
      expect([sortBy, await sorted(sortBy)]).toEqual([sortBy, inOrder]);
    }
  });

  test("with no data for the specified sortBy value, they are ordered last if ascending and first if descending", async () => {
    expect(await sorted("displayName")).toEqual(["cid", "DAN", "bob", "Ann"]);
    expect(await sorted("displayName", "descending")).toEqual(["Ann", "bob", "DAN", "cid"]);
    expect(await sorted("externalId")).toEqual(["bob", "Ann", "cid", "DAN"]);
  });
});

describe("sortOrder: the order in which the sortBy parameter is applied", () => {
  test("allowed values are ascending and descending, and it SHALL default to ascending", async () => {
    expect(await sorted("userName", "ascending")).toEqual(await sorted("userName"));
    expect(await sorted("userName", "Descending")).toEqual(["DAN", "cid", "bob", "Ann"]);
    const { status, body } = await tenant.scim("GET", "/Users?sortBy=userName&sortOrder=up");
    expect([status, body["scimType"]]).toEqual([400, "invalidValue"]);
  });

  test("for case-exact attribute types, sort the result using case-sensitive Unicode alphabetic sort order", async () => {
    expect((await sorted("externalId")).slice(0, 2)).toEqual(["bob", "Ann"]);
    expect((await sorted("externalId", "descending")).slice(2)).toEqual(["Ann", "bob"]);
  });

  test("groups are sorted as users are", async () => {
    const { body } = await tenant.scim("GET", "/Groups?sortBy=displayName&sortOrder=descending");
    expect(names(body, "displayName")).toEqual(["south", "north", "East"]);
  });
});

test("an order is the same however often it is asked for, and pages continue it", async () => {
  const whole = await sorted("active");
  const pages = await Promise.all(
    whole.map(async (_, at) => {
      const { body } = await tenant.scim("GET", `/Users?sortBy=active&startIndex=${at + 1}&count=1`);
      return names(body, "userName")[0];
    }),
  );
  expect(pages).toEqual(whole);
});

async function sorted(sortBy: string, sortOrder?: string): Promise<readonly unknown[]> {
  const order = sortOrder === undefined ? "" : `&sortOrder=${sortOrder}`;
  const { status, body } = await tenant.scim("GET", `/Users?sortBy=${encodeURIComponent(sortBy)}${order}`);
  expect([status, body["detail"], body["totalResults"]]).toEqual([200, undefined, people.length]);
  return names(body, "userName");
}

async function refused(sortBy: string): Promise<readonly unknown[]> {
  const { status, body } = await tenant.scim("GET", `/Users?sortBy=${sortBy}`);
  return [status, body["scimType"]];
}

function names(body: Record<string, unknown>, attribute: string): readonly unknown[] {
  return (body["Resources"] as readonly Record<string, unknown>[]).map((one) => one[attribute]);
}
