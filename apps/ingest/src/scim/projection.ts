import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";
import { type Resolved, type ResourceSchema, resolveForFilter } from "./schema.ts";

/** Which attributes a caller wants to see (RFC 7644 §3.9). */
export type Projection = {
  /** Whether any part of a core attribute will be shown; what will not need not be fetched. */
  shows(attribute: string): boolean;
  apply(resource: JsonObject): JsonObject;
};

// RFC 7643 §7 `returned: always`.
const always: ReadonlySet<string> = new Set(["schemas", "id"]);

/**
 * Reads `attributes` and `excludedAttributes`. Names that the schema does not know show nothing
 * and hide nothing; where both are given, `attributes` decides.
 */
export function readProjection(
  schema: ResourceSchema,
  attributes: string | undefined,
  excluded: string | undefined,
): Projection {
  const wanted = namesOf(schema, attributes);
  if (wanted !== undefined)
    return { shows: (name) => touches(wanted, name), apply: (resource) => only(resource, wanted) };

  const hidden = namesOf(schema, excluded);
  if (hidden !== undefined)
    return { shows: (name) => !hides(hidden, name), apply: (resource) => without(resource, hidden) };
  return { shows: () => true, apply: (resource) => resource };
}

function namesOf(schema: ResourceSchema, list: string | undefined): readonly Resolved[] | undefined {
  if (list === undefined || list.trim() === "") return undefined;
  const names = list.split(",").map((name) => resolveForFilter(schema, name.trim()));
  return names.filter((resolved) => resolved !== undefined);
}

function touches(names: readonly Resolved[], attribute: string): boolean {
  return names.some(
    (name) => name.urn === undefined && (name.attribute === undefined || name.attribute.name === attribute),
  );
}

function hides(names: readonly Resolved[], attribute: string): boolean {
  return names.some((name) => name.urn === undefined && name.attribute?.name === attribute && name.sub === undefined);
}

function only(resource: JsonObject, wanted: readonly Resolved[]): JsonObject {
  const wholeCore = wanted.some((name) => name.urn === undefined && name.attribute === undefined);
  return filterEntries(resource, (name, value) => {
    if (always.has(name)) return value;
    const extension = wanted.filter((one) => one.urn === name);
    if (isObject(value) && extension.length > 0) return pick(value, extension);
    if (wholeCore && !name.includes(":")) return value;
    return pickPart(
      name,
      value,
      wanted.filter((one) => one.urn === undefined),
    );
  });
}

function pick(extension: JsonObject, wanted: readonly Resolved[]): Json | undefined {
  if (wanted.some((name) => name.attribute === undefined)) return extension;
  return nonEmpty(filterEntries(extension, (name, value) => pickPart(name, value, wanted)));
}

function pickPart(name: string, value: Json, wanted: readonly Resolved[]): Json | undefined {
  const matching = wanted.filter((one) => one.attribute?.name === name);
  if (matching.length === 0) return undefined;
  if (matching.some((one) => one.sub === undefined)) return value;
  const subs = new Set(matching.map((one) => one.sub?.name));
  return onElements(value, (element) => filterEntries(element, (sub, part) => (subs.has(sub) ? part : undefined)));
}

function without(resource: JsonObject, hidden: readonly Resolved[]): JsonObject {
  return filterEntries(resource, (name, value) => {
    if (always.has(name)) return value;
    const extension = hidden.filter((one) => one.urn === name);
    if (isObject(value) && extension.length > 0) return drop(value, extension);
    return dropPart(
      name,
      value,
      hidden.filter((one) => one.urn === undefined),
    );
  });
}

function drop(extension: JsonObject, hidden: readonly Resolved[]): Json | undefined {
  if (hidden.some((name) => name.attribute === undefined)) return undefined;
  return nonEmpty(filterEntries(extension, (name, value) => dropPart(name, value, hidden)));
}

function dropPart(name: string, value: Json, hidden: readonly Resolved[]): Json | undefined {
  const matching = hidden.filter((one) => one.attribute?.name === name);
  if (matching.some((one) => one.sub === undefined)) return undefined;
  if (matching.length === 0) return value;
  const subs = new Set(matching.map((one) => one.sub?.name));
  return onElements(value, (element) => filterEntries(element, (sub, part) => (subs.has(sub) ? undefined : part)));
}

function onElements(value: Json, change: (element: JsonObject) => JsonObject): Json | undefined {
  if (isObject(value)) return nonEmpty(change(value));
  if (!isArray(value)) return undefined;
  const elements = value
    .filter(isObject)
    .map(change)
    .filter((element) => Object.keys(element).length > 0);
  return elements.length === 0 ? undefined : elements;
}

function filterEntries(object: JsonObject, keep: (name: string, value: Json) => Json | undefined): JsonObject {
  const kept: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(object)) {
    const part = keep(name, value);
    if (part !== undefined) kept[name] = part;
  }
  return kept;
}

function nonEmpty(object: JsonObject): JsonObject | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
