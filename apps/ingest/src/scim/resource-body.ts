import { canonicalName, DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { readValue } from "./attribute-value.ts";
import { refuseUnsafe } from "./json-text.ts";
import type { Schema } from "./schema.ts";

// An index entry of PostgreSQL holds at most 2,704 bytes.
const keyBytesMax = 2048;

/** The attributes of a body under their canonical names, extensions under their URN. */
export function readBody(body: Json | undefined, core: Schema, extensions: readonly Schema[]): JsonObject {
  if (!isObject(body)) throw new DirectoryError("syntax_invalid", "body must be a JSON object");
  refuseUnsafe(body);
  const read: { [name: string]: Json } = readSchema(core, body);
  for (const [name, value] of Object.entries(body)) {
    const extension = extensions.find((candidate) => candidate.urn.toLowerCase() === name.toLowerCase());
    if (extension === undefined || value === null) continue;
    if (!isObject(value)) throw new DirectoryError("value_invalid", `${extension.urn} must be an object`);
    const held = readSchema(extension, value);
    if (Object.keys(held).length > 0) read[extension.urn] = held;
  }
  return read;
}

/** Throws where a name has no canonical form or one too long to be unique by. */
export function checkName(attribute: string, name: string): void {
  if (Buffer.byteLength(canonicalName(attribute, name)) > keyBytesMax) {
    throw new DirectoryError("value_invalid", `${attribute} is too long`);
  }
}

/** Drops an empty external id, which names nothing and would be shared by all who have none. */
export function withExternalId(attributes: JsonObject): JsonObject {
  const { externalId, ...rest } = attributes;
  if (externalId === undefined || externalId === "") return rest;
  if (typeof externalId !== "string" || Buffer.byteLength(externalId) > keyBytesMax) {
    throw new DirectoryError("value_invalid", "externalId is too long");
  }
  return { ...rest, externalId };
}

function readSchema(schema: Schema, body: JsonObject): { [name: string]: Json } {
  const read: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(body)) {
    const attribute = schema.attributes.get(name.toLowerCase());
    if (attribute === undefined || attribute.mutability === "readOnly") continue;
    const known = readValue(attribute, value, "ignore");
    if (known !== undefined) read[attribute.name] = known;
  }
  return read;
}
