import fc from "fast-check";
import { expect, test } from "vitest";
import { elementTest } from "../../apps/ingest/src/scim/element-filter.ts";
import { parsePath } from "../../apps/ingest/src/scim/path.ts";
import { userSchema } from "../../apps/ingest/src/scim/schema.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { type Comparison, type Condition, printCondition } from "./element-condition.ts";
import type { Resource } from "./patch-interpreter.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);

// Where two ways of comparing text come apart: case that is more than a letter, accents in one piece and in two,
// the order of UTF-16 and that of code points, nothing at all, and what a pattern would take for a sign.
const words = [
  "",
  " a",
  "a b",
  "e\u0301",
  "i\u0307",
  "\u212b",
  "x\u200by",
  "\ue000",
  "\uffee",
  "\u{10000}",
  "\u{1d4b3}",
  "\u{1f600}",
  ..."a A ab Ab b work WORK 10 9 null true % _ é É İ i ı I ς σ Σ ΟΔΟΣ οδος ß ẞ ss ﬀ ff ǅ Å K k xy X ¼ 1⁄4".split(" "),
  "\\",
  '"',
];
const bytes = ["QUJD", "QUJd", "qujd", "AAAA"];

const attributes = ["emails", "photos", "x509Certificates", "addresses"] as const;
type Name = (typeof attributes)[number];

/** One element for each user, so that whoever is found says which elements fit. */
const elements: readonly (readonly [Name, Resource])[] = [
  ...words.map((value): readonly [Name, Resource] => ["emails", { value, type: "x" }]),
  ...words.map((type): readonly [Name, Resource] => ["emails", { value: "x", type, primary: true }]),
  ...words.map((value): readonly [Name, Resource] => ["photos", { value, primary: false }]),
  ...words.map((locality): readonly [Name, Resource] => ["addresses", { locality, type: "home" }]),
  ...bytes.map((value): readonly [Name, Resource] => ["x509Certificates", { value, type: "" }]),
  ["emails", { type: "only a type" }],
  ["emails", { primary: true }],
  ["addresses", { country: "GR", primary: true }],
];
const holders = await Promise.all(
  elements.map(async ([attribute, element], at) => {
    const { body } = await tenant.scim("POST", "/Users", { userName: `holder${at}`, [attribute]: [element] });
    return { id: String(body["id"]), attribute, element };
  }),
);

test("a filter in the path of a PATCH selects the elements that it finds in a list, and no others", async () => {
  expect(new Set(holders.map(({ id }) => id)).size).toBe(elements.length);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...attributes).chain((attribute) => fc.tuple(fc.constant(attribute), condition(attribute))),
      async ([attribute, where]) => {
        const path = `${attribute}[${printCondition(where)}]`;
        const parsed = parsePath(userSchema, path);
        if (parsed?.attribute === undefined || parsed.filter === undefined) throw new Error(`${path} is no path`);
        const isSelected = elementTest(parsed.filter);
        const selected = holders.filter((one) => one.attribute === attribute && isSelected(one.element));
        expect([path, await found(path)]).toEqual([path, selected.map(({ id }) => id).toSorted()]);
      },
    ),
    { numRuns: 400 },
  );
});

function condition(attribute: Name): fc.Arbitrary<Condition> {
  const isBinary = attribute === "x509Certificates";
  const sub = fc.constantFrom(
    "type",
    "primary",
    ...(attribute === "addresses" ? ["locality", "country"] : ["value", "display"]),
  );
  const leaf: fc.Arbitrary<Condition> = sub.chain((name): fc.Arbitrary<Condition> => {
    if (name === "primary")
      return fc.record({ sub: fc.constant(name), is: fc.constantFrom("eq", "ne"), to: fc.boolean() });
    const isBytes = isBinary && name === "value";
    const orders: readonly Comparison[] = isBytes ? [] : ["gt", "ge", "lt", "le"];
    return fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          sub: fc.constant(name),
          is: fc.constantFrom<Comparison>("eq", "ne", "co", "sw", "ew", ...orders),
          to: fc.constantFrom(...(isBytes ? bytes : words)),
        }),
      },
      fc.record({ sub: fc.constant(name), is: fc.constantFrom("eq", "ne"), to: fc.constant(null) }),
      fc.record({ sub: fc.constant(name), is: fc.constant("pr" as const) }),
    );
  });
  const several = fc.array(leaf, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    { weight: 6, arbitrary: leaf },
    leaf.map((not): Condition => ({ not })),
    several.map((all): Condition => ({ all })),
    several.map((any): Condition => ({ any })),
    several.map((any): Condition => ({ not: { any } })),
  );
}

async function found(filter: string): Promise<readonly string[]> {
  const { status, body } = await tenant.scim(
    "GET",
    `/Users?count=200&attributes=id&filter=${encodeURIComponent(filter)}`,
  );
  expect([filter, status, body["detail"]]).toEqual([filter, 200, undefined]);
  const resources = body["Resources"] as readonly { readonly id: string }[];
  expect(body["totalResults"]).toBe(resources.length);
  return resources.map(({ id }) => id).toSorted();
}
