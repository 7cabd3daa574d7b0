import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "./directory.ts";
import { schemaAttributesMax, urnsClash } from "./extension-schema.ts";
import { readSchemaDefinition } from "./schema-definition.ts";

const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const badge = { name: "badge", type: "string" };

const definition = (...attributes: readonly Json[]): Json => ({ id: acme, name: "Acme", attributes });

/** Where a definition is wrong, and how. */
function wrong(written: Json | undefined): readonly string[] {
  return readSchemaDefinition(written).problems.map(({ at, message }) => `${at}: ${message}`);
}

/** The places alone. */
function places(...attributes: readonly Json[]): readonly string[] {
  return readSchemaDefinition(definition(...attributes)).problems.map(({ at }) => at);
}

test("what is left out has the RFC's defaults, and every characteristic is said that its type knows", () => {
  const parts = [
    { name: "value", type: "string" },
    { name: "$ref", type: "reference", referenceTypes: ["User"] },
  ];
  const read = readSchemaDefinition({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    ...(definition(
      badge,
      { name: "hired", type: "dateTime" },
      { name: "buddy", type: "complex", subAttributes: parts },
    ) as object),
    meta: { resourceType: "Schema" },
  });
  const plain = { multiValued: false, description: "", required: false, mutability: "readWrite", returned: "default" };
  expect(read.problems).toEqual([]);
  expect(read.definition).toEqual({
    id: acme,
    name: "Acme",
    description: "",
    attributes: [
      { name: "badge", type: "string", ...plain, caseExact: false, uniqueness: "none" },
      { name: "hired", type: "dateTime", ...plain, uniqueness: "none" },
      {
        name: "buddy",
        type: "complex",
        ...plain,
        subAttributes: [
          { name: "value", type: "string", ...plain, caseExact: false, uniqueness: "none" },
          { name: "$ref", type: "reference", ...plain, caseExact: true, uniqueness: "none", referenceTypes: ["User"] },
        ],
      },
    ],
  });
});

test("what may only be written is never returned, said or not", () => {
  const { definition: read } = readSchemaDefinition(
    definition({ name: "pin", type: "string", mutability: "writeOnly" }),
  );
  expect(read?.attributes[0]?.returned).toBe("never");
  expect(places({ name: "pin", type: "string", mutability: "writeOnly", returned: "default" })).toEqual([
    "attributes[0].returned",
  ]);
});

test("everything that is wrong is said at once", () => {
  expect(
    wrong({
      id: "acme",
      name: "",
      colour: "red",
      attributes: [
        { name: "1st", type: "text", multiValued: "yes" },
        badge,
        { name: "BADGE", type: "string", uniqueness: "server" },
        { name: "inner", type: "complex", subAttributes: [{ name: "deep", type: "complex", subAttributes: [badge] }] },
        "badge",
      ],
    }),
  ).toEqual([
    "colour: is not part of a definition (RFC 7643 §7)",
    "id: must be a URN like urn:ietf:params:scim:schemas:extension:acme:2.0:User",
    "name: must be text",
    "attributes[0].type: must be one of string, boolean, decimal, integer, dateTime, binary, reference, complex",
    "attributes[0].multiValued: must be true or false",
    "attributes[0].name: must be a letter followed by letters, digits, hyphens or underscores (RFC 7643 §2.1)",
    "attributes[2].uniqueness: must be none: Rollcall keeps only userName, externalId and displayName unique",
    "attributes[2].name: is there twice; names have no case",
    "attributes[3].subAttributes[0].type: cannot be complex within a complex attribute (RFC 7643 §2.3.8)",
    "attributes[4]: must be an object",
  ]);
});

test("a URN of SCIM's own, or one that it would begin or end, is refused", () => {
  for (const id of [
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:User:acme",
    "urn:ietf:params:scim:schemas:core",
    "urn:ietf:params:scim",
    "urn:ietf:params:scim:api:messages:2.0:PatchOp",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:acme",
    "urn:acme",
    "urn:acme:",
    "URN:acme:User",
    "urn:acme:User[x]",
    "urn:acme:us er",
    "urn:acme:__proto__",
    "urn:acme:constructor.x:User",
    "http://acme.example/User",
    `urn:acme:${"a".repeat(200)}`,
    null,
    7,
  ]) {
    expect([id, readSchemaDefinition({ id, name: "Acme", attributes: [badge] }).problems.map(({ at }) => at)]).toEqual([
      id,
      ["id"],
    ]);
  }
  for (const id of [
    acme,
    "urn:acme:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:Users",
    "urn:acme:hr_v1.2-x:User",
  ])
    expect(wrong({ id, name: "Acme", attributes: [badge] })).toEqual([]);
});

test("two URNs clash where one continues the other after a colon, in any case", () => {
  expect(urnsClash("urn:acme:User", "urn:ACME:user")).toBe(true);
  expect(urnsClash("urn:acme:User", "urn:acme:User:badge")).toBe(true);
  expect(urnsClash("urn:acme:User:badge", "urn:acme:User")).toBe(true);
  expect(urnsClash("urn:acme:User", "urn:acme:Users")).toBe(false);
  expect(urnsClash("urn:acme:User", "urn:acme:Group")).toBe(false);
});

test("a name that every object answers to is refused, in any case and at any depth", () => {
  for (const name of ["__proto__", "constructor", "prototype", "toString", "VALUEOF", "hasOwnProperty"]) {
    expect([name, places({ name, type: "string" })]).toEqual([name, ["attributes[0].name"]]);
    const within = { name: "inner", type: "complex", subAttributes: [{ name, type: "string" }] };
    expect([name, places(within)]).toEqual([name, ["attributes[0].subAttributes[0].name"]]);
  }
  for (const name of ["", " badge", "a.b", "a:b", "a[0]", "$ref", "_a", "bädge", "a".repeat(61), 1, null])
    expect([name, places({ name, type: "string" })]).toEqual([name, ["attributes[0].name"]]);
  expect(places({ name: "a-b_C$1", type: "string" })).toEqual([]);
});

test("what cannot be held is not promised", () => {
  const complex = (sub: Json, more: object = {}) => ({ name: "a", type: "complex", ...more, subAttributes: [sub] });
  const cases: readonly (readonly [Json, string])[] = [
    [{ ...badge, uniqueness: "global" }, "attributes[0].uniqueness"],
    [{ ...badge, required: true, mutability: "readOnly" }, "attributes[0].required"],
    [complex({ ...badge, multiValued: true }), "attributes[0].subAttributes[0].multiValued"],
    [
      complex({ ...badge, mutability: "immutable" }, { multiValued: true }),
      "attributes[0].subAttributes[0].mutability",
    ],
    [{ name: "a", type: "integer", caseExact: true }, "attributes[0].caseExact"],
    [{ name: "a", type: "integer", canonicalValues: ["1"] }, "attributes[0].canonicalValues"],
    [{ ...badge, canonicalValues: ["a", "a"] }, "attributes[0].canonicalValues"],
    [{ ...badge, canonicalValues: "a" }, "attributes[0].canonicalValues"],
    [{ ...badge, referenceTypes: ["User"] }, "attributes[0].referenceTypes"],
    [{ name: "a", type: "reference", referenceTypes: ["Device"] }, "attributes[0].referenceTypes"],
    [{ ...badge, subAttributes: [badge] }, "attributes[0].subAttributes"],
    [{ name: "a", type: "complex" }, "attributes[0].subAttributes"],
    [{ name: "a", type: "complex", subAttributes: [] }, "attributes[0].subAttributes"],
    [{ ...badge, mutability: "ReadWrite" }, "attributes[0].mutability"],
    [{ ...badge, returned: null }, "attributes[0].returned"],
    [{ ...badge, searchable: true }, "attributes[0].searchable"],
    [{ ...badge, description: "a\u0000b" }, "attributes[0].description"],
  ];
  for (const [attribute, place] of cases) expect([attribute, places(attribute)]).toEqual([attribute, [place]]);
  expect(
    places(complex({ ...badge, mutability: "immutable" }), { ...badge, canonicalValues: [], subAttributes: [] }),
  ).toEqual([]);
});

test("a schema has a limit, counted with the parts of its attributes", () => {
  const many = (count: number): readonly Json[] =>
    Array.from({ length: count }, (_none, index) => ({ name: `a${index}`, type: "string" }));
  expect(places(...many(schemaAttributesMax))).toEqual([]);
  expect(places(...many(schemaAttributesMax + 1))).toEqual(["attributes"]);
  const half = schemaAttributesMax / 2;
  expect(places(...many(half), { name: "inner", type: "complex", subAttributes: many(half) })).toEqual(["attributes"]);
  expect(places()).toEqual(["attributes"]);
});

test("whatever is sent is read or refused, and what was read is read again as the same", () => {
  const written = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record({
      id: fc.constantFrom(acme, "urn:x:y"),
      name: fc.string({ minLength: 1, maxLength: 5 }),
      attributes: fc.array(
        fc.record(
          {
            name: fc.constantFrom("a", "b", "c", "__proto__"),
            type: fc.constantFrom("string", "boolean", "complex", "reference", "integer"),
            multiValued: fc.boolean(),
            required: fc.boolean(),
            mutability: fc.constantFrom("readOnly", "readWrite", "immutable", "writeOnly"),
            returned: fc.constantFrom("always", "never", "default", "request"),
            subAttributes: fc.array(
              fc.record({ name: fc.constantFrom("x", "y"), type: fc.constantFrom("string", "boolean") }),
              { maxLength: 2 },
            ),
          },
          { requiredKeys: ["name", "type"] },
        ),
        { maxLength: 4 },
      ),
    }),
  );
  fc.assert(
    fc.property(written, (json) => {
      const { definition: once, problems } = readSchemaDefinition(json as Json);
      expect(once === undefined).toBe(problems.length > 0);
      if (once !== undefined)
        expect(readSchemaDefinition(once as unknown as Json)).toEqual({ definition: once, problems: [] });
    }),
    { numRuns: 1000 },
  );
});
