import { type Complain, readDescription, refuseUnknown, within } from "./definition-text.ts";
import type { Json, JsonObject } from "./directory.ts";
import type { AttributeDefinition } from "./extension-schema.ts";
import { isObject } from "./subject.ts";

type Type = AttributeDefinition["type"];

const members: ReadonlySet<string> = new Set([
  "name",
  "type",
  "subAttributes",
  "multiValued",
  "description",
  "required",
  "canonicalValues",
  "caseExact",
  "mutability",
  "returned",
  "uniqueness",
  "referenceTypes",
]);
const simpleTypes = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"] as const;
const types = [...simpleTypes, "complex"] as const;
const mutabilities = ["readOnly", "readWrite", "immutable", "writeOnly"] as const;
const returns = ["always", "never", "default", "request"] as const;
const referenceTypes: ReadonlySet<string> = new Set(["User", "Group", "external", "uri"]);
// RFC 7643 §2.3: only these compare as text.
const withCase: ReadonlySet<Type> = new Set(["string", "reference", "binary"]);
const alwaysExact: ReadonlySet<Type> = new Set(["reference", "binary"]);

// RFC 7643 §2.1: ALPHA *(ALPHA / DIGIT / "$" / "-" / "_"); `$ref` is a sub-attribute all the same.
const nameShape = /^[A-Za-z][\w$-]*$/;
const nameLengthMax = 60;
const valuesMax = 100;
const valueLengthMax = 200;
// What every object answers to without having it: a look-up by such a name would find a function.
const reserved: ReadonlySet<string> = new Set(
  ["prototype", ...Object.getOwnPropertyNames(Object.prototype)].map((name) => name.toLowerCase()),
);

/** Reads a schema's attributes, and those of its complex ones, one level deep (RFC 7643 §2.3.8). */
export function readAttributeDefinitions(
  written: Json | undefined,
  complain: Complain,
): readonly AttributeDefinition[] {
  return readList(written, "attributes", complain, (attribute, at) =>
    readAttribute(attribute, at, undefined, complain),
  );
}

function readList(
  written: Json | undefined,
  at: string,
  complain: Complain,
  read: (attribute: JsonObject, at: string) => AttributeDefinition,
): readonly AttributeDefinition[] {
  if (!Array.isArray(written) || written.length === 0) {
    complain(at, "must be an array with at least one attribute");
    return [];
  }
  const seen = new Set<string>();
  return (written as readonly Json[]).flatMap((element, index) => {
    const place = `${at}[${index}]`;
    if (!isObject(element)) {
      complain(place, "must be an object");
      return [];
    }
    const attribute = read(element, place);
    const key = attribute.name.toLowerCase();
    if (key !== "" && seen.has(key)) complain(within(place, "name"), "is there twice; names have no case");
    seen.add(key);
    return [attribute];
  });
}

function readAttribute(
  written: JsonObject,
  at: string,
  parent: { readonly multiValued: boolean } | undefined,
  complain: Complain,
): AttributeDefinition {
  refuseUnknown(written, members, at, complain);
  const type = readType(written["type"], at, parent, complain);
  const multiValued = readFlag(written, "multiValued", at, complain) ?? false;
  const mutability = readWord(written, "mutability", mutabilities, at, complain) ?? "readWrite";
  const attribute: AttributeDefinition = {
    name: readName(written["name"], at, parent !== undefined, complain),
    type,
    multiValued,
    description: readDescription(written["description"], within(at, "description"), complain),
    required: readFlag(written, "required", at, complain) ?? false,
    ...readCanonicalValues(written["canonicalValues"], type, at, complain),
    ...readCase(written, type, at, complain),
    mutability,
    returned:
      readWord(written, "returned", returns, at, complain) ?? (mutability === "writeOnly" ? "never" : "default"),
    ...readUniqueness(written["uniqueness"], type, at, complain),
    ...readReferenceTypes(written["referenceTypes"], type, at, complain),
    ...readSubAttributes(written["subAttributes"], type, multiValued, at, parent !== undefined, complain),
  };
  refuseContradictions(attribute, at, parent, complain);
  return attribute;
}

/** What each characteristic allows by itself, and what cannot be held of them together. */
function refuseContradictions(
  attribute: AttributeDefinition,
  at: string,
  parent: { readonly multiValued: boolean } | undefined,
  complain: Complain,
): void {
  const { mutability, returned, required, multiValued } = attribute;
  if (mutability === "writeOnly" && returned !== "never")
    complain(within(at, "returned"), "must be never where mutability is writeOnly (RFC 7643 §7)");
  if (mutability === "readOnly" && required)
    complain(within(at, "required"), "must be false where mutability is readOnly: nobody could give it");
  if (parent !== undefined && multiValued)
    complain(within(at, "multiValued"), "must be false in a sub-attribute: a PATCH could not add to it");
  // An element has no name of its own, so a changed part looks like another element.
  if (parent?.multiValued === true && mutability === "immutable")
    complain(within(at, "mutability"), "cannot be immutable within a multi-valued attribute; give readWrite");
}

function readName(written: Json | undefined, at: string, isSub: boolean, complain: Complain): string {
  const fits = typeof written === "string" && (nameShape.test(written) || (isSub && written === "$ref"));
  if (!fits) {
    complain(
      within(at, "name"),
      "must be a letter followed by letters, digits, hyphens or underscores (RFC 7643 §2.1)",
    );
    return "";
  }
  if (written.length > nameLengthMax) complain(within(at, "name"), `is longer than ${nameLengthMax} characters`);
  if (reserved.has(written.toLowerCase())) complain(within(at, "name"), "is a reserved word");
  return written;
}

function readType(written: Json | undefined, at: string, parent: object | undefined, complain: Complain): Type {
  if (parent !== undefined && written === "complex") {
    complain(within(at, "type"), "cannot be complex within a complex attribute (RFC 7643 §2.3.8)");
    return "complex";
  }
  const allowed: readonly Type[] = parent === undefined ? types : simpleTypes;
  const type = allowed.find((candidate) => candidate === written);
  if (type === undefined) complain(within(at, "type"), `must be one of ${allowed.join(", ")}`);
  return type ?? "string";
}

function readFlag(written: JsonObject, name: string, at: string, complain: Complain): boolean | undefined {
  const flag = written[name];
  if (flag === undefined || typeof flag === "boolean") return flag;
  complain(within(at, name), "must be true or false");
  return undefined;
}

function readWord<Word extends string>(
  written: JsonObject,
  name: string,
  words: readonly Word[],
  at: string,
  complain: Complain,
): Word | undefined {
  const word = words.find((candidate) => candidate === written[name]);
  if (word === undefined && written[name] !== undefined)
    complain(within(at, name), `must be one of ${words.join(", ")}`);
  return word;
}

function readCase(written: JsonObject, type: Type, at: string, complain: Complain): { readonly caseExact?: boolean } {
  const flag = readFlag(written, "caseExact", at, complain);
  // RFC 7643 §2.3: the other types have no case. False says so in other words.
  if (!withCase.has(type)) {
    if (flag === true) complain(within(at, "caseExact"), `says nothing of a ${type} attribute`);
    return {};
  }
  return { caseExact: flag ?? alwaysExact.has(type) };
}

function readUniqueness(
  written: Json | undefined,
  type: Type,
  at: string,
  complain: Complain,
): { readonly uniqueness?: "none" } {
  if (written === "server" || written === "global")
    complain(within(at, "uniqueness"), "must be none: Rollcall keeps only userName, externalId and displayName unique");
  else if (written !== undefined && written !== "none") complain(within(at, "uniqueness"), "must be none");
  return type === "boolean" || type === "complex" ? {} : { uniqueness: "none" };
}

function readCanonicalValues(
  written: Json | undefined,
  type: Type,
  at: string,
  complain: Complain,
): { readonly canonicalValues?: readonly string[] } {
  if (written === undefined) return {};
  const place = within(at, "canonicalValues");
  const values = readWords(written, place, complain);
  if (values.length > 0 && type !== "string") complain(place, `says nothing of a ${type} attribute`);
  if (values.length > valuesMax) complain(place, `has more than ${valuesMax} values`);
  // An empty list is how RFC 7643 §8.7.1 itself writes that any value will do.
  return values.length === 0 ? {} : { canonicalValues: values };
}

function readReferenceTypes(
  written: Json | undefined,
  type: Type,
  at: string,
  complain: Complain,
): { readonly referenceTypes?: readonly string[] } {
  if (written === undefined) return {};
  const place = within(at, "referenceTypes");
  const values = readWords(written, place, complain);
  if (type !== "reference") complain(place, `says nothing of a ${type} attribute`);
  if (values.some((value) => !referenceTypes.has(value)))
    complain(place, `may hold ${[...referenceTypes].join(", ")} and nothing else`);
  return values.length === 0 ? {} : { referenceTypes: values };
}

function readWords(written: Json, at: string, complain: Complain): readonly string[] {
  const words = Array.isArray(written)
    ? (written as readonly Json[]).filter((word) => typeof word === "string" && word !== "")
    : [];
  if (!Array.isArray(written) || words.length < written.length) complain(at, "must be an array of words");
  if (new Set(words).size < words.length) complain(at, "names a word twice");
  const texts = words.filter((word) => typeof word === "string");
  if (texts.some((text) => text.length > valueLengthMax || /\p{Cc}/u.test(text) || !text.isWellFormed()))
    complain(at, `has a word that is longer than ${valueLengthMax} characters or cannot be shown`);
  return texts;
}

function readSubAttributes(
  written: Json | undefined,
  type: Type,
  multiValued: boolean,
  at: string,
  isSub: boolean,
  complain: Complain,
): { readonly subAttributes?: readonly AttributeDefinition[] } {
  const place = within(at, "subAttributes");
  // Exports write an empty list where there are none.
  if (type !== "complex") {
    if (written !== undefined && !(Array.isArray(written) && written.length === 0))
      complain(place, `says nothing of a ${type} attribute`);
    return {};
  }
  if (isSub) return {};
  const subAttributes = readList(written, place, complain, (sub, subAt) =>
    readAttribute(sub, subAt, { multiValued }, complain),
  );
  return { subAttributes };
}
