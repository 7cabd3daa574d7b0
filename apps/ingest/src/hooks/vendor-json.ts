import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";

/** A key of the feed holds an issuer and a subject, and an index entry of PostgreSQL 2,704 bytes. */
const bytesMax = 1_000;

/**
 * Reads what a verified sender has sent, of which only what is known by name is taken.
 *
 * SCIM's reader refuses a body for names that differ in case alone, for its depth and for characters
 * that cannot be stored. Here people write parts of it themselves (Auth0's `user_metadata`), and a
 * leaver could make the very event unreadable that shuts them out.
 */
export function readVendorJson(bytes: Uint8Array): Json {
  return parsedJson(vendorText(bytes));
}

/** Bytes that are no UTF-8 spoil the word that they stand in, and no other. */
export function vendorText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8").decode(bytes);
}

export function parsedJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The platform's message quotes what was sent.
    throw new DirectoryError("syntax_invalid", "it is not JSON");
  }
}

/** A text that can be stored and compared; undefined for whatever else stands there. */
export function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" &&
    value !== "" &&
    Buffer.byteLength(value) <= bytesMax &&
    !value.includes("\u0000") &&
    value.isWellFormed()
    ? value
    : undefined;
}

/** Something with members; without any where it is nothing of the kind. */
export function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
