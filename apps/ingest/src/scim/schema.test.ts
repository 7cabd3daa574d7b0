import { expect, test } from "vitest";
import {
  canonicalPath,
  enterpriseUser,
  type ResourceSchema,
  resolve,
  resolveForFilter,
  schemaOf,
  userSchema,
} from "./schema.ts";

const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const acmeBadge = `${acme}:badge:1.0`;
const withAcme: ResourceSchema = {
  ...userSchema,
  extensions: [
    enterpriseUser,
    schemaOf({ id: acme, attributes: [{ name: "badge", type: "string" }] }),
    schemaOf({ id: acmeBadge, attributes: [{ name: "color", type: "string" }] }),
  ],
};

function pathOf(schema: ResourceSchema, name: string): string | undefined {
  const resolved = resolve(schema, name);
  return resolved === undefined ? undefined : canonicalPath(resolved);
}

test("a name has no case", () => {
  expect(pathOf(userSchema, "NAME.givenname")).toBe("name.givenName");
  expect(pathOf(userSchema, "USERNAME")).toBe("userName");
  expect(pathOf(userSchema, "URN:IETF:params:scim:schemas:core:2.0:user:Title")).toBe("title");
});

test("a URN with dots is not torn apart", () => {
  expect(pathOf(withAcme, `${acme}:badge`)).toBe(`${acme}:badge`);
  expect(pathOf(withAcme, `${enterpriseUser.urn}:manager.value`)).toBe(`${enterpriseUser.urn}:manager.value`);
});

test("the longest known URN decides where one is another's beginning", () => {
  expect(resolve(withAcme, `${acmeBadge}:color`)?.urn).toBe(acmeBadge);
  expect(resolve(withAcme, acmeBadge)).toEqual({ urn: acmeBadge, attribute: undefined, sub: undefined });
});

test("what the schema does not know leads nowhere", () => {
  for (const name of [
    "",
    ".",
    "shoeSize",
    "name.",
    "name.shoeSize",
    "name.givenName.x",
    `${acme}:badge`,
    "password",
    "__proto__",
    "constructor",
    "toString",
  ]) {
    expect(resolve(userSchema, name)).toBeUndefined();
  }
});

test("a filter may ask for an extension's attribute without its URN", () => {
  expect(resolve(userSchema, "manager")).toBeUndefined();
  expect(resolveForFilter(userSchema, "manager")?.urn).toBe(enterpriseUser.urn);
});

test("the definitions are SCIM's: types, exactness and who may write", () => {
  expect(resolve(userSchema, "active")?.attribute).toMatchObject({ type: "boolean", multiValued: false });
  expect(resolve(userSchema, "emails")?.attribute).toMatchObject({ type: "complex", multiValued: true });
  expect(resolve(userSchema, "externalId")?.attribute?.caseExact).toBe(true);
  expect(resolve(userSchema, "userName")?.attribute?.caseExact).toBe(false);
  expect(resolve(userSchema, "groups")?.attribute?.mutability).toBe("readOnly");
});
