import type { JsonObject } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { readProjection, writtenIn } from "./projection.ts";
import { groupResource, userResource } from "./resource.ts";
import { locationsUnder } from "./resource-location.ts";
import { enterpriseUser, groupSchema, schemaOf, standardSchemas, userSchema } from "./schema.ts";

const enterprise = enterpriseUser.urn;
const locations = locationsUnder("https://rollcall.ex.test/");
const times = { version: 3, createdAt: new Date(0), updatedAt: new Date(1000) };
const ann = userResource(
  standardSchemas,
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
  [{ id: "g-1", displayName: "Sales", direct: true }],
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
      version: expect.stringMatching(/^W\/"3-[\w-]{22}"$/) as string,
    },
  });
});

test("a member that is not known yet has a value and no more", () => {
  const members = [
    { value: "u-1", kind: "User" as const, display: "ann" },
    { value: "parked", kind: undefined },
  ];
  expect(
    groupResource(standardSchemas, { id: "g-1", attributes: { displayName: "Sales" }, ...times }, members, locations),
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

const acme = "urn:acme:2.0:User";
const acmeSchemas = {
  ...standardSchemas,
  user: {
    ...userSchema,
    extensions: [
      enterpriseUser,
      schemaOf({
        id: acme,
        attributes: [
          { name: "fixed", type: "string", returned: "always" },
          { name: "secret", type: "string", mutability: "writeOnly" },
          { name: "costly", type: "string", returned: "request" },
          { name: "plain", type: "string" },
          {
            name: "inner",
            type: "complex",
            subAttributes: [
              { name: "open", type: "string" },
              { name: "hidden", type: "string", returned: "never" },
              { name: "asked", type: "string", returned: "request" },
              { name: "firm", type: "string", returned: "always" },
            ],
          },
        ],
      }),
    ],
  },
};
const inner = { open: "1", hidden: "2", asked: "3", firm: "4" };
const bob = userResource(
  acmeSchemas,
  {
    id: "u-2",
    attributes: {
      userName: "bob",
      active: true,
      [acme]: { fixed: "f", secret: "s", costly: "c", plain: "p", inner },
      "urn:gone:User": { left: "behind" },
    },
    ...times,
  },
  [],
  locations,
);

function acmeShown(attributes?: string, excluded?: string): unknown {
  return readProjection(acmeSchemas.user, attributes, excluded).apply(bob)[acme];
}

test("what is always returned is, what never is is not, and what is on request is where it is named", () => {
  const shownInner = { open: "1", firm: "4" };
  expect(acmeShown()).toEqual({ fixed: "f", plain: "p", inner: shownInner });
  expect(acmeShown("userName")).toEqual({ fixed: "f" });
  expect(acmeShown(acme)).toEqual({ fixed: "f", plain: "p", inner: shownInner });
  expect(acmeShown(`${acme}:costly,${acme}:secret`)).toEqual({ fixed: "f", costly: "c" });
  expect(acmeShown(`${acme}:inner.asked`)).toEqual({ fixed: "f", inner: { asked: "3", firm: "4" } });
  expect(acmeShown(`${acme}:inner.hidden`)).toEqual({ fixed: "f", inner: { firm: "4" } });
  expect(acmeShown(undefined, `${acme}:fixed,${acme}:plain,${acme}:inner.firm`)).toEqual({
    fixed: "f",
    inner: shownInner,
  });
  expect(acmeShown(undefined, acme)).toEqual({ fixed: "f" });
});

test("who wrote what is returned on request is shown it, and what is never returned is not shown to them either", () => {
  const written = writtenIn(acmeSchemas.user, { [acme]: { secret: "s", costly: "c", inner } });
  const answered = readProjection(acmeSchemas.user, undefined, undefined).withWritten(written).apply(bob)[acme];
  expect(answered).toEqual({ fixed: "f", costly: "c", plain: "p", inner: { open: "1", asked: "3", firm: "4" } });
});

test("what belongs to no schema is not shown, and the schema that it belonged to not named", () => {
  expect(bob).not.toHaveProperty(["urn:gone:User"]);
  expect(bob["schemas"]).toEqual([userSchema.core.urn, acme]);
});
