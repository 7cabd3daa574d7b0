import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { refuseManyPrimaries, refuseManyValues } from "./attribute-value.ts";
import type { Change } from "./dialect.ts";
import { equalTerms, fits } from "./element-filter.ts";
import type { Target } from "./path.ts";
import { sameJson } from "./same-json.ts";
import type { Attribute } from "./schema.ts";

/** Applies one change to the elements of a multi-valued attribute. An element that does not change keeps its identity. */
export function changeElements(elements: readonly Json[], change: Change): readonly Json[] {
  const changed = change.kind === "remove" ? removeElements(elements, change) : writeElements(elements, change);
  refuseManyValues(change.target.attribute, changed);
  return withOnePrimary(change.target.attribute, elements, changed);
}

type Removal = Extract<Change, { readonly kind: "remove" }>;
type Writing = Exclude<Change, Removal>;

function removeElements(elements: readonly Json[], { target, value }: Removal): readonly Json[] {
  const { attribute, filter, sub } = target;
  if (sub !== undefined) {
    return elements.flatMap((element) => (selects(target, element) ? without(element, sub.name) : [element]));
  }
  if (filter !== undefined) return elements.filter((element) => !fits(attribute, filter, element));
  if (value === undefined) return [];
  const wanted = listOf(value);
  return elements.filter((element) => !wanted.some((one) => isNamedBy(one, element)));
}

function writeElements(elements: readonly Json[], { kind, target, value }: Writing): readonly Json[] {
  if (target.filter === undefined && target.sub === undefined) {
    return addElements(kind === "add" ? elements : [], listOf(value), elements);
  }
  const chosen = elements.filter((element) => selects(target, element));
  // What is created may already be there under a value that took it out of the filter: once is enough.
  if (chosen.length === 0) return addElements(elements, [created(target, value)], elements);
  if (target.filter === undefined && chosen.length > 1) {
    throw new DirectoryError("target_missing", `${target.attribute.name} has several values; select one by a filter`);
  }
  return elements.map((element) => (chosen.includes(element) ? written(kind, target, element, value) : element));
}

function selects(target: Target, element: Json): boolean {
  return target.filter === undefined || fits(target.attribute, target.filter, element);
}

// An element equal to one that was there is that one, so that a repetition changes nothing.
function addElements(kept: readonly Json[], added: readonly Json[], before: readonly Json[]): readonly Json[] {
  const result = [...kept];
  for (const element of added) {
    const at = result.findIndex((present) => isSameElement(present, element));
    const present = result[at];
    if (present === undefined) result.push(before.find((old) => sameJson(old, element)) ?? element);
    else if (isObject(present) && isObject(element)) result[at] = merged(present, element);
  }
  return result;
}

function isSameElement(present: Json, element: Json): boolean {
  if (!isObject(present) || !isObject(element)) return sameJson(present, element);
  if (sameJson(merged(present, element), present)) return true;
  return (
    element["value"] !== undefined &&
    present["value"] === element["value"] &&
    sameType(present["type"], element["type"])
  );
}

function sameType(left: Json | undefined, right: Json | undefined): boolean {
  return typeof left === "string" && typeof right === "string"
    ? left.toLowerCase() === right.toLowerCase()
    : left === right;
}

// Entra names the member to take with `display` or `$ref` beside it, which may be stale; the value decides.
function isNamedBy(wanted: Json, element: Json): boolean {
  if (!isObject(wanted) || !isObject(element)) return sameJson(wanted, element);
  if (wanted["value"] === undefined) return sameJson(merged(element, wanted), element);
  const type = wanted["type"];
  return wanted["value"] === element["value"] && (type === undefined || sameType(type, element["type"]));
}

function created({ attribute, filter, sub }: Target, value: Json): Json {
  const terms = filter === undefined ? {} : equalTerms(filter);
  if (terms === undefined) throw new DirectoryError("target_missing", `no value of ${attribute.name} fits the filter`);
  if (sub !== undefined) return { ...terms, [sub.name]: value };
  return isObject(value) ? { ...terms, ...value } : value;
}

function written(kind: "add" | "replace", { filter, sub }: Target, element: Json, value: Json): Json {
  if (!isObject(element)) return value;
  if (sub !== undefined) return merged(element, { [sub.name]: value });
  if (!isObject(value)) return value;
  // RFC 7644 §3.5.2.3 replaces the element; what selected it stays true of it.
  const base = kind === "add" ? element : ((filter === undefined ? undefined : equalTerms(filter)) ?? {});
  const next = merged(base, value);
  return sameJson(next, element) ? element : next;
}

function merged(element: JsonObject, parts: JsonObject): JsonObject {
  const next = { ...element, ...parts };
  return sameJson(next, element) ? element : next;
}

// An element of which only labels are left holds nothing.
function without(element: Json, name: string): readonly Json[] {
  if (!isObject(element) || element[name] === undefined) return [element];
  const { [name]: _removed, ...rest } = element;
  return Object.keys(rest).every((left) => left === "type" || left === "primary" || left === "display") ? [] : [rest];
}

// RFC 7644 §3.5.2: marking a value primary unmarks the one that was.
function withOnePrimary(attribute: Attribute, before: readonly Json[], after: readonly Json[]): readonly Json[] {
  const primaries = after.filter(isPrimary);
  if (primaries.length < 2) return after;
  const fresh = primaries.filter((element) => !before.includes(element));
  refuseManyPrimaries(attribute, fresh);
  const [chosen] = fresh;
  if (chosen === undefined) return after;
  return after.map((element) => (isPrimary(element) && element !== chosen ? { ...element, primary: false } : element));
}

function isPrimary(element: Json): element is JsonObject {
  return isObject(element) && element["primary"] === true;
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}
