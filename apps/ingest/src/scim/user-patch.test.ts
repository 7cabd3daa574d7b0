import { DirectoryError, type Json, type UserAttributes } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { readChanges } from "./dialect.ts";
import { enterpriseUser, userSchema } from "./schema.ts";
import { applyUserPatch } from "./user-patch.ts";

const enterprise = enterpriseUser.urn;
const id = "0198a000-0000-7000-8000-000000000001";
const work = { type: "work", value: "ann@ex.test", primary: true };
const ann: UserAttributes = {
  userName: "ann@ex.test",
  active: true,
  displayName: "Ann B",
  name: { givenName: "Ann", familyName: "B" },
  emails: [work],
};

const patch = (...operations: readonly Json[]) => patchOf(ann, ...operations);

function patchOf(attributes: UserAttributes, ...operations: readonly Json[]): UserAttributes {
  return applyUserPatch(attributes, readChanges(userSchema, id, { Operations: operations }));
}

function codeOf(...operations: readonly Json[]): string {
  try {
    patch(...operations);
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("a leaver is deactivated in every spelling, and never by accident enabled", () => {
  for (const value of [false, "False", "false", "FALSE"]) {
    expect(patch({ op: "Replace", path: "active", value }).active).toBe(false);
    expect(patch({ op: "replace", value: { active: value } }).active).toBe(false);
    expect(patch({ OP: "ADD", PATH: "ACTIVE", VALUE: value }).active).toBe(false);
  }
  for (const value of ["", "0", 0, 1, "no", [], {}])
    expect(codeOf({ op: "replace", path: "active", value })).toBe("value_invalid");
  expect(codeOf({ op: "replace", path: "active", value: null })).toBe("attribute_read_only");
  expect(codeOf({ op: "remove", path: "active" })).toBe("attribute_read_only");
});

test("a value without a path holds dotted names, URNs and whole extensions", () => {
  const read = patch({
    op: "replace",
    value: {
      displayName: "Ann K",
      "name.familyName": "K",
      [`${enterprise}:employeeNumber`]: "701984",
      [enterprise]: { department: "R&D" },
    },
  });
  expect(read).toEqual({
    ...ann,
    displayName: "Ann K",
    name: { givenName: "Ann", familyName: "K" },
    [enterprise]: { employeeNumber: "701984", department: "R&D" },
  });
});

test("an element that is not there comes into being from its filter", () => {
  const read = patch(
    { op: "Replace", path: 'phoneNumbers[type eq "mobile"].value', value: "+1 555 0100" },
    { op: "Add", path: 'addresses[type eq "work"].postalCode', value: "94105" },
    { op: "Add", path: 'roles[primary eq "True"].value', value: "admin" },
    { op: "Replace", path: 'roles[primary eq "True"].type', value: "app" },
  );
  expect(read["phoneNumbers"]).toEqual([{ type: "mobile", value: "+1 555 0100" }]);
  expect(read["addresses"]).toEqual([{ type: "work", postalCode: "94105" }]);
  expect(read["roles"]).toEqual([{ primary: true, value: "admin", type: "app" }]);
});

test("an element that no filter of equals describes is not invented", () => {
  expect(codeOf({ op: "replace", path: 'phoneNumbers[type ne "work"].value', value: "1" })).toBe("target_missing");
  expect(codeOf({ op: "replace", path: 'phoneNumbers[type eq "a" or type eq "b"].value', value: "1" })).toBe(
    "target_missing",
  );
});

test("a filter chooses by value, without case where the attribute has none", () => {
  const read = patch({
    op: "replace",
    path: 'emails[TYPE eq "WORK" and value eq "Ann@ex.test"].value',
    value: "new@ex.test",
  });
  expect(read["emails"]).toEqual([{ ...work, value: "new@ex.test" }]);
  expect(
    patch({ op: "replace", path: 'emails[value eq "ann@ex.test"]', value: { value: "new@ex.test", type: "work" } })[
      "emails"
    ],
  ).toEqual([{ value: "new@ex.test", type: "work" }]);
});

test("a removal takes what it names and no more", () => {
  const two = { ...ann, emails: [work, { type: "home", value: "a@home.test" }] };
  expect(patchOf(two, { op: "remove", path: 'emails[type eq "home"]' })["emails"]).toEqual([work]);
  expect(
    patchOf(two, { op: "Remove", path: "emails", value: [{ $ref: null, value: "a@home.test" }] })["emails"],
  ).toEqual([work]);
  expect(patchOf(two, { op: "Remove", path: "emails", value: [] })).toBe(two);
  expect(patchOf(two, { op: "remove", path: 'emails[type eq "home"].value' })["emails"]).toEqual([work]);
  expect(patchOf(two, { op: "remove", path: "emails" })).not.toHaveProperty("emails");
  expect(patchOf(two, { op: "remove", path: "name.givenName" })["name"]).toEqual({ familyName: "B" });
});

test("a removal of what is not there, and an addition of what is, change nothing", () => {
  expect(patch({ op: "remove", path: "title" })).toBe(ann);
  expect(patch({ op: "remove", path: 'emails[type eq "home"]' })).toBe(ann);
  expect(patch({ op: "add", path: "emails", value: [{ value: "ann@ex.test", type: "work" }] })).toBe(ann);
  expect(patch({ op: "add", path: "emails", value: { value: "ann@ex.test" } })).toBe(ann);
  expect(patch({ op: "replace", path: "displayName", value: "Ann B" })).toBe(ann);
  expect(patch({ op: "replace", value: { name: { familyName: "B", givenName: "Ann" } } })).toBe(ann);
});

test("a complex value sets its parts and leaves the others", () => {
  expect(patch({ op: "replace", path: "name", value: { familyName: "K" } })["name"]).toEqual({
    givenName: "Ann",
    familyName: "K",
  });
  expect(patch({ op: "replace", path: "name", value: { familyName: null } })["name"]).toEqual({ givenName: "Ann" });
  expect(patch({ op: "replace", path: "name", value: null })).not.toHaveProperty("name");
});

test("marking one element primary unmarks the one that was", () => {
  const two = { ...ann, emails: [work, { type: "home", value: "a@home.test" }] };
  const moved = [
    { ...work, primary: false },
    { type: "home", value: "a@home.test", primary: true },
  ];
  expect(patchOf(two, { op: "replace", path: 'emails[type eq "home"].primary', value: "True" })["emails"]).toEqual(
    moved,
  );
  expect(
    patch({ op: "add", path: "emails", value: [{ type: "home", value: "a@home.test", primary: true }] })["emails"],
  ).toEqual(moved);
  expect(
    codeOf({
      op: "replace",
      path: "emails",
      value: [
        { value: "a", primary: true },
        { value: "b", primary: true },
      ],
    }),
  ).toBe("value_invalid");
});

test("of two values that one operation calls primary neither is, and repeating it moves nothing", () => {
  const two = { ...ann, emails: [work, { type: "home", value: "a@home.test" }] };
  const both = { op: "replace", path: "emails[value pr].primary", value: true };
  expect(() => patchOf(two, both)).toThrow("more than one primary");
  expect(
    patchOf(two, {
      op: "add",
      path: "emails",
      value: [
        { ...work, display: "Ann", primary: false },
        { type: "home", value: "a@home.test", primary: true },
      ],
    })["emails"],
  ).toEqual([
    { ...work, display: "Ann", primary: false },
    { type: "home", value: "a@home.test", primary: true },
  ]);
});

test("a new primary unmarks the old one also where the old one is written in the same breath", () => {
  const photo = { type: "photo", value: "https://ex.test/a", primary: true };
  const thumbnail = { type: "thumbnail", value: "https://ex.test/b", primary: true };
  const read = patchOf(
    { ...ann, photos: [photo] },
    { op: "add", path: "photos", value: [{ value: photo.value, type: "photo", display: "Ann" }, thumbnail] },
  );
  expect(read["photos"]).toEqual([{ ...photo, display: "Ann", primary: false }, thumbnail]);
});

test("a replacement holds every value it was given, though one says less than another", () => {
  const addresses = [{ type: "work", country: "US" }, { country: "US" }];
  expect(patch({ op: "replace", path: "addresses", value: addresses })["addresses"]).toEqual(addresses);
});

test("a filter that contradicts itself creates nothing", () => {
  expect(codeOf({ op: "add", path: 'emails[type eq "a" and type eq "b"].value', value: "x" })).toBe("target_missing");
});

test("adding nothing to a list takes nothing from it", () => {
  expect(patch({ op: "add", path: "emails", value: null })).toBe(ann);
  expect(patch({ op: "add", value: { emails: null } })).toBe(ann);
  expect(patch({ op: "add", path: 'emails[type eq "work"]', value: null })).toBe(ann);
});

test("a value that is empty is none, for a filter of null as for one of presence", () => {
  const held = { ...ann, emails: [{ ...work, display: "" }] };
  expect(patchOf(held, { op: "remove", path: "emails[display eq null]" })).not.toHaveProperty("emails");
  expect(patchOf(held, { op: "remove", path: "emails[display ne null]" })).toBe(held);
  expect(patchOf(held, { op: "remove", path: "emails[display pr]" })).toBe(held);
});

test("a manager named again keeps what is known of them", () => {
  const held = { ...ann, [enterprise]: { manager: { value: "u-9", $ref: "../Users/u-9" } } };
  for (const value of ["u-9", { value: "u-9" }])
    expect(patchOf(held, { op: "replace", path: `${enterprise}:manager`, value })).toBe(held);
  expect(patchOf(held, { op: "add", path: `${enterprise}:manager.value`, value: "u-9" })).toBe(held);
});

test("a manager is a bare id, another person, or nobody", () => {
  const path = `${enterprise}:manager`;
  const led = patch({ op: "Add", path, value: "u-9" });
  expect(led[enterprise]).toEqual({ manager: { value: "u-9" } });
  const referred = patchOf(led, { op: "replace", path, value: { value: "u-9", $ref: "../Users/u-9" } });
  expect(patchOf(referred, { op: "replace", path: `${path}.value`, value: "u-8" })[enterprise]).toEqual({
    manager: { value: "u-8" },
  });
  for (const value of ["", null, { value: "" }, { value: null }])
    expect(patchOf(led, { op: "Replace", path, value })).not.toHaveProperty(enterprise);
  expect(patchOf(led, { op: "Replace", path: `${path}.value`, value: "" })).not.toHaveProperty(enterprise);
  expect(patchOf(led, { op: "remove", path: enterprise })).not.toHaveProperty(enterprise);
});

test("what is not in the schema is refused by name", () => {
  const badge = "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge";
  for (const name of ["shoeSize", "name.shoeSize", badge, "emails.shoeSize"]) {
    expect(() => patch({ op: "replace", value: { [name]: "44" } })).toThrow(JSON.stringify(name));
    expect(codeOf({ op: "add", path: name, value: "44" })).toBe("path_invalid");
  }
  expect(codeOf({ op: "add", path: "emails", value: [{ value: "a", shoeSize: 44 }] })).toBe("path_invalid");
  expect(codeOf({ op: "replace", path: 'emails[shoeSize eq "44"].value', value: "a" })).toBe("filter_invalid");
});

test("what the server owns is not a sender's to change, and an echo of it is no attempt", () => {
  expect(patch({ op: "replace", value: { id, schemas: [], meta: { created: "x" }, groups: [], password: "x" } })).toBe(
    ann,
  );
  expect(patch({ op: "replace", path: "password", value: "x" })).toBe(ann);
  for (const path of ["id", "groups", "meta", "meta.created", `${enterprise}:manager.displayName`]) {
    expect([path, codeOf({ op: "replace", path, value: "x" })]).toEqual([path, "attribute_read_only"]);
  }
});

test("a user keeps a name that can be compared", () => {
  expect(codeOf({ op: "remove", path: "userName" })).toBe("attribute_read_only");
  expect(codeOf({ op: "replace", value: { userName: null } })).toBe("attribute_read_only");
  expect(codeOf({ op: "replace", path: "userName", value: "" })).toBe("value_invalid");
});

test("what a user must have is not taken away for a moment either", () => {
  const anew = { op: "add", path: "userName", value: "bo@ex.test" };
  expect(codeOf({ op: "remove", path: "userName" }, anew)).toBe("attribute_read_only");
  expect(codeOf({ op: "remove", path: "active" }, { op: "add", path: "active", value: true })).toBe(
    "attribute_read_only",
  );
});

test("a malformed PATCH is refused as such", () => {
  for (const body of [
    undefined,
    null,
    [],
    {},
    { Operations: [] },
    { Operations: "x" },
    { Operations: [1] },
    { Operations: [{ op: "move", path: "title" }] },
  ]) {
    expect(() => readChanges(userSchema, id, body as Json)).toThrow(DirectoryError);
  }
  expect(codeOf({ op: "remove" })).toBe("target_missing");
  expect(codeOf({ op: "replace", path: "title" })).toBe("value_invalid");
  expect(codeOf({ op: "replace", value: "x" })).toBe("value_invalid");
  expect(codeOf(...Array.from({ length: 1001 }, () => ({ op: "remove", path: "title" })))).toBe("too_many");
});

test("the known attacks on a prototype change nothing", () => {
  for (const name of ["__proto__.x", "constructor.prototype.x", "__proto__", "constructor"]) {
    expect(codeOf({ op: "add", value: JSON.parse(`{${JSON.stringify(name)}:{"x":1}}`) as Json })).toBe(
      "syntax_invalid",
    );
    expect(codeOf({ op: "add", path: name, value: "x" })).toBe("path_invalid");
    expect(codeOf({ op: "add", path: `emails[${name} eq "x"].value`, value: "x" })).toBe("filter_invalid");
  }
  expect(({} as { readonly x?: unknown }).x).toBeUndefined();
});
