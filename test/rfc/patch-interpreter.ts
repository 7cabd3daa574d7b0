import { isDeepStrictEqual } from "node:util";
import { type Condition, meets } from "./element-condition.ts";

/**
 * RFC 7644 §3.5.2 on plain JSON, written from the RFC's sentences and sharing nothing with the
 * product, so that the two can be held against each other. Values are taken to be of the right type.
 */
export type Json = string | number | boolean | null | readonly Json[] | Resource;
export type Resource = { readonly [name: string]: Json };

export type Target = {
  readonly urn?: string;
  readonly attribute: string;
  readonly where?: Condition;
  readonly sub?: string;
};

/** An operation whose path is read already; without a target its value is a set of attributes. */
export type Operation = {
  readonly op: "add" | "replace" | "remove";
  readonly target?: Target;
  readonly value?: Json;
};

/** `reference` is a complex attribute that names somebody by its `value`. */
export type Kind = "single" | "complex" | "reference" | "multi";

export type Shape = {
  /** By name; an extension's attributes under `<urn>:<name>`. */
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly urns: readonly string[];
  readonly required: readonly string[];
};

/** Where Rollcall knowingly does otherwise than the RFC says, or says more than it. */
export type Tolerances = {
  /** A filter of nothing but equals that selects nothing creates what it describes; the RFC says noTarget. */
  readonly createsTheSelected: boolean;
  /** A removal with a value takes the elements it names; the RFC's removal has no value, and takes them all. */
  readonly removesByValue: boolean;
  /** A replaced element still is what its filter of equals said; the RFC replaces all of it. */
  readonly keepsTheSelected: boolean;
  /** Of an element nothing is left when only `type`, `primary` or `display` are. */
  readonly dropsLabels: boolean;
  /** An element is known by what is given of it, or by its value and type; the RFC says "contains the value". */
  readonly knowsElements: boolean;
  /** A reference is a bare id too, loses its other parts to another id, and is removed by an empty one. */
  readonly readsReferences: boolean;
  /** A user's state cannot be removed, for its default is to be let in. */
  readonly keepsState: boolean;
};

export const asTheRfcSays: Tolerances = {
  createsTheSelected: false,
  removesByValue: false,
  keepsTheSelected: false,
  dropsLabels: false,
  knowsElements: false,
  readsReferences: false,
  keepsState: false,
};

export const asRollcallDoes: Tolerances = {
  createsTheSelected: true,
  removesByValue: true,
  keepsTheSelected: true,
  dropsLabels: true,
  knowsElements: true,
  readsReferences: true,
  keepsState: true,
};

export class Refused extends Error {
  readonly scimType: string;
  constructor(scimType: string) {
    super(`the PATCH is refused: ${scimType}`);
    this.scimType = scimType;
  }
}

type Rules = { readonly shape: Shape; readonly tolerances: Tolerances };
type Element = Resource;

/** The resource after all operations. Throws `Refused` where one fails, and then "the original SCIM resource MUST be restored". */
export function interpret(rules: Rules, resource: Resource, operations: readonly Operation[]): Resource {
  // §3.5.2: "Operations are applied sequentially in the order they appear in the array."
  return operations.reduce((held, operation) => applied(rules, held, operation), resource);
}

function applied(rules: Rules, resource: Resource, { op, target, value = null }: Operation): Resource {
  if (target !== undefined) return targeted(rules, resource, op, target, value);
  // §3.5.2.2: "If "path" is unspecified, the operation fails with […] "noTarget"."
  if (op === "remove") throw new Refused("noTarget");
  // §3.5.2.1, §3.5.2.3: without a path "the target location is assumed to be the resource itself".
  return Object.entries(value as Resource).reduce((held, [name, part]) => {
    const urn = rules.shape.urns.find((candidate) => name === candidate || name.startsWith(`${candidate}:`));
    if (urn === name) return withinExtension(rules, held, op, urn, part);
    const [attribute = "", sub] = (urn === undefined ? name : name.slice(urn.length + 1)).split(".");
    return targeted(rules, held, op, targetOf(urn, attribute, sub), part);
  }, resource);
}

function withinExtension(rules: Rules, resource: Resource, op: Operation["op"], urn: string, parts: Json): Resource {
  return Object.entries(parts as Resource).reduce(
    (held, [attribute, part]) => targeted(rules, held, op, { urn, attribute }, part),
    resource,
  );
}

function targetOf(urn: string | undefined, attribute: string, sub: string | undefined): Target {
  return { attribute, ...(urn === undefined ? {} : { urn }), ...(sub === undefined ? {} : { sub }) };
}

function targeted(rules: Rules, resource: Resource, op: Operation["op"], target: Target, value: Json): Resource {
  const { urn, attribute } = target;
  const holder = urn === undefined ? resource : ((resource[urn] ?? {}) as Resource);
  const next = assigned(holder, attribute, changed(rules, holder[attribute], op, target, value));
  const { required } = rules.shape;
  const kept = rules.tolerances.keepsState ? [...required, "active"] : required;
  // §3.5.2.2: "If an attribute is removed or becomes unassigned and is defined as a required attribute […] "mutability"."
  if (urn === undefined && kept.includes(attribute) && next[attribute] === undefined) throw new Refused("mutability");
  return urn === undefined ? next : assigned(resource, urn, next);
}

// RFC 7643 §2.5: null, an empty array and the lack of any value are the same: unassigned.
function assigned(holder: Resource, name: string, value: Json | undefined): Resource {
  const { [name]: _before, ...rest } = holder;
  const isEmpty =
    value === undefined || value === null || (typeof value === "object" && Object.keys(value).length === 0);
  return isEmpty ? rest : { ...holder, [name]: value };
}

function changed(
  rules: Rules,
  held: Json | undefined,
  op: Operation["op"],
  target: Target,
  given: Json,
): Json | undefined {
  const kind = rules.shape.kinds.get(target.urn === undefined ? target.attribute : `${target.urn}:${target.attribute}`);
  if (kind === "multi") return elementsAfter(rules, (held ?? []) as readonly Element[], op, target, given);

  const value = op === "remove" ? null : given;
  // §3.5.2.1: "If the target location specifies a single-valued attribute, the existing value is replaced."
  // §3.5.2.2: "If the target location is a single-value attribute, the attribute and its associated value is removed."
  if (kind === "single") return value;
  const before = (held ?? {}) as Resource;
  if (kind === "reference" && rules.tolerances.readsReferences) return referenceAfter(before, target.sub, value);
  if (target.sub !== undefined) return assigned(before, target.sub, value);
  // §3.5.2.3: for a complex attribute "a set of sub-attributes SHALL be specified […] that replaces any existing
  // values or adds where an attribute did not previously exist"; what is not specified is left unchanged.
  return value === null ? null : withParts(before, value as Resource);
}

function withParts(before: Resource, parts: Resource): Resource {
  return Object.entries(parts).reduce<Resource>((held, [name, part]) => assigned(held, name, part), before);
}

function referenceAfter(before: Resource, sub: string | undefined, value: Json): Json {
  if (sub !== undefined && sub !== "value") return assigned(before, sub, value);
  const named = sub === "value" || typeof value === "string" ? { value } : (value as Resource | null);
  if (named === null || named["value"] === null || named["value"] === "") return null;
  const isAnother = named["value"] !== undefined && named["value"] !== before["value"];
  return withParts(isAnother ? {} : before, named);
}

function elementsAfter(
  rules: Rules,
  held: readonly Element[],
  op: Operation["op"],
  target: Target,
  value: Json,
): readonly Element[] {
  if (op === "remove") return remaining(rules, held, target, value);
  if (target.where === undefined && target.sub === undefined) return withList(rules, held, op, value);

  const { where, sub } = target;
  const selected = held.filter((element) => where === undefined || meets(where, element));
  if (value === null) return sub === undefined && op === "add" ? held : remaining(rules, held, target, null);
  if (selected.length === 0) return withAdded(rules, held, [createdBy(rules, where, sub, value)]);
  // Not of the RFC: a sub-attribute of several values, none of which is selected, is no one place.
  if (where === undefined && selected.length > 1) throw new Refused("noTarget");
  const parts = sub === undefined ? (value as Resource) : { [sub]: value };
  refuseManyPrimaries(selected.map(() => parts));
  // §3.5.2.3: "all matching record values SHALL be replaced"; with a sub-attribute, "the matching sub-attribute of all
  // matching records is replaced". §3.5.2.1: an addition sets sub-attributes of what exists.
  const base = (element: Element): Element =>
    sub !== undefined || op === "add" ? element : rules.tolerances.keepsTheSelected ? (termsOf(where) ?? {}) : {};
  const written = new Map(selected.map((element) => [element, withParts(base(element), parts)]));
  const list = held.map((element) => written.get(element) ?? element);
  return withOnePrimary(list, parts["primary"] === true ? held.indexOf(selected[0] as Element) : undefined);
}

// §3.5.2.1: to "a multi-valued attribute, a new value is added"; one that "already contains the value" is left as it is.
// §3.5.2.3: without a filter "the attribute and all values are replaced".
function withList(rules: Rules, held: readonly Element[], op: "add" | "replace", value: Json): readonly Element[] {
  const given = (value === null ? [] : Array.isArray(value) ? value : [value]) as readonly Element[];
  refuseManyPrimaries(given);
  return op === "add" ? withAdded(rules, held, given) : withAdded(rules, [], given, isDouble);
}

// RFC 7643 §2.4: "The primary attribute value "true" MUST appear no more than once."
function refuseManyPrimaries(given: readonly Element[]): void {
  if (given.filter((element) => element["primary"] === true).length > 1) throw new Refused("invalidValue");
}

type Sameness = (present: Element, given: Element) => boolean;

function withAdded(
  rules: Rules,
  held: readonly Element[],
  given: readonly Element[],
  same: Sameness = isKnown,
): readonly Element[] {
  const isSame: Sameness = rules.tolerances.knowsElements ? same : isDeepStrictEqual;
  const list = [...held];
  let primaryAt: number | undefined;
  for (const element of given) {
    const known = list.findIndex((present) => isSame(present, element));
    const at = known === -1 ? list.length : known;
    list[at] = withParts(list[at] ?? {}, element);
    if (element["primary"] === true) primaryAt = at;
  }
  return withOnePrimary(list, primaryAt);
}

// RFC 7643 §2.4: no attribute should hold the same (type, value) twice.
function isDouble(present: Element, given: Element): boolean {
  const typed = ({ type }: Element): Json | undefined => (typeof type === "string" ? type.toLowerCase() : type);
  return (
    isDeepStrictEqual(present, given) ||
    (given["value"] !== undefined && given["value"] === present["value"] && typed(given) === typed(present))
  );
}

function isKnown(present: Element, given: Element): boolean {
  return isDouble(present, given) || Object.entries(given).every(([name, part]) => present[name] === part);
}

// §3.5.2.3: where a filter "has been supplied and no record match was made […] "noTarget"".
function createdBy(rules: Rules, where: Condition | undefined, sub: string | undefined, value: Json): Element {
  const terms = where === undefined ? {} : rules.tolerances.createsTheSelected ? termsOf(where) : undefined;
  if (terms === undefined) throw new Refused("noTarget");
  return withParts(terms, sub === undefined ? (value as Resource) : { [sub]: value });
}

// What an element must hold to meet a condition that only says what equals what, and does not contradict itself.
function termsOf(where: Condition | undefined): Element | undefined {
  if (where === undefined) return {};
  if ("all" in where) {
    const terms = where.all.map(termsOf);
    if (!terms.every((term) => term !== undefined)) return undefined;
    const joined: Element = Object.assign({}, ...terms);
    return meets(where, joined) ? joined : undefined;
  }
  return "to" in where && where.is === "eq" && where.to !== null ? { [where.sub]: where.to } : undefined;
}

function remaining(rules: Rules, held: readonly Element[], target: Target, value: Json): readonly Element[] {
  const { where, sub } = target;
  const selects = (element: Element): boolean => where === undefined || meets(where, element);
  // §3.5.2.2: "Sub-attributes whose values have been removed SHALL be considered unassigned."
  if (sub !== undefined) {
    const labels = ["type", "primary", "display"];
    return held.flatMap((element) => {
      if (!selects(element) || element[sub] === undefined) return [element];
      const rest = assigned(element, sub, null);
      return Object.keys(rest).every((name) => rules.tolerances.dropsLabels && labels.includes(name)) ? [] : [rest];
    });
  }
  if (where === undefined && value !== null && rules.tolerances.removesByValue) {
    const wanted = (Array.isArray(value) ? value : [value]) as readonly Element[];
    return held.filter((element) => !wanted.some((one) => isMeant(element, one)));
  }
  // §3.5.2.2: with a filter "the values matched by the filter are removed", without one "the attribute and all values".
  return held.filter((element) => !selects(element));
}

function isMeant(element: Element, wanted: Element): boolean {
  if (wanted["value"] === undefined) return isKnown(element, wanted);
  return wanted["value"] === element["value"] && (wanted["type"] === undefined || isDouble(element, wanted));
}

// §3.5.2: "a PATCH operation that sets a value's "primary" sub-attribute to "true" SHALL cause the server to
// automatically set "primary" to "false" for any other values in the array."
function withOnePrimary(list: readonly Element[], at: number | undefined): readonly Element[] {
  const isOther = (element: Element, index: number): boolean => index !== at && element["primary"] === true;
  return at === undefined
    ? list
    : list.map((element, index) => (isOther(element, index) ? { ...element, primary: false } : element));
}
