import { DirectoryError, type Json, type JsonObject } from "@rollcall/core/domain";

const depthMax = 32;
// As a whole name, and as a part of a dotted one.
const forbidden = /(?:^|[.:[\]])(?:__proto__|constructor|prototype)(?:$|[.:[\]])/i;

/**
 * Reads a request body. Throws `syntax_invalid` for anything but UTF-8 JSON at most 32 deep in
 * which no object names a member twice: SCIM names have no case, so `active` and `Active` are two
 * answers to one question, and picking either could enable a leaver.
 */
export function parseJson(bytes: Uint8Array): Json {
  const json = readJson(bytes);
  refuseUnsafe(json);
  return json;
}

/** The same without `refuseUnsafe`, for whoever hands parts of the body on and has each of them judged. */
export function readJson(bytes: Uint8Array): Json {
  const text = decoded(bytes);
  scan(text);
  try {
    return JSON.parse(text) as Json;
  } catch {
    // The platform's message quotes the body.
    throw new DirectoryError("syntax_invalid", "body is not JSON");
  }
}

/**
 * Throws for what must not reach an object or the database wherever it stands: names that lead to
 * a prototype (also as a part of a dotted name), NUL, and unpaired surrogates.
 */
export function refuseUnsafe(json: Json, depth = 0): void {
  if (depth > depthMax) throw tooDeep();
  if (typeof json === "string") {
    refuseUnstorable(json);
  } else if (Array.isArray(json)) {
    for (const element of json as readonly Json[]) refuseUnsafe(element, depth + 1);
  } else if (typeof json === "object" && json !== null) {
    for (const [name, value] of Object.entries(json as JsonObject)) {
      refuseUnstorable(name);
      if (forbidden.test(name)) {
        throw new DirectoryError("syntax_invalid", "body names an attribute that cannot exist");
      }
      refuseUnsafe(value, depth + 1);
    }
  }
}

function refuseUnstorable(text: string): void {
  if (text.includes("\u0000") || !text.isWellFormed()) {
    throw new DirectoryError(
      "value_invalid",
      "body contains a character that is no text (NUL or half a surrogate pair)",
    );
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DirectoryError("syntax_invalid", "body is not UTF-8");
  }
}

// Runs before JSON.parse, which takes half a second for a million brackets and keeps the last of
// two equal names. It checks nesting and names only; JSON.parse judges the rest.
function scan(text: string): void {
  const names: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") {
      if (names.length >= depthMax) throw tooDeep();
      names.push(character === "{" ? new Set() : undefined);
    } else if (character === "}" || character === "]") {
      names.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) recordName(names.at(-1), text.slice(at, end));
      at = end - 1;
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, text.length);
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (text[at] === " " || text[at] === "\t" || text[at] === "\n" || text[at] === "\r") at += 1;
  return text[at] === ":";
}

function recordName(names: Set<string> | undefined, quoted: string): void {
  if (names === undefined) return;
  const name = unescaped(quoted).toLowerCase();
  if (names.has(name)) throw new DirectoryError("syntax_invalid", "body names an attribute twice in one object");
  names.add(name);
}

function unescaped(quoted: string): string {
  if (!quoted.includes("\\")) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new DirectoryError("syntax_invalid", "body is not JSON");
  }
}

function tooDeep(): DirectoryError {
  return new DirectoryError("syntax_invalid", `body is nested deeper than ${depthMax}`);
}
