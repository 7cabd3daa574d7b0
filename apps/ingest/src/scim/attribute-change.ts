import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import type { Change } from "./dialect.ts";
import { changeElements } from "./element-change.ts";
import { isArray } from "./same-json.ts";

/**
 * The attributes after all changes, in order. Throws `attribute_read_only` where a change takes what is
 * required, whatever the changes after it would put there (RFC 7644 §3.5.2.2).
 */
export function applyChanges(
  attributes: JsonObject,
  changes: readonly Change[],
  required: readonly string[],
): JsonObject {
  return changes.reduce<JsonObject>((held, change) => {
    const changed = applyChange(held, change);
    const missing = required.find((name) => changed[name] === undefined);
    if (missing === undefined) return changed;
    throw new DirectoryError("attribute_read_only", `${missing} can be replaced, but not removed`);
  }, attributes);
}

// One change; the attributes of an extension are under its URN.
function applyChange(attributes: JsonObject, change: Change): JsonObject {
  const { urn, attribute } = change.target;
  if (urn === undefined) return withValue(attributes, attribute.name, applyTo(attributes[attribute.name], change));

  const held = attributes[urn];
  const extension = isObject(held) ? held : {};
  return withValue(attributes, urn, withValue(extension, attribute.name, applyTo(extension[attribute.name], change)));
}

function applyTo(current: Json | undefined, change: Change): Json | undefined {
  const { attribute, sub } = change.target;
  if (attribute.multiValued) return changeElements(isArray(current) ? current : [], change);

  const value = change.kind === "remove" ? undefined : change.value;
  if (sub !== undefined) return withValue(isObject(current) ? current : {}, sub.name, value);
  // Whoever is named again keeps what is known of them; the old parts say nothing about another.
  return isObject(value) && isObject(current) && current["value"] === value["value"] ? { ...current, ...value } : value;
}

function withValue(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  if (value !== undefined && !isEmpty(value)) return object[name] === value ? object : { ...object, [name]: value };
  if (object[name] === undefined) return object;
  const { [name]: _removed, ...rest } = object;
  return rest;
}

// RFC 7643 §2.5: an empty array is the same as no value; so is a complex value without parts.
function isEmpty(value: Json): boolean {
  return isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}
