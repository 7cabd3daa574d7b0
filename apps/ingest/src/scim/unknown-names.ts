import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";
import type { Attribute, ResourceSchema, Schema } from "./schema.ts";

// Senders echo these, and a password is not kept whoever sends one.
const silent: ReadonlySet<string> = new Set(["schemas", "password", "$ref"]);

/** What a whole representation (POST, PUT) names and the schema does not know, by its path. What is null says nothing. */
export function unknownNames(schema: ResourceSchema, body: Json | undefined): readonly string[] {
  if (!isObject(body)) return [];
  return Object.entries(body).flatMap(([name, value]) => {
    const extension = schema.extensions.find(({ urn }) => urn.toLowerCase() === name.toLowerCase());
    if (extension === undefined) return namesIn(schema.core.attributes, { [name]: value }, "");
    return isObject(value) ? namesIn(extension.attributes, value, `${extension.urn}:`) : [];
  });
}

/** The same of one attribute's value: the sub-attributes that it does not have. */
export function unknownParts(attribute: Attribute, value: Json): readonly string[] {
  if (attribute.type !== "complex" || attribute.mutability === "readOnly") return [];
  const elements = isArray(value) ? value : [value];
  const names = elements.flatMap((element) =>
    isObject(element) ? namesIn(attribute.subAttributes, element, `${attribute.name}.`) : [],
  );
  return [...new Set(names)];
}

function namesIn(attributes: Schema["attributes"], values: JsonObject, prefix: string): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null || silent.has(name.toLowerCase())) return [];
    const attribute = attributes.get(name.toLowerCase());
    return attribute === undefined
      ? [`${prefix}${name}`]
      : unknownParts(attribute, value).map((part) => `${prefix}${part}`);
  });
}
