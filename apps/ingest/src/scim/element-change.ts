import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { refuseManyPrimaries, refuseManyValues } from "./attribute-value.ts";
import type { Change } from "./dialect.ts";
import { elementTest, type ElementTest, equalTerms } from "./element-filter.ts";
import type { Target } from "./path.ts";
import { sameJson } from "./same-json.ts";

/** Applies one change to the elements of a multi-valued attribute. */
export function changeElements(elements: readonly Json[], change: Change): readonly Json[] {
  if (change.kind === "remove") return removeElements(elements, change);
  const { list, primaryAt } = writeElements(elements, change);
  refuseManyValues(change.target.attribute, list);
  return withOnePrimary(list, primaryAt);
}

/** The elements after a writing, and which of them it called primary. */
type Written = { readonly list: readonly Json[]; readonly primaryAt: number | undefined };
type Removal = Extract<Change, { readonly kind: "remove" }>;
type Writing = Exclude<Change, Removal>;

function removeElements(elements: readonly Json[], { target, value }: Removal): readonly Json[] {
  const { filter, sub } = target;
  const selects = selectorOf(target);
  if (sub !== undefined)
    return elements.flatMap((element) => (selects(element) ? without(element, sub.name) : [element]));
  if (filter !== undefined) return elements.filter((element) => !selects(element));
  if (value === undefined) return [];
  const named = listOf(value).map(isNamedBy);
  return elements.filter((element) => !named.some((isNamed) => isNamed(element)));
}

function writeElements(elements: readonly Json[], { kind, target, value }: Writing): Written {
  if (target.filter === undefined && target.sub === undefined) {
    return kind === "add" ? addElements(elements, listOf(value), isSaidBy) : addElements([], listOf(value), isDoubleOf);
  }
  const chosen = elements.map(selectorOf(target));
  const count = chosen.filter((isChosen) => isChosen).length;
  // What is created may already be there under a value that took it out of the filter: once is enough.
  if (count === 0) return addElements(elements, [created(target, value)], isSaidBy);
  if (target.filter === undefined && count > 1) {
    throw new DirectoryError("target_missing", `${target.attribute.name} has several values; select one by a filter`);
  }
  const said = target.sub === undefined ? value : { [target.sub.name]: value };
  refuseManyPrimaries(
    target.attribute,
    Array.from({ length: count }, () => said),
  );
  return {
    list: elements.map((element, at) => (chosen[at] === true ? written(kind, target, element, value) : element)),
    primaryAt: isPrimary(said) ? chosen.indexOf(true) : undefined,
  };
}

function selectorOf({ filter }: Target): ElementTest {
  return filter === undefined ? () => true : elementTest(filter);
}

function addElements(kept: readonly Json[], added: readonly Json[], isSameAs: (element: Json) => ElementTest): Written {
  const list = [...kept];
  let primaryAt: number | undefined;
  for (const element of added) {
    const found = list.findIndex(isSameAs(element));
    const at = found === -1 ? list.length : found;
    const present = list[at];
    list[at] = isObject(present) && isObject(element) ? { ...present, ...element } : element;
    if (isPrimary(element)) primaryAt = at;
  }
  return { list, primaryAt };
}

// What is to be added may be there with more than was said of it now.
function isSaidBy(element: Json): ElementTest {
  const [holdsAll, isDouble] = [holdsAllOf(element), isDoubleOf(element)];
  return (present) => holdsAll(present) || isDouble(present);
}

// RFC 7643 §2.4: no attribute holds the same type and value twice.
function isDoubleOf(element: Json): ElementTest {
  if (!isObject(element) || element["value"] === undefined) return (present) => sameJson(present, element);
  const { value, type } = element;
  return (present) => isObject(present) && present["value"] === value && sameType(present["type"], type);
}

function holdsAllOf(parts: Json): ElementTest {
  if (!isObject(parts)) return () => false;
  const said = Object.entries(parts);
  return (present) => isObject(present) && said.every(([name, part]) => sameJson(present[name], part));
}

function sameType(left: Json | undefined, right: Json | undefined): boolean {
  return typeof left === "string" && typeof right === "string"
    ? left.toLowerCase() === right.toLowerCase()
    : left === right;
}

// Entra names the member to take with `display` or `$ref` beside it, which may be stale; the value decides.
function isNamedBy(wanted: Json): ElementTest {
  if (!isObject(wanted)) return (element) => sameJson(wanted, element);
  const { value, type } = wanted;
  if (value === undefined) return holdsAllOf(wanted);
  return (element) =>
    isObject(element) && element["value"] === value && (type === undefined || sameType(type, element["type"]));
}

function created({ attribute, filter, sub }: Target, value: Json): Json {
  const terms = filter === undefined ? {} : equalTerms(filter);
  const isWritable = Object.keys(terms ?? {}).every(
    (name) => attribute.subAttributes.get(name.toLowerCase())?.mutability === "readWrite",
  );
  // A filter may contradict itself, and nothing would ever fit it.
  if (terms === undefined || !isWritable || (filter !== undefined && !elementTest(filter)(terms)))
    throw new DirectoryError("target_missing", `no value of ${attribute.name} fits the filter`);
  if (sub !== undefined) return { ...terms, [sub.name]: value };
  return isObject(value) ? { ...terms, ...value } : value;
}

function written(kind: "add" | "replace", { filter, sub }: Target, element: Json, value: Json): Json {
  if (sub !== undefined && isObject(element)) return { ...element, [sub.name]: value };
  if (!isObject(element) || !isObject(value)) return value;
  if (kind === "add") return { ...element, ...value };
  // RFC 7644 §3.5.2.3 replaces the element; what selected it stays true of it.
  return { ...(filter === undefined ? undefined : equalTerms(filter)), ...value };
}

// An element of which only labels are left holds nothing.
function without(element: Json, name: string): readonly Json[] {
  if (!isObject(element) || element[name] === undefined) return [element];
  const { [name]: _removed, ...rest } = element;
  return Object.keys(rest).every((left) => left === "type" || left === "primary" || left === "display") ? [] : [rest];
}

// RFC 7644 §3.5.2: marking a value primary unmarks the one that was.
function withOnePrimary(list: readonly Json[], primaryAt: number | undefined): readonly Json[] {
  if (primaryAt === undefined) return list;
  return list.map((element, at) => (at !== primaryAt && isPrimary(element) ? { ...element, primary: false } : element));
}

function isPrimary(element: Json): element is JsonObject {
  return isObject(element) && element["primary"] === true;
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}
