import { DirectoryError, type Json } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { enterpriseUser, userSchema } from "./schema.ts";
import { readUserBody } from "./user-body.ts";

const enterprise = enterpriseUser.urn;

function codeOf(body: Json | undefined): string {
  try {
    readUserBody(userSchema, body);
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("Okta's create keeps the profile and nothing that is not ours to keep", () => {
  const read = readUserBody(userSchema, {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    id: "u-1",
    meta: { resourceType: "User" },
    groups: [],
    password: "x1y2",
    shoeSize: 44,
    USERNAME: "ann@ex.test",
    name: { GIVENNAME: "Ann", familyName: null },
    externalId: "00u1",
    active: true,
    emails: [{ primary: true, value: "ann@ex.test", type: "work", $ref: null }],
    roles: [],
    title: null,
  });
  expect(read).toEqual({
    userName: "ann@ex.test",
    name: { givenName: "Ann" },
    externalId: "00u1",
    active: true,
    emails: [{ primary: true, value: "ann@ex.test", type: "work" }],
  });
});

test("only the words true and false are a state, in any case", () => {
  for (const active of [true, "true", "True", "TRUE", "tRuE"])
    expect(readUserBody(userSchema, { userName: "a", active }).active).toBe(true);
  for (const active of [false, "false", "False", "FALSE", "fAlSe"])
    expect(readUserBody(userSchema, { userName: "a", active }).active).toBe(false);
  for (const active of ["", " false", "0", "no", 0, 1, [], {}, [false], "falsе"]) {
    expect([active, codeOf({ userName: "a", active })]).toEqual([active, "value_invalid"]);
  }
});

test("silence about the state lets a new user in and enables nobody else", () => {
  expect(readUserBody(userSchema, { userName: "a" }).active).toBe(true);
  expect(readUserBody(userSchema, { userName: "a", active: null }).active).toBe(true);
  expect(readUserBody(userSchema, { userName: "a" }, false).active).toBe(false);
  expect(readUserBody(userSchema, { userName: "a", active: null }, false).active).toBe(false);
});

test("a user needs a name that can be compared", () => {
  for (const body of [
    {},
    { userName: "" },
    { userName: " " },
    { userName: null },
    { userName: " a" },
    { userName: "a\u200b" },
    { userName: 1 },
    { userName: "a".repeat(2000) },
  ]) {
    expect(codeOf(body)).toBe("value_invalid");
  }
  for (const body of [undefined, null, [], "a", 1]) expect(codeOf(body)).toBe("syntax_invalid");
});

test("a value of another type is refused", () => {
  const wrong: readonly { readonly [name: string]: Json }[] = [
    { emails: ["a@ex.test"] },
    { emails: "a@ex.test" },
    { emails: { value: "a" } },
    { emails: [{ value: 1 }] },
    { name: "Ann" },
    { title: 1 },
    { title: ["a"] },
    {
      emails: [
        { value: "a", primary: true },
        { value: "b", primary: "True" },
      ],
    },
    { emails: [{ value: "a", primary: "yes" }] },
    { [enterprise]: "x" },
    { [enterprise]: { manager: 7 } },
    { externalId: 1 },
  ];
  for (const part of wrong) expect([part, codeOf({ userName: "a", ...part })]).toEqual([part, "value_invalid"]);
  expect(
    codeOf({ userName: "a", emails: Array.from({ length: 101 }, (_none, index) => ({ value: String(index) })) }),
  ).toBe("too_many");
});

test("a manager may be a bare id, and an empty one is none", () => {
  expect(readUserBody(userSchema, { userName: "a", [enterprise]: { manager: "u-9" } })[enterprise]).toEqual({
    manager: { value: "u-9" },
  });
  expect(
    readUserBody(userSchema, { userName: "a", [enterprise]: { manager: "", department: "R&D" } })[enterprise],
  ).toEqual({
    department: "R&D",
  });
  expect(
    readUserBody(userSchema, { userName: "a", [enterprise]: { manager: { value: "u-9", displayName: "Max" } } })[
      enterprise
    ],
  ).toEqual({ manager: { value: "u-9" } });
  expect(
    readUserBody(userSchema, { userName: "a", [enterprise.toLowerCase()]: { DEPARTMENT: "R&D" } })[enterprise],
  ).toEqual({
    department: "R&D",
  });
});

test("an empty external id is none", () => {
  expect(readUserBody(userSchema, { userName: "a", externalId: "" })).toEqual({ userName: "a", active: true });
});

test("reading what was read says the same", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.constantFrom("userName", "title", "active", "emails", "name", "roles", enterprise, "x"),
        fc.jsonValue({ maxDepth: 3 }),
      ),
      (body) => {
        try {
          const once = readUserBody(userSchema, body as Json);
          expect(readUserBody(userSchema, once)).toEqual(once);
        } catch (error) {
          if (!(error instanceof DirectoryError)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});
