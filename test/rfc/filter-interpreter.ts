/**
 * RFC 7644 §3.4.2.2 and §3.4.2.3 on plain JSON, written from the RFC's sentences and sharing nothing
 * with the product, so that the two can be held against each other.
 */
export type Json = string | number | boolean | null | readonly Json[] | Resource;
export type Resource = { readonly [name: string]: Json };

/** What a schema says of an attribute (RFC 7643 §7); `parts` are its sub-attributes by name. */
export type Described = {
  readonly type: string;
  readonly caseExact: boolean;
  readonly multiValued: boolean;
  readonly parts: Shape;
};
export type Shape = ReadonlyMap<string, Described>;
/** The attributes of a kind of resource: its own under "", and those of extensions under their URN. */
export type Kind = ReadonlyMap<string, Shape>;

export type Name = { readonly urn: string; readonly attribute: string; readonly sub?: string };
export type Operator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";
export type Value = string | number | boolean | null;

export type Where =
  | { readonly name: Name; readonly is: "pr" }
  | { readonly name: Name; readonly is: Operator; readonly to: Value }
  | { readonly all: readonly Where[] }
  | { readonly any: readonly Where[] }
  | { readonly not: Where }
  /** `emails[type eq "work"]`, and with `rest` `emails[…].value eq "…"`; the names within are sub-attributes. */
  | {
      readonly name: Name;
      readonly has: Where;
      readonly rest?: { readonly is: Operator; readonly to: Value; readonly sub: string };
    };

/** Whether a resource of a kind is found by a filter. */
export function meets(kind: Kind, resource: Resource, where: Where): boolean {
  return holds(where, {
    described: (name) => describedIn(kind, name),
    values: (name) => valuesIn(resource, kind, name),
  });
}

/** What a name means, and what is there. */
type Place = {
  described(name: Name): Described | undefined;
  values(name: Name): readonly Json[];
};

function holds(where: Where, place: Place): boolean {
  if ("all" in where) return where.all.every((one) => holds(one, place));
  if ("any" in where) return where.any.some((one) => holds(one, place));
  if ("not" in where) return !holds(where.not, place);
  if ("has" in where) return place.values(where.name).some((element) => elementHolds(where, element, place));
  if (where.is === "pr") return place.values(where.name).some(isPresent);
  const described = place.described(where.name);
  const value = described?.parts.get("value");
  // "If the attribute is complex", its value is meant.
  const name = value === undefined ? where.name : { ...where.name, sub: "value" };
  return compares(place.values(name), where.is, where.to, value ?? described);
}

function elementHolds(where: Extract<Where, { has: Where }>, element: Json, outer: Place): boolean {
  const { parts, multiValued } = outer.described(where.name) ?? {};
  if (parts === undefined || !isObject(element) || !(multiValued || isPresent(element))) return false;
  const place: Place = {
    described: ({ attribute }) => parts.get(attribute),
    values: ({ attribute }) => listOf(element[attribute]),
  };
  const { rest } = where;
  return (
    holds(where.has, place) &&
    (rest === undefined || holds({ name: { urn: "", attribute: rest.sub }, is: rest.is, to: rest.to }, place))
  );
}

function compares(
  actual: readonly Json[],
  operator: Operator,
  wanted: Value,
  described: Described | undefined,
): boolean {
  if (operator === "ne") return !compares(actual, "eq", wanted, described);
  if (wanted === null) return !actual.some(isPresent);
  return actual.some((one) => comparesOne(one, operator, wanted, described));
}

function comparesOne(actual: Json, operator: Operator, wanted: Value, described: Described | undefined): boolean {
  if (typeof actual !== typeof wanted || described === undefined) return false;
  const left = comparable(actual, described);
  const right = comparable(wanted, described);
  switch (operator) {
    case "co":
      return String(left).includes(String(right));
    case "sw":
      return String(left).startsWith(String(right));
    case "ew":
      return String(left).endsWith(String(right));
    default: {
      const order = orderOf(left, right);
      return { eq: order === 0, ne: order !== 0, gt: order > 0, ge: order >= 0, lt: order < 0, le: order <= 0 }[
        operator
      ];
    }
  }
}

/** RFC 7644 §3.4.2.3: ascending, by what the primary value has, or the first; whoever has nothing is last. */
export function sorted<Found extends { readonly kind: Kind; readonly resource: Resource }>(
  found: readonly Found[],
  by: Name,
  descending: boolean,
): readonly Found[] {
  const keyed = found.map((one) => ({
    one,
    key: sortKey(one.kind, one.resource, by),
    id: one.resource["id"] as string,
  }));
  keyed.sort((left, right) => {
    if (left.key === undefined || right.key === undefined) {
      const missing = Number(left.key === undefined) - Number(right.key === undefined);
      return missing === 0 ? orderOf(left.id, right.id) : missing;
    }
    const order = orderOf(left.key, right.key);
    return order === 0 ? orderOf(left.id, right.id) : order;
  });
  const ascending = keyed.map(({ one }) => one);
  return descending ? ascending.toReversed() : ascending;
}

function sortKey(kind: Kind, resource: Resource, name: Name): string | number | undefined {
  const described = describedIn(kind, name);
  const part = described?.parts.get("value");
  const { sub: _sub, ...whole } = name;
  const values = valuesIn(resource, kind, whole);
  const chosen = values.find((one) => isObject(one) && one["primary"] === true) ?? values[0];
  const sub = name.sub ?? (part === undefined ? undefined : "value");
  const key = sub === undefined ? chosen : isObject(chosen) ? chosen[sub] : undefined;
  const as = part ?? described;
  if (as === undefined || key === undefined || key === "") return undefined;
  return typeof key === "boolean" ? String(key) : comparable(key, as);
}

function describedIn(kind: Kind, { urn, attribute, sub }: Name): Described | undefined {
  const described = kind.get(urn)?.get(attribute);
  return sub === undefined ? described : described?.parts.get(sub);
}

function valuesIn(resource: Resource, kind: Kind, name: Name): readonly Json[] {
  if (describedIn(kind, name) === undefined) return [];
  const held = name.urn === "" ? resource : resource[name.urn];
  const values = isObject(held) ? listOf(held[name.attribute]) : [];
  return name.sub === undefined ? values : values.flatMap((one) => (isObject(one) ? listOf(one[name.sub ?? ""]) : []));
}

/** "A non-empty or non-null value, or a non-empty node." */
function isPresent(value: Json): boolean {
  if (value === null || value === "") return false;
  if (Array.isArray(value)) return value.some(isPresent);
  return isObject(value) ? Object.values(value).some(isPresent) : true;
}

function comparable(value: Json, { type, caseExact }: Described): string | number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (type === "dateTime") return Date.parse(text);
  return caseExact ? text : folded(text);
}

function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
}

/** Texts by their code points, which UTF-8 keeps in order and UTF-16 does not. */
function orderOf(left: string | number, right: string | number): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
}

function listOf(value: Json | undefined): readonly Json[] {
  return value === undefined ? [] : Array.isArray(value) ? (value as readonly Json[]) : [value];
}

function isObject(value: Json | undefined): value is Resource {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
