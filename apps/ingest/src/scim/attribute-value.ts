import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { parseJson } from "./json-text.ts";
import { isArray } from "./same-json.ts";
import type { Attribute } from "./schema.ts";

/** How many values one attribute may hold. */
const valuesMax = 100;
const stringLengthMax = 64 * 1024;

/** Whether a name that the schema does not know is refused by name or passed over. */
export type Strictness = "refuse" | "ignore";

/**
 * Reads a whole value of an attribute: canonical names, right types, booleans from the words that
 * Entra sends. Undefined means unassigned (RFC 7643 §2.5: null, an empty array, an empty complex value).
 */
export function readValue(attribute: Attribute, value: Json, unknown: Strictness): Json | undefined {
  if (value === null) return undefined;
  return attribute.multiValued ? readElements(attribute, value, unknown) : readSingle(attribute, value, unknown);
}

/** Reads one element of a multi-valued attribute, or the one value of a singular one. */
export function readSingle(attribute: Attribute, value: Json, unknown: Strictness): Json | undefined {
  if (value === null) return undefined;
  switch (attribute.type) {
    case "boolean":
      return readBoolean(attribute, value);
    case "complex":
      return readComplex(attribute, value, unknown);
    case "integer":
    case "decimal":
      if (typeof value === "number") return value;
      throw wrongType(attribute, "a number");
    case "string":
    case "dateTime":
    case "binary":
    case "reference":
      return readString(attribute, value);
  }
}

/** Throws where more than one element is marked primary (RFC 7643 §2.4). */
export function refuseManyPrimaries(attribute: Attribute, elements: readonly Json[]): void {
  if (elements.filter((element) => isObject(element) && element["primary"] === true).length > 1) {
    throw new DirectoryError("value_invalid", `${attribute.name} has more than one primary value`);
  }
}

/** Throws past the number of values that one attribute may hold. */
export function refuseManyValues(attribute: Attribute, elements: readonly Json[]): void {
  if (elements.length > valuesMax)
    throw new DirectoryError("too_many", `${attribute.name} has more than ${valuesMax} values`);
}

function readElements(attribute: Attribute, value: Json, unknown: Strictness): Json | undefined {
  if (!isArray(value)) throw wrongType(attribute, "an array");
  refuseManyValues(attribute, value);
  const elements: Json[] = [];
  for (const element of value) {
    const read = readSingle(attribute, element, unknown);
    if (read !== undefined) elements.push(read);
  }
  refuseManyPrimaries(attribute, elements);
  return elements.length === 0 ? undefined : elements;
}

function readBoolean(attribute: Attribute, value: Json): boolean {
  if (typeof value === "boolean") return value;
  // Never by truthiness: "False" would enable whoever is to be shut out.
  const word = typeof value === "string" ? value.toLowerCase() : undefined;
  if (word === "true") return true;
  if (word === "false") return false;
  throw wrongType(attribute, "true or false");
}

function readString(attribute: Attribute, value: Json): string {
  if (typeof value !== "string") throw wrongType(attribute, "a string");
  if (value.length > stringLengthMax)
    throw new DirectoryError("value_invalid", `${attribute.name} is longer than ${stringLengthMax} characters`);
  return value;
}

function readComplex(attribute: Attribute, value: Json, unknown: Strictness): JsonObject | undefined {
  const written = isObject(value) ? appRole(attribute, value) : wrapped(attribute, value);
  const read: { [name: string]: Json } = {};
  for (const [name, part] of Object.entries(written)) {
    const sub = attribute.subAttributes.get(name.toLowerCase());
    if (sub === undefined) {
      // RFC 7643 §2.4 gives every element a `$ref`, also where the schema lists none; nothing is kept of it.
      if (unknown === "refuse" && part !== null && name.toLowerCase() !== "$ref")
        throw unknownSubAttribute(attribute, name);
      continue;
    }
    const known = sub.mutability === "readOnly" ? undefined : readValue(sub, part, unknown);
    if (known !== undefined) read[sub.name] = known;
  }
  return Object.keys(read).length === 0 ? undefined : read;
}

// Entra writes the manager as a bare id, and clears it with an empty string.
function wrapped(attribute: Attribute, value: Json): JsonObject {
  if (attribute.multiValued || !attribute.subAttributes.has("value") || typeof value !== "string") {
    throw wrongType(attribute, attribute.multiValued ? "an array of objects" : "an object");
  }
  return value === "" ? {} : { value };
}

// Entra's AppRoleAssignmentsComplex puts a role as JSON text into `value`.
function appRole(attribute: Attribute, element: JsonObject): JsonObject {
  const text = element["value"];
  if (attribute.name !== "roles" || typeof text !== "string" || !text.startsWith("{")) return element;

  let role: Json;
  try {
    role = parseJson(Buffer.from(text));
  } catch {
    return element;
  }
  if (!isObject(role) || typeof role["value"] !== "string") return element;
  const { value: _text, ...rest } = element;
  const display = typeof role["displayName"] === "string" ? { display: role["displayName"] } : {};
  return { ...display, ...rest, value: role["value"] };
}

function unknownSubAttribute(attribute: Attribute, name: string): DirectoryError {
  return new DirectoryError(
    "path_invalid",
    `${attribute.name} has no sub-attribute ${JSON.stringify(name.slice(0, 80))}`,
  );
}

function wrongType(attribute: Attribute, expected: string): DirectoryError {
  return new DirectoryError("value_invalid", `${attribute.name} must be ${expected}`);
}
