import fc from "fast-check";
import { type Comparison, type Condition, printCondition } from "./element-condition.ts";
import type { Json, Kind, Operation, Resource, Shape, Target } from "./patch-interpreter.ts";

/** As `fc.record`, of objects as JSON makes them; all of their names are optional but for `required`. */
function record(
  model: Readonly<Record<string, fc.Arbitrary<Json>>>,
  required: readonly string[] = [],
): fc.Arbitrary<Resource> {
  const constraints = { noNullPrototype: true, requiredKeys: [...required] };
  return fc.record(model, constraints) as fc.Arbitrary<Resource>;
}

export const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const single = [
  "displayName",
  "nickName",
  "profileUrl",
  "title",
  "userType",
  "preferredLanguage",
  "locale",
  "timezone",
];
const names = ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"];
const company = ["employeeNumber", "costCenter", "organization", "division", "department"];
const labelled = ["emails", "phoneNumbers", "ims", "photos", "entitlements", "roles", "x509Certificates"];
const places = ["formatted", "streetAddress", "locality", "region", "postalCode", "country"];

/** RFC 7643 §4.1 and §4.3, as far as a PATCH needs them. */
export const userShape: Shape = {
  kinds: new Map<string, Kind>([
    ...["userName", "externalId", "active", ...single].map((name) => [name, "single"] as const),
    ...company.map((name) => [`${enterprise}:${name}`, "single"] as const),
    ["name", "complex"],
    [`${enterprise}:manager`, "reference"],
    ...[...labelled, "addresses"].map((name) => [name, "multi"] as const),
  ]),
  urns: [enterprise],
  required: ["userName"],
};

/** Few words, so that filters meet values; some differ in nothing but case. */
const word = fc.constantFrom("work", "Work", "home", "a@ex.test", "A@ex.test", "b", "x", "");
/** Base64, which only case tells apart. */
const bytes = fc.constantFrom("QUJD", "QUJd", "cXVv", "AAAA");
/** Anything that a person might be called, and the database can hold. */
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("Ann", "Bo", "a b", 'quo"te', "\\", "ß", "𝒳", "null", "true") },
  fc.string({ unit: "grapheme", maxLength: 6 }).filter((value) => value.isWellFormed() && !value.includes("\u0000")),
);
const cleared = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> =>
  fc.oneof({ weight: 5, arbitrary: value }, fc.constant(null));

function partsOf(attribute: string): Record<string, fc.Arbitrary<Json>> {
  const own = attribute === "addresses" ? places : ["value", "display"];
  const value = attribute === "x509Certificates" ? { value: bytes } : {};
  return { ...Object.fromEntries(own.map((name) => [name, word])), ...value, type: word, primary: fc.boolean() };
}

function element(attribute: string): fc.Arbitrary<Resource> {
  return record(partsOf(attribute)).filter((one) => Object.keys(one).length > 0);
}

function elements(attribute: string): fc.Arbitrary<readonly Resource[]> {
  return fc.array(element(attribute), { minLength: 1, maxLength: 3 });
}

const some = (fields: readonly string[], value: fc.Arbitrary<Json>): fc.Arbitrary<Resource> =>
  record(Object.fromEntries(fields.map((name) => [name, value])));
const manager = record({ value: fc.constantFrom("u-1", "u-2"), $ref: fc.constant("../Users/u") }, ["value"]);

/** A user as a provider creates it. `{run}` stands for what makes its names its own. */
export const user: fc.Arbitrary<Resource> = record(
  {
    userName: fc.constant("ann{run}"),
    active: fc.boolean(),
    externalId: fc.constant("ext{run}"),
    ...Object.fromEntries(single.map((name) => [name, text])),
    name: some(names, text),
    ...Object.fromEntries([...labelled, "addresses"].map((name) => [name, elements(name)])),
    [enterprise]: fc
      .tuple(some(company, text), fc.option(manager))
      .map(([held, boss]): Resource => (boss === null ? held : { ...held, manager: boss })),
  },
  ["userName", "active"],
)
  .map(
    (written) =>
      Object.fromEntries(Object.entries(written).map(([name, value]) => [name, withOnePrimary(value)])) as Resource,
  )
  .map((written) => Object.fromEntries(Object.entries(written).filter(([, value]) => !isEmpty(value))) as Resource);

function isEmpty(value: Json): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function withOnePrimary(value: Json): Json {
  if (!Array.isArray(value)) return value;
  const list = value as readonly Resource[];
  const first = list.findIndex((one) => one["primary"] === true);
  return list.map((one, at) => (one["primary"] === true && at !== first ? { ...one, primary: false } : one));
}

function condition(attribute: string): fc.Arbitrary<Condition> {
  const hasText = attribute !== "x509Certificates" && attribute !== "photos" && attribute !== "addresses";
  const texts = Object.keys(partsOf(attribute)).filter((name) => name !== "primary" && name !== "value");
  const sub = fc.constantFrom(...texts, ...(hasText ? ["value"] : []));
  const equal: fc.Arbitrary<Condition> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ sub: fc.constant("type"), is: fc.constant("eq" as const), to: word }) },
    fc.record({ sub, is: fc.constant("eq" as const), to: cleared(word) }),
    fc.record({ sub: fc.constant("primary"), is: fc.constantFrom("eq", "ne"), to: fc.boolean() }),
    ...exactly(attribute, ["eq"]),
  );
  const others = ["ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] as const;
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    { weight: 4, arbitrary: equal },
    fc.record({ sub, is: fc.constantFrom(...others), to: word }),
    fc.record({ sub, is: fc.constant("pr" as const) }),
    ...exactly(attribute, others),
  );
  const several = fc.array(leaf, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    { weight: 4, arbitrary: leaf },
    fc.array(equal, { minLength: 2, maxLength: 2 }).map((all): Condition => ({ all })),
    several.map((all): Condition => ({ all })),
    several.map((any): Condition => ({ any })),
    several.map((any): Condition => ({ not: { any } })),
  );
}

/** What is compared with case: binary data (RFC 7643 §2.3.6), which has no order either, and references (§2.3.7). */
function exactly(attribute: string, is: readonly Comparison[]): readonly fc.Arbitrary<Condition>[] {
  const isBinary = attribute === "x509Certificates";
  if (!isBinary && attribute !== "photos") return [];
  const known = is.filter((one) => !isBinary || !["gt", "ge", "lt", "le"].includes(one));
  const [sub, exact] = [fc.constant("value"), fc.constant(true)];
  return [fc.record({ sub, is: fc.constantFrom(...known), to: isBinary ? bytes : word, exact })];
}

const writing = fc.constantFrom("add" as const, "replace" as const);
const anyOp = fc.constantFrom("add" as const, "replace" as const, "remove" as const);
const at = (
  op: fc.Arbitrary<Operation["op"]>,
  target: fc.Arbitrary<Target>,
  value: fc.Arbitrary<Json>,
): fc.Arbitrary<Operation> =>
  fc
    .tuple(op, target, value)
    .map(([kind, where, given]) =>
      kind === "remove" ? { op: kind, target: where } : { op: kind, target: where, value: given },
    );

const onSingle = fc.oneof(
  at(
    anyOp,
    fc.constantFrom(...single).map((attribute) => ({ attribute })),
    cleared(text),
  ),
  at(
    anyOp,
    fc.constantFrom(...company).map((attribute) => ({ urn: enterprise, attribute })),
    cleared(text),
  ),
  at(writing, fc.constant({ attribute: "active" }), cleared(fc.boolean())),
  at(anyOp, fc.constant({ attribute: "userName" }), fc.constantFrom("ann{run}", "Ann{run}", "bo{run}", null)),
  at(anyOp, fc.constant({ attribute: "externalId" }), fc.constantFrom("ext{run}", "other{run}", null)),
);

const bosses = fc.oneof(manager, fc.constantFrom("u-1", "u-2", "", null));
const onComplex = fc.oneof(
  at(
    anyOp,
    fc.constantFrom(...names).map((sub) => ({ attribute: "name", sub })),
    cleared(text),
  ),
  at(anyOp, fc.constant({ attribute: "name" }), cleared(some(names, cleared(text)))),
  at(anyOp, fc.constant({ urn: enterprise, attribute: "manager" }), bosses),
  at(
    anyOp,
    fc.constant({ urn: enterprise, attribute: "manager", sub: "value" }),
    fc.constantFrom("u-1", "u-2", "", null),
  ),
);

const onElements = fc
  .constantFrom("emails", "emails", "addresses", "roles", "photos", "x509Certificates")
  .chain((attribute) => {
    const whole = fc.constant<Target>({ attribute });
    const where = condition(attribute);
    const parts = partsOf(attribute);
    const part = fc
      .constantFrom(...Object.keys(parts))
      .chain((sub) => fc.tuple(fc.constant(sub), cleared(parts[sub] as fc.Arbitrary<Json>)));
    const withPart = (selected: fc.Arbitrary<Condition | undefined>): fc.Arbitrary<Operation> =>
      fc.tuple(anyOp, selected, part).map(([op, chosen, [sub, value]]): Operation => {
        const target = { attribute, sub, ...(chosen === undefined ? {} : { where: chosen }) };
        return op === "remove" ? { op, target } : { op, target, value };
      });
    return fc.oneof(
      at(anyOp, whole, cleared(elements(attribute))),
      at(writing, whole, element(attribute)),
      fc
        .tuple(whole, elements(attribute))
        .map(([target, value]): Operation => ({ op: "remove", target, value: withOnePrimary(value) })),
      {
        weight: 2,
        arbitrary: at(
          anyOp,
          where.map((one) => ({ attribute, where: one })),
          cleared(element(attribute)),
        ),
      },
      { weight: 3, arbitrary: withPart(where) },
      withPart(fc.constant(undefined)),
    );
  });

const withoutPath: fc.Arbitrary<Operation> = fc
  .tuple(
    writing,
    record({
      active: fc.boolean(),
      displayName: cleared(text),
      "name.familyName": cleared(text),
      name: some(names, cleared(text)),
      emails: elements("emails"),
      roles: cleared(elements("roles")),
      [`${enterprise}:department`]: cleared(text),
      [enterprise]: some(company, cleared(text)),
    }),
  )
  .map(([op, value]) => ({ op, value: value as Resource }));

/** Any PATCH of a user that says something, whether or not it can be done. */
export const userPatch: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.oneof(onSingle, onComplex, { weight: 4, arbitrary: onElements }, withoutPath),
  { minLength: 1, maxLength: 4 },
);

/** How a sender spells what it means. */
export type Spelling = { readonly entra: boolean; readonly shouting: boolean };
export const spelling: fc.Arbitrary<Spelling> = fc.record({ entra: fc.boolean(), shouting: fc.boolean() });

/** The operation as it goes over the wire. */
export function written({ op, target, value }: Operation, { entra, shouting }: Spelling): Resource {
  const verb = entra ? op.replace(/^./, (first) => first.toUpperCase()) : op;
  const path = target === undefined ? undefined : shouting ? pathOf(target, entra).shout : pathOf(target, entra).plain;
  const said = value === undefined ? {} : { value: entra ? withWords(value) : value };
  return { op: verb, ...(path === undefined ? {} : { path }), ...said };
}

function pathOf(
  { urn, attribute, where, sub }: Target,
  entra: boolean,
): { readonly plain: string; readonly shout: string } {
  const before = urn === undefined ? attribute : `${urn}:${attribute}`;
  const brackets = where === undefined ? "" : `[${printCondition(where, entra)}]`;
  const after = sub === undefined ? "" : `.${sub}`;
  return { plain: before + brackets + after, shout: before.toUpperCase() + brackets + after.toUpperCase() };
}

/** Entra writes booleans as words; only `active` and `primary` are booleans. */
function withWords(value: Json): Json {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return (value as readonly Json[]).map(withWords);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withWords(part)])) as Resource;
}
