import type { Json, JsonObject } from "@rollcall/core/domain";
import { ProviderFailure } from "./provider.ts";

/** Reads what a provider has answered. Whatever is of another type than it must be is `malformed`, never bent. */
export function readObject(value: Json | undefined, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(what, "an object");
  return value as JsonObject;
}

export function readList(value: Json | undefined, what: string): readonly Json[] {
  if (!Array.isArray(value)) throw malformed(what, "a list");
  return value as readonly Json[];
}

export function readText(value: Json | undefined, what: string): string {
  if (typeof value !== "string" || value === "") throw malformed(what, "a text");
  return value;
}

/** Undefined where nothing is said: providers write that as null or as an empty text, too. */
export function readOptionalText(value: Json | undefined, what: string): string | undefined {
  return value === undefined || value === null || value === "" ? undefined : readText(value, what);
}

export function readCount(value: Json | undefined, what: string): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw malformed(what, "a count");
  return value;
}

/** A boolean or one spelt as text. "False" is false: taken for a text that is there, it would let a leaver in. */
export function readFlag(value: Json | undefined, what: string): boolean {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (word === "true" || word === "false") return word === "true";
  throw malformed(what, "true or false");
}

function malformed(what: string, wanted: string): ProviderFailure {
  return new ProviderFailure("malformed", `${what} is not ${wanted}`);
}
