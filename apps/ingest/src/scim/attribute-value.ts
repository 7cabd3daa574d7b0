import { DirectoryError, foldCase, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
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
      // Past this JSON itself rounds, and the sender would read back another number.
      if (Number.isSafeInteger(value)) return value;
      throw wrongType(attribute, "a whole number");
    case "decimal":
      if (Number.isFinite(value)) return value;
      throw wrongType(attribute, "a number");
    case "dateTime":
      return readShaped(attribute, value, isDateTime, "a date and time (RFC 3339)");
    case "binary":
      return readShaped(attribute, value, isBase64, "in base64 (RFC 4648)");
    case "string":
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
  refuseOther(attribute, value);
  return value;
}

// Kept as it was written: a provider that reads back another spelling sends its own again and again.
function readShaped(
  attribute: Attribute,
  value: Json,
  isShaped: (text: string) => boolean,
  expected: string,
): string | undefined {
  const text = readString(attribute, value);
  // As with a string, an empty one is how some senders clear a value.
  if (text === "") return undefined;
  if (!isShaped(text)) throw wrongType(attribute, expected);
  return text;
}

// RFC 7643 §2.3.5: an xsd:dateTime, which needs no offset.
const dateTime = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)?$/;

function isDateTime(text: string): boolean {
  const parts = dateTime.exec(text);
  if (parts === null) return false;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  // JavaScript reads the 31st of February as the 3rd of March.
  const at = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return year > 0 && at.toISOString().slice(0, 19) === text.slice(0, 19);
}

// RFC 7643 §2.3.6, in either alphabet; certificates come in lines.
function isBase64(text: string): boolean {
  // Without its white space first: a pattern that may find it in two places tries each with each.
  const written = text.replaceAll(/\s/g, "");
  return /^[\w+/-]+={0,2}$/.test(written) && written.replaceAll("=", "").length % 4 !== 1;
}

function refuseOther(attribute: Attribute, value: string): void {
  const { onlyValues, caseExact, name } = attribute;
  if (onlyValues === undefined) return;
  const fold = caseExact ? (text: string) => text : foldCase;
  if (onlyValues.some((only) => fold(only) === fold(value))) return;
  throw new DirectoryError("value_invalid", `${name} must be one of ${onlyValues.join(", ").slice(0, 400)}`);
}

function readComplex(attribute: Attribute, value: Json, unknown: Strictness): JsonObject | undefined {
  const written = isObject(value) ? value : wrapped(attribute, value);
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

/** Whether an attribute names one other resource, as the manager does: by its id, and where that is by `$ref`. */
export function isReference({ multiValued, subAttributes }: Attribute): boolean {
  return !multiValued && subAttributes.has("value") && subAttributes.has("$ref");
}

// Entra writes the manager as a bare id, and clears it with an empty string.
function wrapped(attribute: Attribute, value: Json): JsonObject {
  if (!isReference(attribute) || typeof value !== "string") {
    throw wrongType(attribute, attribute.multiValued ? "an array of objects" : "an object");
  }
  return value === "" ? {} : { value };
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
