import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { addConnection, newGroup, newUser, patch, type ScimAnswer } from "../harness/tenant.ts";
import { acme, coreGroup, coreUser, createExtendedTenant } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const badge = { name: "badge", type: "string" };
const level = { name: "level", type: "string", canonicalValues: ["low", "high"] };
const locker = {
  name: "locker",
  type: "complex",
  subAttributes: [
    { name: "room", type: "string", required: true },
    { name: "shelf", type: "integer" },
  ],
};

/** The user of an answer, by its path. */
const pathOf = ({ body }: ScimAnswer): string => `/Users/${body["id"] as string}`;
const mutability = { status: 400, body: { scimType: "mutability" } };
const invalidValue = { status: 400, body: { scimType: "invalidValue" } };
const invalidPath = { status: 400, body: { scimType: "invalidPath" } };

describe("a schema of the connection's own is read and shown like SCIM's", () => {
  test("in POST, PUT, GET, PATCH and lists, under its URN, with dots and all", async () => {
    const tenant = await createExtendedTenant(house, [badge, locker]);
    const made = await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7", shoe: 44 } }));
    expect(made.body).toMatchObject({ schemas: [coreUser, acme], [acme]: { badge: "7" } });
    const one = pathOf(made);
    const put = await tenant.scim("PUT", one, newUser("u1", { [acme]: { badge: "8", locker: { room: "A" } } }));
    expect(put.body[acme]).toEqual({ badge: "8", locker: { room: "A" } });
    // Entra writes one path for each attribute (reference: a custom extension whose URN has dots).
    const paths = patch(
      { op: "Add", path: `${acme}:badge`, value: "9" },
      { op: "Replace", path: `${acme}:locker.shelf`, value: 3 },
    );
    expect((await tenant.scim("PATCH", one, paths)).body[acme]).toEqual({
      badge: "9",
      locker: { room: "A", shelf: 3 },
    });
    const whole = patch({ op: "replace", value: { [acme]: { badge: "10" }, [`${acme}:locker.room`]: "B" } });
    expect((await tenant.scim("PATCH", one, whole)).body[acme]).toEqual({
      badge: "10",
      locker: { room: "B", shelf: 3 },
    });
    const listed = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`${acme}:badge eq "10"`)}`);
    expect(listed.body["Resources"]).toMatchObject([{ [acme]: { badge: "10" } }]);
    const gone = await tenant.scim("PATCH", one, patch({ op: "remove", path: acme }));
    expect(gone.body).not.toHaveProperty([acme]);
    expect(gone.body["schemas"]).toEqual([coreUser]);
  });

  test("by filters on its parts, and by its attribute alone where the name is nobody else's", async () => {
    const tenant = await createExtendedTenant(house, [badge, locker]);
    await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7", locker: { room: "A", shelf: 3 } } }));
    await tenant.scim("POST", "/Users", newUser("u2", { [acme]: { badge: "8" } }));
    const found = async (filter: string) =>
      (await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`)).body["totalResults"];
    expect(await found(`${acme}:locker.shelf gt 2`)).toBe(1);
    expect(await found(`${acme}:locker pr`)).toBe(1);
    expect(await found(`not (${acme}:locker.room eq "a")`)).toBe(1);
    expect(await found('badge eq "8" and userName sw "u2"')).toBe(1);
  });

  test("in a sort, with its case or without, and before those who have no value", async () => {
    const exact = { name: "exact", type: "string", caseExact: true };
    const tenant = await createExtendedTenant(house, [badge, exact]);
    for (const [name, value] of [
      ["u1", "b"],
      ["u2", "A"],
      ["u3", "C"],
      ["u4", undefined],
    ] as const)
      await tenant.scim(
        "POST",
        "/Users",
        newUser(name, value === undefined ? {} : { [acme]: { badge: value, exact: value } }),
      );
    const order = async (attribute: string, sortOrder: string) => {
      const { body } = await tenant.scim("GET", `/Users?sortBy=${acme}:${attribute}&sortOrder=${sortOrder}`);
      return (body["Resources"] as readonly { readonly externalId: string }[]).map(({ externalId }) => externalId);
    };
    expect(await order("badge", "ascending")).toEqual(["u2", "u1", "u3", "u4"]);
    expect(await order("exact", "ascending")).toEqual(["u2", "u3", "u1", "u4"]);
    expect((await order("badge", "descending")).filter((name) => name !== "u4")).toEqual(["u3", "u1", "u2"]);
  });

  test("of groups as of users", async () => {
    const urn = "urn:acme:hr:2.0:Group";
    const tenant = await createExtendedTenant(house, [badge], { urn, resourceType: "Group" });
    const made = await tenant.scim("POST", "/Groups", { ...newGroup("Sales"), [urn]: { badge: "7" } });
    expect(made.body).toMatchObject({ schemas: [coreGroup, urn], [urn]: { badge: "7" } });
    const one = `/Groups/${made.body["id"] as string}`;
    expect((await tenant.scim("PATCH", one, patch({ op: "replace", path: `${urn}:badge`, value: "8" }))).status).toBe(
      204,
    );
    const listed = await tenant.scim("GET", `/Groups?filter=${encodeURIComponent(`${urn}:badge eq "8"`)}`);
    expect(listed.body["totalResults"]).toBe(1);
    expect((await tenant.scim("POST", "/Users", newUser("u1", { [urn]: { badge: "7" } }))).body).not.toHaveProperty([
      urn,
    ]);
  });

  test("an attribute that it does not have is refused by name in a PATCH", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const one = pathOf(await tenant.scim("POST", "/Users", newUser("u1")));
    const refused = await tenant.scim("PATCH", one, patch({ op: "add", path: `${acme}:shoe`, value: "44" }));
    expect(refused).toMatchObject(invalidPath);
    expect(refused.body["detail"]).toContain(`${acme}:shoe`);
  });
});

describe("what a schema of the connection's own says is held", () => {
  test("required: where the extension is carried, and a PATCH cannot take it", async () => {
    const tenant = await createExtendedTenant(house, [{ ...badge, required: true }, level, locker]);
    expect(await tenant.scim("POST", "/Users", newUser("u0", { [acme]: { level: "low" } }))).toMatchObject(
      invalidValue,
    );
    expect(
      await tenant.scim("POST", "/Users", newUser("u0", { [acme]: { badge: "1", locker: { shelf: 1 } } })),
    ).toMatchObject(invalidValue);
    const one = pathOf(await tenant.scim("POST", "/Users", newUser("u1")));
    expect(await tenant.scim("PUT", one, newUser("u1", { [acme]: { level: "low" } }))).toMatchObject(invalidValue);
    expect(await tenant.scim("PATCH", one, patch({ op: "add", path: `${acme}:level`, value: "low" }))).toMatchObject(
      invalidValue,
    );
    const both = patch(
      { op: "add", path: `${acme}:level`, value: "low" },
      { op: "add", path: `${acme}:badge`, value: "7" },
    );
    expect((await tenant.scim("PATCH", one, both)).status).toBe(200);
    expect(await tenant.scim("PATCH", one, patch({ op: "remove", path: `${acme}:badge` }))).toMatchObject(mutability);
    expect((await tenant.scim("PATCH", one, patch({ op: "remove", path: acme }))).status).toBe(200);
  });

  test("immutable: given once, and neither changed nor taken", async () => {
    const tenant = await createExtendedTenant(house, [{ ...badge, mutability: "immutable" }, level]);
    const one = pathOf(await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { level: "low" } })));
    const badgeIs = (value: string) => patch({ op: "replace", path: `${acme}:badge`, value });
    expect((await tenant.scim("PATCH", one, badgeIs("Seven"))).body[acme]).toEqual({ level: "low", badge: "Seven" });
    expect((await tenant.scim("PATCH", one, badgeIs("seven"))).status).toBe(200);
    expect(await tenant.scim("PATCH", one, badgeIs("8"))).toMatchObject(mutability);
    expect(await tenant.scim("PATCH", one, patch({ op: "remove", path: `${acme}:badge` }))).toMatchObject(mutability);
    expect(await tenant.scim("PATCH", one, patch({ op: "remove", path: acme }))).toMatchObject(mutability);
    expect(await tenant.scim("PUT", one, newUser("u1", { [acme]: { badge: "8" } }))).toMatchObject(mutability);
    expect((await tenant.scim("PUT", one, newUser("u1"))).body[acme]).toHaveProperty("badge");
  });

  test("readOnly: not read from a body, and refused in a PATCH", async () => {
    const tenant = await createExtendedTenant(house, [{ ...badge, mutability: "readOnly" }, level]);
    const made = await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7", level: "low" } }));
    expect(made.body[acme]).toEqual({ level: "low" });
    expect(
      await tenant.scim("PATCH", pathOf(made), patch({ op: "add", path: `${acme}:badge`, value: "7" })),
    ).toMatchObject(mutability);
  });

  test("canonical values: suggestions, unless the admin says that there are no others", async () => {
    const lenient = await createExtendedTenant(house, [level]);
    expect((await lenient.scim("POST", "/Users", newUser("u1", { [acme]: { level: "middle" } }))).status).toBe(201);
    const strict = await createExtendedTenant(house, [level], { canonicalValuesOnly: true });
    expect(await strict.scim("POST", "/Users", newUser("u1", { [acme]: { level: "middle" } }))).toMatchObject(
      invalidValue,
    );
    const made = await strict.scim("POST", "/Users", newUser("u1", { [acme]: { level: "HIGH" } }));
    expect(made.body[acme]).toEqual({ level: "HIGH" });
    expect(
      await strict.scim("PATCH", pathOf(made), patch({ op: "replace", path: `${acme}:level`, value: "middle" })),
    ).toMatchObject(invalidValue);
  });

  test("returned: always, on request and never, and a filter may ask for what is never shown", async () => {
    const tenant = await createExtendedTenant(house, [
      { ...badge, returned: "always" },
      { name: "pin", type: "string", mutability: "writeOnly" },
      { name: "history", type: "string", returned: "request" },
    ]);
    const values = { badge: "7", pin: "1234", history: "long" };
    const made = await tenant.scim("POST", "/Users", newUser("u1", { [acme]: values }));
    // RFC 7643 §7: what is returned on request is returned to whoever wrote it.
    expect(made.body[acme]).toEqual({ badge: "7", history: "long" });
    const one = pathOf(made);
    expect((await tenant.scim("GET", one)).body[acme]).toEqual({ badge: "7" });
    expect((await tenant.scim("GET", `${one}?attributes=userName`)).body[acme]).toEqual({ badge: "7" });
    expect((await tenant.scim("GET", `${one}?excludedAttributes=${acme}`)).body[acme]).toEqual({ badge: "7" });
    expect((await tenant.scim("GET", `${one}?attributes=${acme}:history,${acme}:pin`)).body[acme]).toEqual({
      badge: "7",
      history: "long",
    });
    expect((await tenant.scim("PATCH", one, patch({ op: "replace", path: "title", value: "x" }))).body[acme]).toEqual({
      badge: "7",
    });
    expect(
      (await tenant.scim("PATCH", one, patch({ op: "replace", path: `${acme}:history`, value: "new" }))).body[acme],
    ).toEqual({ badge: "7", history: "new" });
    const listed = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`${acme}:pin eq "1234"`)}`);
    expect(listed.body["totalResults"]).toBe(1);
    expect(JSON.stringify(listed.body)).not.toContain("1234");
  });
});

describe("two connections with different schemas never see each other's", () => {
  test("of one tenant: not in discovery, not in what they write, not in what they read", async () => {
    const first = await createExtendedTenant(house, [badge]);
    const second = await addConnection(house, first, "https://other.idp.test");
    const ids = async (one: Pick<typeof first, "scim">) =>
      ((await one.scim("GET", "/Schemas")).body["Resources"] as readonly { readonly id: string }[]).map(({ id }) => id);
    expect(await ids(first)).toContain(acme);
    expect(await ids(second)).not.toContain(acme);
    expect((await second.scim("GET", `/Schemas/${acme}`)).status).toBe(404);
    expect(JSON.stringify((await second.scim("GET", "/ResourceTypes")).body)).not.toContain("acme");
    const made = await second.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7" } }));
    expect(made.body).not.toHaveProperty([acme]);
    expect(
      await second.scim("PATCH", pathOf(made), patch({ op: "add", path: `${acme}:badge`, value: "7" })),
    ).toMatchObject(invalidPath);
    const filtered = await second.scim("GET", `/Users?filter=${encodeURIComponent(`${acme}:badge eq "7"`)}`);
    expect(filtered).toMatchObject({ status: 400, body: { scimType: "invalidFilter" } });
  });

  test("of two tenants under one URN: each has its own definition", async () => {
    const [text, number] = await Promise.all([
      createExtendedTenant(house, [badge]),
      createExtendedTenant(house, [{ name: "badge", type: "integer" }]),
    ]);
    expect((await text.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7" } }))).status).toBe(201);
    expect(await number.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7" } }))).toMatchObject(invalidValue);
    expect((await number.scim("POST", "/Users", newUser("u1", { [acme]: { badge: 7 } }))).body[acme]).toEqual({
      badge: 7,
    });
  });
});
