import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";
import { enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);

/** RFC 7643 §8.2 and §8.3, the full users, but for what only a server says of them. */
const bjensen = {
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
  externalId: "701984",
  userName: "bjensen@example.com",
  name: {
    formatted: "Ms. Barbara J Jensen, III",
    familyName: "Jensen",
    givenName: "Barbara",
    middleName: "Jane",
    honorificPrefix: "Ms.",
    honorificSuffix: "III",
  },
  displayName: "Babs Jensen",
  nickName: "Babs",
  profileUrl: "https://login.example.com/bjensen",
  emails: [
    { value: "bjensen@example.com", type: "work", primary: true },
    { value: "babs@jensen.org", type: "home" },
  ],
  addresses: [
    {
      type: "work",
      streetAddress: "100 Universal City Plaza",
      locality: "Hollywood",
      region: "CA",
      postalCode: "91608",
      country: "US",
      formatted: "100 Universal City Plaza\nHollywood, CA 91608 USA",
      primary: true,
    },
  ],
  phoneNumbers: [{ value: "555-555-5555", type: "work" }],
  ims: [{ value: "someaimhandle", type: "aim" }],
  photos: [{ value: "https://photos.example.com/profilephoto/72930000000Ccne/F", type: "photo" }],
  userType: "Employee",
  title: "Tour Guide",
  preferredLanguage: "en-US",
  locale: "en-US",
  timezone: "America/Los_Angeles",
  active: true,
  entitlements: [{ value: "gold" }],
  roles: [{ value: "guide", display: "Guide", type: "job", primary: true }],
  x509Certificates: [{ value: "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx" }],
  [enterprise]: {
    employeeNumber: "701984",
    costCenter: "4130",
    organization: "Universal Studios",
    division: "Theme Park",
    department: "Tour Operations",
    manager: { value: "26118915-6090-4610-87e4-49d8ca9f808d", $ref: "../Users/26118915-6090-4610-87e4-49d8ca9f808d" },
  },
};

test("§4.1, §4.3, §8.3: the full user of the RFC comes back as it was sent", async () => {
  const { status, body } = await tenant.scim("POST", "/Users", bjensen);
  expect(status).toBe(201);
  const { id: _id, meta: _meta, ...shown } = body;
  expect(shown).toEqual(bjensen);
  expect((await tenant.scim("GET", `/Users/${body["id"] as string}`)).body).toEqual(body);
});

describe("§4.1.1: singular attributes", () => {
  test("userName: required, not empty, unique without case, and kept as it was written", async () => {
    const made = await tenant.scim("POST", "/Users", { userName: "Ann.Bee@Example.Test" });
    expect(made.body["userName"]).toBe("Ann.Bee@Example.Test");
    for (const userName of [undefined, null, "", "  ", 7])
      expect(await tenant.scim("POST", "/Users", { userName })).toMatchObject({
        status: 400,
        body: { scimType: "invalidValue" },
      });
    const again = await tenant.scim("POST", "/Users", { userName: "ann.bee@example.test" });
    expect([again.status, again.body["scimType"]]).toEqual([409, "uniqueness"]);
    const found = await tenant.scim("GET", `/Users?filter=${encodeURIComponent('userName eq "ANN.BEE@example.test"')}`);
    expect(found.body["totalResults"]).toBe(1);
  });

  test("active: a new user is unless said otherwise, and silence in a PUT enables nobody", async () => {
    const on = await tenant.scim("POST", "/Users", { userName: "on@example.test" });
    expect(on.body["active"]).toBe(true);
    const off = await tenant.scim("POST", "/Users", { userName: "off@example.test", active: false });
    const put = await tenant.scim("PUT", `/Users/${off.body["id"] as string}`, { userName: "off@example.test" });
    expect(put.body["active"]).toBe(false);
  });

  test("password: taken, neither kept nor returned nor described", async () => {
    const secret = "t1meMa$heen";
    const { body } = await tenant.scim("POST", "/Users", newUser("secret", { password: secret }));
    expect(JSON.stringify(body)).not.toContain(secret);
    const one = `/Users/${body["id"] as string}`;
    expect(
      (await tenant.scim("PATCH", one, patch({ op: "replace", path: "password", value: secret }))).body["meta"],
    ).toEqual(body["meta"]);
    const rows = await house.database.prismaIn(tenant.id, (prisma) => prisma.directoryUser.findMany());
    expect(JSON.stringify(rows.map(({ attributes }) => attributes))).not.toContain(secret);
  });
});

describe("§4.1.2: groups", () => {
  test("readOnly: changed through the group alone", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("member", { groups: [{ value: "mine" }] }));
    expect(body).not.toHaveProperty("groups");
    const one = `/Users/${body["id"] as string}`;
    const put = await tenant.scim("PUT", one, newUser("member", { groups: [{ value: "mine" }] }));
    expect(put.body).not.toHaveProperty("groups");
    const refused = await tenant.scim("PATCH", one, patch({ op: "add", path: "groups", value: [{ value: "mine" }] }));
    expect([refused.status, refused.body["scimType"]]).toEqual([400, "mutability"]);

    const group = await tenant.scim("POST", "/Groups", newGroup("Guides", [body["id"] as string]));
    const id = group.body["id"] as string;
    expect((await tenant.scim("GET", one)).body["groups"]).toEqual([
      { value: id, $ref: `https://rollcall.test/scim/v2/Groups/${id}`, display: "Guides", type: "direct" },
    ]);
  });
});

describe("§4.3: the enterprise extension", () => {
  test("manager.displayName is readOnly, and a bare id is a manager", async () => {
    const manager = { value: "m-1", displayName: "Max" };
    const { body } = await tenant.scim("POST", "/Users", newUser("led", { [enterprise]: { manager } }));
    expect(body[enterprise]).toEqual({ manager: { value: "m-1" } });
    const path = `${enterprise}:manager.displayName`;
    const refused = await tenant.scim(
      "PATCH",
      `/Users/${body["id"] as string}`,
      patch({ op: "replace", path, value: "Max" }),
    );
    expect([refused.status, refused.body["scimType"]]).toEqual([400, "mutability"]);
    const bare = await tenant.scim(
      "PUT",
      `/Users/${body["id"] as string}`,
      newUser("led", { [enterprise]: { manager: "m-2" } }),
    );
    expect(bare.body[enterprise]).toEqual({ manager: { value: "m-2" } });
  });
});
