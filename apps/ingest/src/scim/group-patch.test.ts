import { dialectProfiles, DirectoryError, type GroupAttributes, type Json } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readChanges } from "./dialect.ts";
import { readGroupBody } from "./group-body.ts";
import { readMemberChanges } from "./group-members.ts";
import { planGroupPatch } from "./group-patch.ts";
import { groupSchema } from "./schema.ts";
import { listenTo } from "./speaker.ts";

const id = "0198a000-0000-7000-8000-000000000002";
const sales: GroupAttributes = { displayName: "Sales", externalId: "8aa1a0c0" };

/** What a provider means, which is read more carefully than the RFC asks for. */
const plan = (...operations: readonly Json[]) => {
  const { speaker } = listenTo(dialectProfiles.entra);
  const planned = planGroupPatch(readChanges(groupSchema, id, { Operations: operations }, readMemberChanges, speaker));
  const attributes = planned.attributes(sales);
  return attributes === undefined ? { members: planned.members } : { attributes, members: planned.members };
};

function codeOf(...operations: readonly Json[]): string {
  try {
    plan(...operations);
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("Entra's removal by a value array takes those members and nobody else", () => {
  expect(plan({ op: "Remove", path: "members", value: [{ $ref: null, value: "u-1" }] })).toEqual({
    members: [{ kind: "remove", values: ["u-1"] }],
  });
  expect(plan({ op: "remove", path: 'members[value eq "u-1"]' })).toEqual({
    members: [{ kind: "remove", values: ["u-1"] }],
  });
  expect(plan({ op: "remove", path: 'members[value eq "u-1" or value eq "u-2"]' })).toEqual({
    members: [{ kind: "remove", values: ["u-1", "u-2"] }],
  });
});

test("a removal that names nobody is refused, and one of nobody removes nobody", () => {
  expect(codeOf({ op: "remove", path: "members" })).toBe("value_invalid");
  expect(codeOf({ op: "remove", path: "members", value: null })).toBe("value_invalid");
  expect(plan({ op: "remove", path: "members", value: [] })).toEqual({ members: [] });
});

test("only a replacement by an empty array empties a group", () => {
  const empty = { members: [{ kind: "replace", values: [] }] };
  expect(plan({ op: "replace", path: "members", value: [] })).toEqual(empty);
  expect(plan({ op: "replace", value: { members: [] } })).toEqual(empty);
  expect(codeOf({ op: "replace", path: "members", value: null })).toBe("value_invalid");
  expect(codeOf({ op: "replace", value: { members: null } })).toBe("value_invalid");
});

test("Okta's rename with every membership change is a membership change", () => {
  const operations = [
    { op: "replace", value: { id, displayName: "Sales" } },
    { op: "remove", path: 'members[value eq "u-1"]' },
    { op: "add", path: "members", value: [{ value: "u-2", display: "bob@ex.test" }] },
  ];
  expect(plan(...operations)).toEqual({
    members: [
      { kind: "remove", values: ["u-1"] },
      { kind: "add", values: ["u-2"] },
    ],
  });
  expect(plan({ op: "replace", value: { id, displayName: "Field Sales" } }).attributes).toEqual({
    ...sales,
    displayName: "Field Sales",
  });
  expect(codeOf({ op: "replace", value: { id: "another", displayName: "Sales" } })).toBe("attribute_read_only");
});

test("neighbours of one kind become one change, and the order of kinds stays", () => {
  const add = (value: string) => ({ op: "Add", path: "members", value: [{ value }] });
  const remove = { op: "Remove", path: "members", value: [{ value: "a" }] };
  expect(plan(add("a"), add("b"), add("a"), remove, add("a")).members).toEqual([
    { kind: "add", values: ["a", "b"] },
    { kind: "remove", values: ["a"] },
    { kind: "add", values: ["a"] },
  ]);
});

test("a member replaced by a filter leaves, and another comes", () => {
  expect(plan({ op: "replace", path: 'members[value eq "u-1"]', value: { value: "u-2" } }).members).toEqual([
    { kind: "remove", values: ["u-1"] },
    { kind: "add", values: ["u-2"] },
  ]);
});

test("what would cost the group's size, or names no id, is refused", () => {
  expect(codeOf({ op: "remove", path: 'members[display eq "bob"]' })).toBe("filter_invalid");
  expect(codeOf({ op: "remove", path: 'members[value ne "u-1"]' })).toBe("filter_invalid");
  expect(codeOf({ op: "replace", path: 'members[value eq "u-1"].value', value: "u-2" })).toBe("attribute_read_only");
  for (const value of [[{}], [{ value: "" }], [{ value: 7 }], [null], [{ $ref: "x" }], 7])
    expect(codeOf({ op: "add", path: "members", value })).toBe("value_invalid");
});

test("more members than one request may name are refused, however they are spread over it", () => {
  const values = (count: number, from: number) =>
    Array.from({ length: count }, (_none, index) => ({ value: `u-${from + index}` }));
  const add = (count: number, from: number) => ({ op: "add", path: "members", value: values(count, from) });
  const remove = { op: "remove", path: "members", value: [{ value: "u-0" }] };
  expect(codeOf(add(20_000, 0))).toBe("accepted");
  expect(codeOf(add(20_001, 0))).toBe("body_too_large");
  expect(codeOf(add(10_000, 0), remove, add(10_000, 10_000))).toBe("body_too_large");
  expect(() => readGroupBody(groupSchema, { displayName: "Sales", members: values(20_001, 0) })).toThrow(/20,000/);
});

test("a group keeps a name that can be compared", () => {
  expect(codeOf({ op: "remove", path: "displayName" })).toBe("attribute_read_only");
  expect(codeOf({ op: "replace", path: "displayName", value: " " })).toBe("value_invalid");
  expect(plan({ op: "remove", path: "externalId" }).attributes).toEqual({ displayName: "Sales" });
});

test("Entra's own schema in a new group is passed over, and many members are read", () => {
  const members = Array.from({ length: 5000 }, (_none, index) => ({ value: `u-${index}` }));
  const schemas = [
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
  ];
  const read = readGroupBody(groupSchema, {
    schemas,
    externalId: "8aa1a0c0",
    displayName: "Sales",
    meta: { resourceType: "Group" },
    Members: members,
  });
  expect(read.attributes).toEqual(sales);
  expect(read.members).toHaveLength(5000);
  expect(readGroupBody(groupSchema, { displayName: "Sales" }).members).toBeUndefined();
  expect(readGroupBody(groupSchema, { displayName: "Sales", members: [] }).members).toEqual([]);
});

test("no PATCH of a group throws anything but a refusal or empties it unasked", () => {
  const path = fc.constantFrom(
    "members",
    'members[value eq "a"]',
    "displayName",
    "members.value",
    "members[",
    'members[type eq "User"]',
    "id",
    "x",
  );
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.array(fc.record({ value: fc.string() })),
    fc.record({ members: fc.jsonValue() }),
  );
  const operation = fc.record(
    { op: fc.constantFrom("add", "remove", "Replace"), path, value },
    { requiredKeys: ["op"] },
  );
  fc.assert(
    fc.property(operation, (written) => {
      try {
        const emptied = plan(written as Json).members.some(
          (change) => change.kind === "replace" && change.values.length === 0,
        );
        if (emptied) expect(JSON.stringify(written)).toMatch(/"Replace".*\[\]/);
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});
