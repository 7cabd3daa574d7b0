import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";

/**
 * Where one Bulk speaks of a resource that another of its operations creates (RFC 7644 §3.7.2): a
 * whole value `bulkId:qwerty`, the end of a `$ref`, or what the filter of a PATCH path compares with.
 */
const whole = /^bulkId:(.+)$/s;
const endOfUri = /\/bulkId:([^/?#]+)$/;
const inFilter = /"bulkId:([^"\\]+)"/g;

type IdOf = (bulkId: string) => string | undefined;

/** The bulkId that a whole value refers to. */
export function readReference(value: string): string | undefined {
  return whole.exec(value)?.[1];
}

/** Every bulkId that the data refers to. */
export function referencesIn(data: Json | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  findIn(data, "", found);
  return found;
}

/** The data with the ids of what it refers to; a reference to what `idOf` does not know stays as it is. */
export function replaceReferences(data: Json, idOf: IdOf): Json {
  return replaceIn(data, "", idOf);
}

/**
 * The data without those attributes and elements that refer to what is not there yet: they can be
 * given once it is. An element goes as a whole, for what stands beside a reference says nothing alone.
 */
export function withoutReferences(data: JsonObject, isMissing: (bulkId: string) => boolean): JsonObject {
  const kept = Object.entries(data).flatMap(([name, value]) => {
    const part = keptPart(name, value, isMissing);
    return part === undefined ? [] : [[name, part] as const];
  });
  return Object.fromEntries(kept);
}

function keptPart(name: string, value: Json, isMissing: (bulkId: string) => boolean): Json | undefined {
  // Under its URN an extension is as much of a beginning as the resource itself.
  if (name.includes(":") && isObject(value)) return withoutReferences(value, isMissing);
  const refersToMissing = (part: Json): boolean => [...referencesIn(part)].some(isMissing);
  if (isArray(value)) return value.filter((element) => !refersToMissing(element));
  return refersToMissing(value) ? undefined : value;
}

function findIn(value: Json | undefined, name: string, found: Set<string>): void {
  if (typeof value === "string") {
    // Asked first: most texts refer to nothing, and there are many.
    if (value.includes("bulkId:")) replaceInText(value, name, (bulkId) => void found.add(bulkId));
  } else if (isArray(value)) {
    for (const element of value) findIn(element, name, found);
  } else if (isObject(value)) {
    for (const [key, part] of Object.entries(value)) findIn(part, key, found);
  }
}

function replaceIn(value: Json, name: string, idOf: IdOf): Json {
  if (typeof value === "string") return value.includes("bulkId:") ? replaceInText(value, name, idOf) : value;
  if (isArray(value)) return value.map((element) => replaceIn(element, name, idOf));
  if (!isObject(value)) return value;
  // From entries, which makes own properties of whatever name a stranger chose.
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaceIn(part, key, idOf)]));
}

function replaceInText(text: string, name: string, idOf: IdOf): string {
  const bulkId = readReference(text);
  if (bulkId !== undefined) return idOf(bulkId) ?? text;
  const lower = name.toLowerCase();
  const form = lower === "$ref" ? endOfUri : lower === "path" ? inFilter : undefined;
  if (form === undefined) return text;
  return text.replace(form, (written: string, named: string) => {
    const id = idOf(named);
    return id === undefined ? written : written.replace(`bulkId:${named}`, id);
  });
}
