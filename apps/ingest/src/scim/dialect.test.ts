import { type DialectProfile, dialectProfiles, DirectoryError, type Json } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { type Change, readChanges } from "./dialect.ts";
import { readMemberChanges } from "./group-members.ts";
import { groupSchema, type ResourceSchema, userSchema } from "./schema.ts";
import { listenTo } from "./speaker.ts";

const { scim, google } = dialectProfiles;
const refusing: DialectProfile = { ...scim, removeAllMembers: "refuse" };

/** What becomes of a PATCH: its changes and the names passed over, or the refusal. */
function read(profile: DialectProfile, schema: ResourceSchema, ...Operations: readonly Json[]) {
  const { speaker, names } = listenTo(profile);
  try {
    const changes = readChanges(schema, "r-1", { Operations }, readMemberChanges, speaker);
    return { changes: changes.map(saying), names };
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

function saying({ kind, target, value }: Change): string {
  const sub = target.sub === undefined ? "" : `.${target.sub.name}`;
  return `${kind} ${target.attribute.name}${sub} ${JSON.stringify(value ?? null)}`;
}

const unknown: readonly (readonly [string, Json, readonly string[], readonly string[]])[] = [
  ["a path", { op: "add", path: "shoeSize", value: 39 }, [], ["shoeSize"]],
  ["a removal", { op: "remove", path: "shoeSize" }, [], ["shoeSize"]],
  ["a name beside others", { op: "replace", value: { active: false, why: "x" } }, ["replace active false"], ["why"]],
  ["a dotted name", { op: "replace", value: { "name.nick": "A", title: "B" } }, ['replace title "B"'], ["name.nick"]],
  [
    "a part of a complex value",
    { op: "replace", path: "name", value: { nick: "A", givenName: "B" } },
    ['replace name.givenName "B"'],
    ["name.nick"],
  ],
  [
    "a part of an element",
    { op: "add", path: "emails", value: [{ value: "a", note: "x" }] },
    ['add emails [{"value":"a"}]'],
    ["emails.note"],
  ],
  [
    "a part of selected elements",
    { op: "add", path: 'emails[type eq "work"].note', value: "x" },
    [],
    ['emails[type eq "work"].note'],
  ],
  ["an unknown schema", { op: "add", path: "urn:acme:2.0:User:badge", value: "7" }, [], ["urn:acme:2.0:User:badge"]],
  ["a name with a filter", { op: "remove", path: 'badges[type eq "x"]' }, [], ['badges[type eq "x"]']],
];

test.each(unknown)(
  "%s that the schema does not know is refused by name, or passed over and told",
  (_what, operation, changes, names) => {
    expect(read(google, userSchema, operation)).toEqual({ changes, names });
    const refusal = read(scim, userSchema, operation);
    expect(refusal).toMatch(/^path_invalid: /);
    const [name = ""] = names;
    expect(refusal).toContain(JSON.stringify(name.split(".").at(-1) ?? "").slice(1, -1));
  },
);

test("a mistake is refused by everybody: what can be no name, no filter, no value, or is not the sender's to write", () => {
  for (const operation of [
    { op: "replace", path: "active]", value: false },
    { op: "replace", path: "act ive", value: false },
    { op: "replace", path: 'emails[type eq "work"]x', value: "a" },
    { op: "replace", path: 'active[type eq "x"]', value: false },
    { op: "add", path: 'emails[note eq "x"].value', value: "a" },
    { op: "replace", value: { "": false } },
    { op: "replace", path: "active", value: "maybe" },
    { op: "replace", path: "groups", value: [] },
    { op: "replace", value: { id: "r-2" } },
    { op: "replace", value: "x" },
  ])
    expect(read(google, userSchema, operation)).toEqual(read(scim, userSchema, operation));
  expect(read(google, userSchema, { op: "replace", path: "active]", value: false })).toMatch(/^path_invalid/);
});

test("a removal of members that names none empties a group where that is permitted, and is refused elsewhere", () => {
  const all = [
    { op: "remove", path: "members" },
    { op: "Remove", path: "members", value: null },
  ];
  for (const operation of all) {
    expect(read(refusing, groupSchema, operation)).toMatch(/^value_invalid/);
    expect(read(scim, groupSchema, operation)).toEqual({ changes: ["replace members []"], names: [] });
  }
  for (const operation of [
    { op: "remove", path: "members", value: [] },
    { op: "remove", path: "members", value: [{ value: "u-1" }] },
    { op: "remove", path: 'members[value eq "u-1"]' },
    { op: "add", path: "members", value: null },
    { op: "remove", path: "members.value" },
    { op: "remove" },
  ])
    expect(read(refusing, groupSchema, operation)).toEqual(read(scim, groupSchema, operation));
});
