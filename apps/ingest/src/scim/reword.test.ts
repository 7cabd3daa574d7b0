import { DirectoryError, type DialectProfile, dialectProfiles, type Json } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { reword } from "./reword.ts";
import { enterpriseUser } from "./schema.ts";

const enterprise = enterpriseUser.urn;
const { onelogin, okta, entra } = dialectProfiles;
const both: DialectProfile = { ...onelogin, roleText: "read" };

test("SCIM 1.1's names are today's, as names, in dotted names and in paths", () => {
  const body = {
    schemas: ["urn:scim:schemas:core:2.0"],
    "URN:scim:schemas:extension:enterprise:1.0": {
      department: "R&D",
      manager: { managerId: "u-9", displayName: "Max" },
    },
  };
  expect(reword(onelogin, body)).toEqual({
    schemas: ["urn:scim:schemas:core:2.0"],
    [enterprise]: { department: "R&D", manager: { value: "u-9", displayName: "Max" } },
  });
  const operations = (path: string, value: Json) => ({ Operations: [{ op: "replace", path, value }] });
  for (const [old, path] of [
    ["urn:scim:schemas:extension:enterprise:2.0:User:manager.managerId", `${enterprise}:manager.value`],
    ["urn:scim:schemas:extension:enterprise:1.0.department", `${enterprise}:department`],
    ["urn:scim:schemas:core:1.0:userName", "userName"],
    ['urn:scim:schemas:core:2.0:User:emails[type eq "work"].value', 'emails[type eq "work"].value'],
    ["urn:scim:schemas:core:1.0", "urn:scim:schemas:core:1.0"],
    ["urn:scim:schemas:core:1.00", "urn:scim:schemas:core:1.00"],
    [`${enterprise}:manager`, `${enterprise}:manager`],
  ] as const)
    expect(reword(onelogin, operations(old, "x"))).toEqual(operations(path, "x"));
  expect(reword(onelogin, operations(`${enterprise}:manager`, { managerId: "u-9" }))).toEqual(
    operations(`${enterprise}:manager`, { value: "u-9" }),
  );
  expect(
    reword(onelogin, { Operations: [{ op: "add", value: { [`${enterprise}:manager.managerId`]: "u-9" } }] }),
  ).toEqual({ Operations: [{ op: "add", value: { [`${enterprise}:manager.value`]: "u-9" } }] });
});

test("a name that has two spellings in one object is two answers, and is refused", () => {
  for (const body of [
    { [enterprise]: {}, "urn:scim:schemas:extension:enterprise:1.0": {} },
    { [enterprise]: { manager: { value: "u-1", managerId: "u-2" } } },
  ])
    expect(() => reword(onelogin, body)).toThrow(DirectoryError);
});

test("a role that is JSON text is a role, in a body and in a PATCH, and what only looks like one is not", () => {
  const text = '{"id":"827f0d2e","value":"Admin","displayName":"Administrator"}';
  const role = { display: "Administrator", value: "Admin" };
  expect(reword(entra, { roles: [{ value: text, primary: true }] })).toEqual({ roles: [{ ...role, primary: true }] });
  const patch = (value: Json, path = "roles") => ({ Operations: [{ op: "Add", path, value }] });
  expect(reword(entra, patch([{ value: text }]))).toEqual(patch([role]));
  expect(reword(entra, patch({ value: text }, 'roles[primary eq "True"]'))).toEqual(
    patch(role, 'roles[primary eq "True"]'),
  );
  expect(reword(entra, { Operations: [{ op: "add", value: { Roles: [{ value: text }] } }] })).toEqual({
    Operations: [{ op: "add", value: { Roles: [role] } }],
  });
  for (const value of ["{not json", '{"value":1}', '{"value":"a","__proto__":{}}', "[]", "Admin", 7])
    expect(reword(entra, { roles: [{ value }] })).toEqual({ roles: [{ value }] });
  expect(reword(entra, { entitlements: [{ value: text }] })).toEqual({ entitlements: [{ value: text }] });
  expect(reword(onelogin, { roles: [{ value: text }] })).toEqual({ roles: [{ value: text }] });
});

test("who speaks neither is left as it is, to the very object", () => {
  const body = { "urn:scim:schemas:extension:enterprise:1.0": {}, roles: [{ value: '{"value":"a"}' }] };
  expect(reword(okta, body)).toBe(body);
});

test("what was said in today's words stays as it is, and rewording twice says the same", () => {
  const names = fc.constantFrom(
    "roles",
    "manager",
    "managerId",
    "value",
    "path",
    "Operations",
    "urn:scim:schemas:extension:enterprise:1.0",
    "urn:scim:schemas:core:1.0:title",
    enterprise,
    "title",
  );
  const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("x", null, true, '{"value":"a"}', "urn:scim:schemas:core:1.0:title"),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(names, tie("tree"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(tree, (body) => {
      try {
        const once = reword(both, body);
        expect(reword(both, once)).toEqual(once);
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});
