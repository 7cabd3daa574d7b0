import { expect, test } from "vitest";
import { enterpriseUser, groupSchema, userSchema } from "./schema.ts";
import { unknownNames } from "./unknown-names.ts";

const enterprise = enterpriseUser.urn;

test("what a body names and the schema does not know is told by its path, once", () => {
  const names = unknownNames(userSchema, {
    schemas: ["urn:x"],
    userName: "ann@ex.test",
    shoeSize: 39,
    name: { givenName: "Ann", nick: "A" },
    emails: [
      { value: "a", note: "x" },
      { value: "b", note: "y" },
    ],
    [enterprise.toUpperCase()]: { department: "R&D", badge: "7", manager: { value: "u-9", since: "2020" } },
    "urn:acme:2.0:User": { badge: "7" },
  });
  expect(names).toEqual([
    "shoeSize",
    "name.nick",
    "emails.note",
    `${enterprise}:badge`,
    `${enterprise}:manager.since`,
    "urn:acme:2.0:User",
  ]);
});

test("what senders echo, what the server owns and what says nothing is not told", () => {
  expect(
    unknownNames(userSchema, {
      schemas: [],
      id: null,
      meta: { resourceType: "User", tag: "x" },
      groups: [{ value: "g", extra: 1 }],
      password: "x",
      shoeSize: null,
      emails: [{ value: "a", $ref: null, note: null }],
      USERNAME: "ann@ex.test",
    }),
  ).toEqual([]);
  expect(
    unknownNames(groupSchema, {
      displayName: "Sales",
      members: [{ value: "u-1", $ref: "x", type: "User", display: "A" }],
    }),
  ).toEqual([]);
  expect(unknownNames(userSchema, undefined)).toEqual([]);
  expect(unknownNames(userSchema, ["x"])).toEqual([]);
});
