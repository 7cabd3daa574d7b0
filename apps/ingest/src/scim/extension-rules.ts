import { DirectoryError, foldCase, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { describedValues } from "./described-value.ts";
import { isArray, sameJson } from "./same-json.ts";
import type { Attribute, ResourceSchema, Schema } from "./schema.ts";

/** Throws `value_invalid` where a new resource carries an extension without what the extension requires (RFC 7644 §3.3). */
export function requireExtensionValues(schema: ResourceSchema, attributes: JsonObject): void {
  for (const extension of schema.extensions) {
    const held = attributes[extension.urn];
    if (isObject(held)) refuseMissing(extension, held, held);
  }
}

/**
 * The attributes that a PUT leaves (RFC 7644 §3.5.1): what is immutable and was set stays where the
 * body is silent about it, and throws `attribute_read_only` where the body says otherwise. What the
 * body carries of an extension must have what that extension requires.
 */
export function replacedExtensions<Attributes extends JsonObject>(
  schema: ResourceSchema,
  before: JsonObject,
  after: Attributes,
): Attributes {
  const kept: { [urn: string]: Json } = {};
  for (const extension of schema.extensions) {
    const given = after[extension.urn];
    const wanted = isObject(given) ? given : {};
    const merged = withImmutable(extension.attributes, heldOf(extension, before), wanted, extension.urn);
    if (isObject(given)) refuseMissing(extension, given, merged);
    if (merged !== wanted) kept[extension.urn] = merged;
  }
  return Object.keys(kept).length === 0 ? after : { ...after, ...kept };
}

/**
 * Throws `attribute_read_only` where a PATCH changed what is immutable and was set, or took what an
 * extension requires (RFC 7644 §3.5.2, §3.5.2.2), and `value_invalid` where it began an extension
 * without all of that. What the PATCH left alone is held against nobody.
 */
export function requirePatchedExtensions(schema: ResourceSchema, before: JsonObject, after: JsonObject): void {
  for (const extension of schema.extensions) {
    const { urn } = extension;
    if (sameJson(before[urn], after[urn])) continue;
    const had = heldOf(extension, before);
    const has = heldOf(extension, after);
    refuseImmutableChange(extension.attributes, had, has, urn);
    // The extension itself may go: none is required.
    if (Object.keys(has).length === 0) continue;
    refuseTaken(extension, had, has);
    refuseMissing(extension, has, has);
  }
}

function heldOf(extension: Schema, attributes: JsonObject): JsonObject {
  const held = attributes[extension.urn];
  return isObject(held) ? describedValues(extension, held) : {};
}

function withImmutable(
  attributes: Schema["attributes"],
  before: JsonObject,
  after: JsonObject,
  path: string,
): JsonObject {
  let merged = after;
  for (const attribute of attributes.values()) {
    const had = before[attribute.name];
    const given = after[attribute.name];
    if (had === undefined) continue;
    const place = `${path}:${attribute.name}`;
    if (attribute.mutability === "immutable") {
      if (given === undefined) merged = { ...merged, [attribute.name]: had };
      else refuseOther(attribute, had, given, place);
    } else if (isObject(had)) {
      const parts = withImmutable(attribute.subAttributes, had, isObject(given) ? given : {}, place);
      if (Object.keys(parts).length > 0 && parts !== given) merged = { ...merged, [attribute.name]: parts };
    }
  }
  return merged;
}

function refuseImmutableChange(
  attributes: Schema["attributes"],
  before: JsonObject,
  after: JsonObject,
  path: string,
): void {
  for (const attribute of attributes.values()) {
    const had = before[attribute.name];
    const has = after[attribute.name];
    if (had === undefined) continue;
    const place = `${path}:${attribute.name}`;
    if (attribute.mutability === "immutable") refuseOther(attribute, had, has, place);
    else if (isObject(had)) refuseImmutableChange(attribute.subAttributes, had, isObject(has) ? has : {}, place);
  }
}

function refuseOther(attribute: Attribute, had: Json, has: Json | undefined, place: string): void {
  if (has !== undefined && isSameValue(attribute, had, has)) return;
  throw new DirectoryError("attribute_read_only", `${place} is immutable and has a value that this would change`);
}

function refuseTaken(extension: Schema, before: JsonObject, after: JsonObject): void {
  const taken = missingIn(extension.attributes, after).find(
    (path) => !missingIn(extension.attributes, before).includes(path),
  );
  if (taken !== undefined)
    throw new DirectoryError(
      "attribute_read_only",
      `${extension.urn}:${taken} is required and can be replaced, but not removed`,
    );
}

/** Throws where something is required of what a request gave, and does not stand in what came of it either. */
function refuseMissing(extension: Schema, given: JsonObject, outcome: JsonObject): void {
  const stillMissing = missingIn(extension.attributes, outcome);
  const missing = missingIn(extension.attributes, given).find((path) => stillMissing.includes(path));
  if (missing !== undefined) throw new DirectoryError("value_invalid", `${extension.urn}:${missing} is required`);
}

/** What is required and not there; a part is required where what it is a part of is there. */
function missingIn(attributes: Schema["attributes"], held: JsonObject): readonly string[] {
  return [...attributes.values()].flatMap((attribute) => {
    const value = held[attribute.name];
    if (value === undefined) return attribute.required ? [attribute.name] : [];
    const elements = isArray(value) ? value : [value];
    return elements.flatMap((element) =>
      isObject(element) ? missingIn(attribute.subAttributes, element).map((part) => `${attribute.name}.${part}`) : [],
    );
  });
}

/** Whether two values are one to SCIM: without case where there is none, at one moment, in any order. */
function isSameValue(attribute: Attribute, left: Json, right: Json): boolean {
  if (isArray(left) && isArray(right)) return isSameSet(attribute, left, right);
  if (isObject(left) && isObject(right)) {
    return [...attribute.subAttributes.values()].every((sub) => {
      const [one, other] = [left[sub.name], right[sub.name]];
      return one === undefined || other === undefined ? one === other : isSameValue(sub, one, other);
    });
  }
  if (typeof left !== "string" || typeof right !== "string") return sameJson(left, right);
  if (attribute.type === "dateTime") return Date.parse(left) === Date.parse(right);
  return attribute.caseExact ? left === right : foldCase(left) === foldCase(right);
}

// RFC 7643 §2.4: values have no order.
function isSameSet(attribute: Attribute, left: readonly Json[], right: readonly Json[]): boolean {
  const others = [...right];
  return (
    left.length === right.length &&
    left.every((one) => {
      const at = others.findIndex((other) => isSameValue(attribute, one, other));
      if (at !== -1) others.splice(at, 1);
      return at !== -1;
    })
  );
}
