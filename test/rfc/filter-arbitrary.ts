import fc from "fast-check";
import type { Described, Json, Kind, Name, Operator, Resource, Shape, Value, Where } from "./filter-interpreter.ts";

/** A kind of resource as a server describes it in `/Schemas`. */
export type SchemaDocument = { readonly id: string; readonly attributes: readonly AttributeDocument[] };
type AttributeDocument = {
  readonly name: string;
  readonly type: string;
  readonly multiValued?: boolean;
  readonly caseExact?: boolean;
  readonly mutability?: string;
  readonly returned?: string;
  readonly subAttributes?: readonly AttributeDocument[];
};

/** RFC 7643 §3.1: what every resource has and no schema lists. */
const common: readonly AttributeDocument[] = [
  { name: "id", type: "string", caseExact: true, mutability: "readOnly" },
  { name: "externalId", type: "string", caseExact: true },
  { name: "schemas", type: "reference", multiValued: true, caseExact: true, mutability: "readOnly" },
  {
    name: "meta",
    type: "complex",
    mutability: "readOnly",
    subAttributes: [
      { name: "resourceType", type: "string", caseExact: true },
      { name: "created", type: "dateTime" },
      { name: "lastModified", type: "dateTime" },
      { name: "location", type: "reference", caseExact: true },
    ],
  },
];

export function kindOf(core: SchemaDocument, extensions: readonly SchemaDocument[]): Kind {
  return new Map([
    ["", shapeOf([...common, ...core.attributes])],
    ...extensions.map(({ id, attributes }) => [id, shapeOf(attributes)] as const),
  ]);
}

function shapeOf(attributes: readonly AttributeDocument[]): Shape {
  const shown = attributes.filter(({ returned }) => returned !== "never" && returned !== "request");
  return new Map(
    shown.map((attribute) => [
      attribute.name,
      {
        type: attribute.type,
        caseExact: attribute.caseExact ?? false,
        multiValued: attribute.multiValued ?? false,
        parts: shapeOf(attribute.subAttributes ?? []),
      },
    ]),
  );
}

// Few values, so that filters meet them; some differ in nothing but case, width, length or spelling.
const word = fc.constantFrom(
  "work",
  "Work",
  "WORK",
  "home",
  "ann",
  "Ann@ex.test",
  "ann@EX.test",
  "b",
  "",
  "ß",
  "ǅ",
  "Σ",
  "ς",
  "ﬁ",
  "𝒳",
  "\ue000",
  "é",
  "é",
  "İ",
  'a"b',
  "a\\b",
  "%",
  "null",
  "true",
);
const bytes = fc.constantFrom("QUJD", "QUJd", "cXVv", "AAAA");
const moment = fc.constantFrom(
  "2026-01-01T00:00:00Z",
  "2026-01-01T02:00:00+02:00",
  "2025-12-31T19:30:00.000-04:30",
  "2026-01-01T00:00:00.001Z",
  "2026-03-01T12:00:00Z",
);
const whole = fc.constantFrom(-3, 0, 1, 2, 10, 2_000_000_000);
const fraction = fc.oneof(whole, fc.constantFrom(0.5, -0.25, 1e-3, 10.0));

function valueOf({ type }: Pick<Described, "type">): fc.Arbitrary<string | number | boolean> {
  switch (type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return whole;
    case "decimal":
      return fraction;
    case "dateTime":
      return moment;
    case "binary":
      return bytes;
    default:
      return word;
  }
}

/** The attributes that a sender may write, at random. Names that must be unique are left to the caller. */
export function resource(core: SchemaDocument, extensions: readonly SchemaDocument[]): fc.Arbitrary<Resource> {
  const own = attributesOf(
    core.attributes.filter(({ name }) => !["userName", "displayName", "members"].includes(name)),
  );
  const held = extensions.map(({ id, attributes }) => attributesOf(attributes).map((values) => ({ [id]: values })));
  return fc.tuple(own, ...held).map((parts) => Object.assign({}, ...parts) as Resource);
}

function attributesOf(attributes: readonly AttributeDocument[]): fc.Arbitrary<Resource> {
  const written = attributes.filter(({ mutability }) => mutability !== "readOnly");
  const entries = written.map((attribute) =>
    fc.option(writtenValue(attribute), { nil: undefined, freq: 2 }).map((value) => [attribute.name, value] as const),
  );
  return fc
    .tuple(...entries)
    .map((named) => Object.fromEntries(named.filter(([, value]) => value !== undefined)) as Resource);
}

function writtenValue(attribute: AttributeDocument): fc.Arbitrary<Json> {
  const one =
    attribute.type === "complex"
      ? (attributesOf(attribute.subAttributes ?? []) as fc.Arbitrary<Json>)
      : valueOf(attribute);
  if (attribute.multiValued !== true) return one;
  // "Exactly one" may be primary (RFC 7643 §2.4).
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((values) => {
    const primary = values.findIndex((value) => isResource(value) && value["primary"] === true);
    return values.map((value, at) => (isResource(value) && at !== primary ? without(value, "primary") : value));
  });
}

/** What a filter may ask for: every attribute of the kinds, and of what is found there. */
export function where(kinds: readonly Kind[], found: readonly Resource[]): fc.Arbitrary<Where> {
  const names = kinds.flatMap(namesOf);
  const test = fc.constantFrom(...names).chain(({ name, described }) => {
    const seen = seenValues(found, name);
    if (described.type !== "complex") return testOf(name, described, seen);
    const value = described.parts.get("value");
    const bracketed = element(name, described, found);
    const presence = fc.constant<Where>({ name, is: "pr" });
    return value === undefined
      ? fc.oneof(bracketed, presence)
      : fc.oneof(bracketed, presence, testOf(name, value, seenValues(found, { ...name, sub: "value" })));
  });
  return combined(test, 3);
}

function element(name: Name, { parts }: Described, found: readonly Resource[]): fc.Arbitrary<Where> {
  const subs = [...parts].filter(([, { type }]) => type !== "complex");
  const tested = fc
    .constantFrom(...subs)
    .chain(([sub, described]) => testOf({ urn: "", attribute: sub }, described, seenValues(found, { ...name, sub })));
  const rest = tested.map((test) =>
    "is" in test && test.is !== "pr" ? { is: test.is, to: test.to, sub: test.name.attribute } : undefined,
  );
  return fc
    .tuple(combined(tested, 2), fc.option(rest, { nil: undefined }))
    .map(([has, then]) => (then === undefined ? { name, has } : { name, has, rest: then }));
}

function combined(test: fc.Arbitrary<Where>, depth: number): fc.Arbitrary<Where> {
  if (depth === 0) return test;
  const inner = combined(test, depth - 1);
  const several = fc.array(inner, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    { weight: 4, arbitrary: test },
    { weight: 1, arbitrary: several.map((all): Where => ({ all })) },
    { weight: 1, arbitrary: several.map((any): Where => ({ any })) },
    { weight: 1, arbitrary: inner.map((not): Where => ({ not })) },
  );
}

type Test = Extract<Where, { readonly is: unknown }>;

function testOf(name: Name, described: Described, seen: readonly Value[]): fc.Arbitrary<Test> {
  const value = seen.length === 0 ? valueOf(described) : fc.oneof(valueOf(described), fc.constantFrom(...seen));
  const compared = fc
    .tuple(fc.constantFrom(...operatorsOf(described.type)), value)
    .chain(([is, to]) => part(is, to).map((shown): Test => ({ name, is, to: shown })));
  return fc.oneof(
    { weight: 8, arbitrary: compared },
    { weight: 1, arbitrary: fc.constant<Test>({ name, is: "pr" }) },
    { weight: 1, arbitrary: fc.constantFrom("eq", "ne").map((is): Test => ({ name, is, to: null })) },
  );
}

/** Of a text that is there, also a part, so that "co", "sw" and "ew" find something. */
function part(operator: Operator, value: Value): fc.Arbitrary<Value> {
  if (typeof value !== "string" || !["co", "sw", "ew"].includes(operator)) return fc.constant(value);
  const points = Array.from(value);
  return fc.tuple(fc.nat(points.length), fc.nat(points.length)).map(([one, other]) => {
    const length = Math.abs(one - other);
    if (operator === "sw") return points.slice(0, length).join("");
    return operator === "ew"
      ? points.slice(points.length - length).join("")
      : points.slice(Math.min(one, other), Math.max(one, other)).join("");
  });
}

function operatorsOf(type: string): readonly Operator[] {
  switch (type) {
    case "boolean":
      return ["eq", "ne"];
    case "integer":
    case "decimal":
    case "dateTime":
      return ["eq", "ne", "gt", "ge", "lt", "le"];
    case "binary":
      return ["eq", "ne", "co", "sw", "ew"];
    default:
      return ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
  }
}

/** What a list can be sorted by: every attribute, and every part of one. */
export function sortable(kinds: readonly Kind[]): readonly Name[] {
  return kinds
    .flatMap(namesOf)
    .filter(({ described }) => described.type !== "complex" || described.parts.has("value"))
    .map(({ name }) => name);
}

function namesOf(kind: Kind): readonly { readonly name: Name; readonly described: Described }[] {
  return [...kind].flatMap(([urn, shape]) =>
    [...shape].flatMap(([attribute, described]) => [
      { name: { urn, attribute }, described },
      ...[...described.parts].map(([sub, partial]) => ({ name: { urn, attribute, sub }, described: partial })),
    ]),
  );
}

function seenValues(found: readonly Resource[], { urn, attribute, sub }: Name): readonly (string | number | boolean)[] {
  return found.flatMap((one) => {
    const held = urn === "" ? one : one[urn];
    const values = isResource(held) ? [held[attribute]].flat() : [];
    const parts =
      sub === undefined ? values : values.flatMap((value) => (isResource(value) ? [value[sub]].flat() : []));
    return parts.filter(
      (value) => typeof value === "string" || typeof value === "number" || typeof value === "boolean",
    );
  });
}

function isResource(value: Json | undefined): value is Resource {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function without(value: Resource, name: string): Resource {
  const { [name]: _gone, ...rest } = value;
  return rest;
}
