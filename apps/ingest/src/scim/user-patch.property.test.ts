import { DirectoryError, type Json, type UserAttributes } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readChanges } from "./dialect.ts";
import { sameJson } from "./same-json.ts";
import { enterpriseUser, userSchema } from "./schema.ts";
import { applyUserPatch } from "./user-patch.ts";

const enterprise = enterpriseUser.urn;
const ann: UserAttributes = {
  userName: "ann@ex.test",
  active: true,
  displayName: "Ann B",
  name: { givenName: "Ann", familyName: "B" },
  emails: [{ type: "work", value: "ann@ex.test", primary: true }],
};

const patch = (...written: readonly Json[]) => patchOf(ann, ...written);

function patchOf(attributes: UserAttributes, ...written: readonly Json[]): UserAttributes {
  return applyUserPatch(attributes, readChanges(userSchema, "u-1", { Operations: written }));
}

const paths = fc.constantFrom(
  "active",
  "displayName",
  "name",
  "name.givenName",
  "emails",
  'emails[type eq "work"]',
  'emails[type eq "home"].value',
  'emails[primary eq "True"].type',
  "emails.value",
  `${enterprise}:manager`,
  `${enterprise}:manager.value`,
  enterprise,
  "id",
  "groups",
  "externalId",
  "__proto__",
  "__proto__.x",
  "constructor.prototype",
  'emails[__proto__ eq "x"]',
  "[",
  "",
);
const parts = fc.dictionary(
  fc.constantFrom(
    "value",
    "type",
    "primary",
    "givenName",
    "active",
    "__proto__",
    "constructor",
    "emails",
    "x",
    enterprise,
  ),
  fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom("work", "True", true)),
);
const values = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  parts,
  fc.array(parts, { maxLength: 3 }),
  fc.constantFrom("a@ex.test", "True", false, null),
);
const operations = fc.record(
  { op: fc.constantFrom("add", "Replace", "remove"), path: paths, value: values },
  { requiredKeys: ["op"] },
);

test("no PATCH throws anything but a refusal, and none reaches a prototype or another attribute", () => {
  const before = Object.getOwnPropertyNames(Object.prototype).length;
  const known = new Set([...[...userSchema.core.attributes.values()].map(({ name }) => name), enterprise]);
  fc.assert(
    fc.property(fc.array(operations, { maxLength: 5 }), (written) => {
      try {
        const read = patch(...(written as Json[]));
        expect(Object.keys(read).every((name) => known.has(name))).toBe(true);
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
  expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before);
});

test("a replacement that takes its target out of its own filter is not added again when it is repeated", () => {
  const replacement = { op: "replace", path: 'emails[type eq "work"]', value: { type: "True" } };
  const once = patch(replacement);
  expect(patchOf(once, replacement)).toEqual(once);
});

test("the same replacement twice is the same as once", () => {
  fc.assert(
    fc.property(fc.constantFrom("replace", "add"), paths, values, (op, path, value) => {
      try {
        const operation = { op, path, value } as Json;
        const once = patch(operation);
        expect(sameJson(patchOf(once, operation), once)).toBe(true);
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
      }
    }),
    { numRuns: 5000 },
  );
});
