import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";
import type { Attribute, Schema } from "./schema.ts";

/**
 * What of an extension's stored values its schema describes now. A schema that is replaced or
 * removed leaves values behind that it no longer knows, or knows to be of another type: they are
 * kept, and neither shown nor held against anybody.
 */
export function describedValues({ attributes }: Schema, held: JsonObject): JsonObject {
  return partsOf(attributes, held);
}

function partsOf(attributes: Schema["attributes"], held: JsonObject): JsonObject {
  const described: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(held)) {
    const attribute = attributes.get(name.toLowerCase());
    const known = attribute?.name === name ? describedValue(attribute, value) : undefined;
    if (known !== undefined) described[name] = known;
  }
  return described;
}

function describedValue(attribute: Attribute, value: Json): Json | undefined {
  if (!attribute.multiValued) return singleValue(attribute, value);
  if (!isArray(value)) return undefined;
  const elements = value.map((element) => singleValue(attribute, element)).filter((element) => element !== undefined);
  return elements.length === 0 ? undefined : elements;
}

function singleValue(attribute: Attribute, value: Json): Json | undefined {
  if (attribute.type === "complex") {
    const parts = isObject(value) ? partsOf(attribute.subAttributes, value) : {};
    return Object.keys(parts).length === 0 ? undefined : parts;
  }
  return typeof value === kindOf(attribute.type) ? value : undefined;
}

function kindOf(type: Exclude<Attribute["type"], "complex">): "boolean" | "number" | "string" {
  switch (type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "decimal":
      return "number";
    case "string":
    case "dateTime":
    case "binary":
    case "reference":
      return "string";
  }
}
