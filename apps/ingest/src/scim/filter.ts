import { type CompareOperator, DirectoryError, type Filter } from "@rollcall/core/domain";
import { type Attribute, canonicalPath, type ResourceSchema, resolveForFilter } from "./schema.ts";
import { isCompareOperator, type Literal, literalValue } from "./filter-literal.ts";

const bytesMax = 8 * 1024;
const depthMax = 40;
const nodesMax = 100;

/** Parses a whole filter (RFC 7644 §3.4.2.2) in one pass. Throws `filter_invalid`, and nothing else. */
export function parseFilter(schema: ResourceSchema, text: string): Filter {
  refuseOverlong(text);
  const cursor: Cursor = { text, at: 0, nodes: 0, whole: true };
  const filter = readOr(cursor, resourceScope(schema), 0);
  skipSpace(cursor);
  if (cursor.at < text.length) throw unexpected(cursor);
  return filter;
}

/** Parses the filter between brackets of a multi-valued attribute; `start` is after `[`, `end` after `]`. */
export function parseElementFilter(
  attribute: Attribute,
  text: string,
  start: number,
): { readonly filter: Filter; readonly end: number } {
  refuseOverlong(text);
  const cursor: Cursor = { text, at: start, nodes: 0, whole: false };
  const filter = readOr(cursor, elementScope(attribute), 0);
  expect(cursor, "]");
  return { filter, end: cursor.at };
}

// `whole` is true until something is read that a bare word could not be the rest of.
type Cursor = { readonly text: string; at: number; nodes: number; whole: boolean };
type Named = { readonly path: string; readonly attribute: Attribute };
type Scope = (name: string) => Named | undefined;

function resourceScope(schema: ResourceSchema): Scope {
  return (name) => {
    const resolved = resolveForFilter(schema, name);
    const attribute = resolved?.sub ?? resolved?.attribute;
    return resolved === undefined || attribute === undefined ? undefined : { path: canonicalPath(resolved), attribute };
  };
}

function elementScope(parent: Attribute): Scope {
  return (name) => {
    const attribute = parent.subAttributes.get(name.toLowerCase());
    return attribute === undefined ? undefined : { path: attribute.name, attribute };
  };
}

function readOr(cursor: Cursor, scope: Scope, depth: number): Filter {
  const terms = [readAnd(cursor, scope, depth)];
  while (takeWord(cursor, "or")) terms.push(readAnd(cursor, scope, depth));
  return joined(cursor, "or", terms);
}

function readAnd(cursor: Cursor, scope: Scope, depth: number): Filter {
  const terms = [readTerm(cursor, scope, depth)];
  while (takeWord(cursor, "and")) terms.push(readTerm(cursor, scope, depth));
  return joined(cursor, "and", terms);
}

function joined(cursor: Cursor, kind: "and" | "or", terms: readonly Filter[]): Filter {
  const only = terms.length === 1 ? terms[0] : undefined;
  return only ?? counted(cursor, { kind, terms });
}

function readTerm(cursor: Cursor, scope: Scope, depth: number): Filter {
  if (depth > depthMax) throw new DirectoryError("filter_invalid", `filter is nested deeper than ${depthMax}`);
  skipSpace(cursor);
  if (take(cursor, "(")) return readGroup(cursor, scope, depth);

  const before = cursor.at;
  const name = readName(cursor);
  if (name.toLowerCase() === "not") {
    skipSpace(cursor);
    if (take(cursor, "(")) return counted(cursor, { kind: "not", term: readGroup(cursor, scope, depth) });
  }

  const named = scope(name);
  if (named === undefined) {
    throw new DirectoryError(
      "filter_invalid",
      `unknown attribute ${JSON.stringify(name.slice(0, 80))} at position ${before + 1}`,
    );
  }
  if (take(cursor, "[")) return readElement(cursor, named, depth);
  return readExpression(cursor, named);
}

function readGroup(cursor: Cursor, scope: Scope, depth: number): Filter {
  cursor.whole = false;
  const filter = readOr(cursor, scope, depth + 1);
  expect(cursor, ")");
  return filter;
}

function readExpression(cursor: Cursor, named: Named): Filter {
  const operator = readOperator(cursor);
  if (operator === "pr") return counted(cursor, { kind: "present", path: named.path });

  const { path, attribute } = comparable(named);
  return counted(cursor, { kind: "compare", path, operator, value: readValue(cursor, attribute, operator) });
}

function readElement(cursor: Cursor, named: Named, depth: number): Filter {
  const { path, attribute } = named;
  if (attribute.type !== "complex" || !attribute.multiValued) {
    throw new DirectoryError("filter_invalid", `${path} has no elements to select by [ ]`);
  }
  cursor.whole = false;
  const inner = elementScope(attribute);
  const term = readOr(cursor, inner, depth + 1);
  expect(cursor, "]");
  if (!take(cursor, ".")) return counted(cursor, { kind: "element", path, term });

  const name = readName(cursor);
  const sub = inner(name);
  if (sub === undefined)
    throw new DirectoryError("filter_invalid", `${path} has no sub-attribute ${JSON.stringify(name.slice(0, 80))}`);
  const operator = readOperator(cursor);
  if (operator === "pr") {
    const present: Filter = counted(cursor, { kind: "present", path: sub.path });
    return counted(cursor, { kind: "element", path, term: counted(cursor, { kind: "and", terms: [term, present] }) });
  }
  const value = readValue(cursor, sub.attribute, operator);
  return counted(cursor, { kind: "element", path, term, rest: { path: sub.path, operator, value } });
}

// RFC 7644 §3.4.2.2 compares a complex attribute by its `value`: `members eq "…"`.
function comparable(named: Named): Named {
  const value = named.attribute.subAttributes.get("value");
  return value === undefined ? named : { path: `${named.path}.value`, attribute: value };
}

function readOperator(cursor: Cursor): CompareOperator | "pr" {
  skipSpace(cursor);
  const word = readName(cursor).toLowerCase();
  if (word === "pr" || isCompareOperator(word)) return word;
  throw new DirectoryError("filter_invalid", `expected an operator before position ${cursor.at + 1}`);
}

function readValue(cursor: Cursor, attribute: Attribute, operator: CompareOperator) {
  if (!isSpace(cursor.text[cursor.at])) throw unexpected(cursor);
  skipSpace(cursor);
  const literal = readLiteral(cursor);
  const rest = cursor.whole && cursor.at === cursor.text.trimEnd().length;
  cursor.whole = false;
  return literalValue(attribute, operator, literal, rest);
}

function readLiteral(cursor: Cursor): Literal {
  if (cursor.text[cursor.at] !== '"') return { kind: "bare", text: readName(cursor) };

  const start = cursor.at;
  for (cursor.at += 1; cursor.at < cursor.text.length; cursor.at += 1) {
    const character = cursor.text[cursor.at];
    if (character === "\\") cursor.at += 1;
    else if (character === '"') {
      cursor.at += 1;
      return { kind: "quoted", text: unescaped(cursor.text.slice(start, cursor.at)) };
    }
  }
  throw new DirectoryError("filter_invalid", `the string at position ${start + 1} does not end`);
}

function unescaped(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw new DirectoryError("filter_invalid", "a string must be written as in JSON");
  }
}

// A name, an operator or a bare literal: everything up to white space or punctuation.
function readName(cursor: Cursor): string {
  const start = cursor.at;
  while (cursor.at < cursor.text.length && !endsName(cursor.text[cursor.at])) cursor.at += 1;
  if (cursor.at === start) throw unexpected(cursor);
  return cursor.text.slice(start, cursor.at);
}

function endsName(character: string | undefined): boolean {
  return character === undefined || isSpace(character) || '()[]"'.includes(character);
}

function takeWord(cursor: Cursor, word: "and" | "or"): boolean {
  const before = cursor.at;
  skipSpace(cursor);
  const end = cursor.at + word.length;
  const next = cursor.text[end];
  const separated = cursor.at > before || cursor.text[before - 1] === ")" || cursor.text[before - 1] === "]";
  if (separated && cursor.text.slice(cursor.at, end).toLowerCase() === word && (isSpace(next) || next === "(")) {
    cursor.at = end;
    return true;
  }
  cursor.at = before;
  return false;
}

function take(cursor: Cursor, character: string): boolean {
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at += 1;
  return true;
}

function expect(cursor: Cursor, character: string): void {
  skipSpace(cursor);
  if (!take(cursor, character))
    throw new DirectoryError("filter_invalid", `expected "${character}" at position ${cursor.at + 1}`);
}

function skipSpace(cursor: Cursor): void {
  while (isSpace(cursor.text[cursor.at])) cursor.at += 1;
}

function isSpace(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\n" || character === "\r";
}

function counted(cursor: Cursor, filter: Filter): Filter {
  cursor.nodes += 1;
  if (cursor.nodes > nodesMax) throw new DirectoryError("filter_invalid", `filter has more than ${nodesMax} terms`);
  return filter;
}

function refuseOverlong(text: string): void {
  if (Buffer.byteLength(text) > bytesMax)
    throw new DirectoryError("filter_invalid", `filter is longer than ${bytesMax} bytes`);
}

function unexpected(cursor: Cursor): DirectoryError {
  const what = cursor.at < cursor.text.length ? "unexpected character" : "unexpected end";
  return new DirectoryError("filter_invalid", `${what} at position ${cursor.at + 1}`);
}
