import type { JsonObject } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { readProjection } from "./projection.ts";
import { groupResource, userResource } from "./resource.ts";
import { locationsUnder } from "./resource-location.ts";
import { enterpriseUser, groupSchema, userSchema } from "./schema.ts";

const enterprise = enterpriseUser.urn;
const locations = locationsUnder("https://rollcall.ex.test/");
const times = { version: 3, createdAt: new Date(0), updatedAt: new Date(1000) };
const ann = userResource(
  userSchema,
  {
    id: "u-1",
    attributes: {
      userName: "ann",
      active: true,
      emails: [{ type: "work", value: "a@ex.test" }],
      [enterprise]: { department: "R&D", manager: { value: "u-9" } },
    },
    ...times,
  },
  [{ id: "g-1", displayName: "Sales" }],
  locations,
);

function shown(attributes?: string, excluded?: string): JsonObject {
  return readProjection(userSchema, attributes, excluded).apply(ann);
}

test("a user says what it is, where it is and which version", () => {
  expect(ann).toEqual({
    schemas: [userSchema.core.urn, enterprise],
    id: "u-1",
    userName: "ann",
    active: true,
    emails: [{ type: "work", value: "a@ex.test" }],
    [enterprise]: { department: "R&D", manager: { value: "u-9" } },
    groups: [{ value: "g-1", $ref: "https://rollcall.ex.test/scim/v2/Groups/g-1", display: "Sales", type: "direct" }],
    meta: {
      resourceType: "User",
      created: "1970-01-01T00:00:00.000Z",
      lastModified: "1970-01-01T00:00:01.000Z",
      location: "https://rollcall.ex.test/scim/v2/Users/u-1",
      version: 'W/"3"',
    },
  });
});

test("a member that is not known yet has a value and no more", () => {
  const members = [
    { value: "u-1", kind: "User" as const, display: "ann" },
    { value: "parked", kind: undefined },
  ];
  expect(
    groupResource(groupSchema, { id: "g-1", attributes: { displayName: "Sales" }, ...times }, members, locations),
  ).toMatchObject({
    schemas: [groupSchema.core.urn],
    members: [
      { value: "u-1", type: "User", $ref: "https://rollcall.ex.test/scim/v2/Users/u-1", display: "ann" },
      { value: "parked" },
    ],
  });
});

test("schemas and id are always shown, whatever is asked for", () => {
  const always = { schemas: ann["schemas"], id: "u-1" };
  expect(shown("userName")).toEqual({ ...always, userName: "ann" });
  expect(shown("USERNAME, emails.value")).toEqual({ ...always, userName: "ann", emails: [{ value: "a@ex.test" }] });
  expect(shown("shoeSize")).toEqual(always);
  expect(shown(`${enterprise}:department`)).toEqual({ ...always, [enterprise]: { department: "R&D" } });
  expect(shown(enterprise)).toEqual({ ...always, [enterprise]: ann[enterprise] });
  expect(shown(`${userSchema.core.urn}:userName`)).toEqual({ ...always, userName: "ann" });
  expect(shown(undefined, "id,schemas")).toEqual(ann);
});

test("what is excluded is not shown", () => {
  expect(shown(undefined, "groups")).not.toHaveProperty("groups");
  expect(shown(undefined, "emails.type")["emails"]).toEqual([{ value: "a@ex.test" }]);
  expect(shown(undefined, `${enterprise}:manager`)[enterprise]).toEqual({ department: "R&D" });
  expect(shown(undefined, enterprise)).not.toHaveProperty([enterprise]);
  expect(shown("", "")).toEqual(ann);
});

test("what will not be shown need not be fetched", () => {
  expect(readProjection(groupSchema, undefined, "members").shows("members")).toBe(false);
  expect(readProjection(groupSchema, undefined, "members.display").shows("members")).toBe(true);
  expect(readProjection(groupSchema, "displayName", undefined).shows("members")).toBe(false);
  expect(readProjection(groupSchema, "members.value", undefined).shows("members")).toBe(true);
  expect(readProjection(groupSchema, undefined, undefined).shows("members")).toBe(true);
});
