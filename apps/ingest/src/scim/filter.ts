import { type CompareOperator, type Comparison, DirectoryError, type Filter } from "@rollcall/core/domain";
import { comparedAs, isCompareOperator, type Literal, literalValue } from "./filter-literal.ts";
import { type Attribute, canonicalPath, type ResourceSchema, resolveForFilter } from "./schema.ts";

const bytesMax = 8 * 1024;
const depthMax = 40;
const nodesMax = 100;

/**
 * Parses a whole filter (RFC 7644 §3.4.2.2) in one pass. An attribute that only one of `others` has
 * is one without a value (§3.4.2.1). Throws `filter_invalid`, and nothing else.
 */
export function parseFilter(schema: ResourceSchema, text: string, others: readonly ResourceSchema[] = []): Filter {
  refuseOverlong(text);
  const cursor: Cursor = { text, end: text.trimEnd().length, at: 0, nodes: 0, whole: true };
  const filter = readOr(cursor, resourceScope(schema, others), 0);
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
  const cursor: Cursor = { text, end: text.length, at: start, nodes: 0, whole: false };
  const filter = readOr(cursor, elementScope(attribute, ""), 0);
  expect(cursor, "]");
  return { filter, end: cursor.at };
}

// `end` is where the last word ends; `whole` is true until something is read that a bare word could
// not be the rest of.
type Cursor = { readonly text: string; readonly end: number; at: number; nodes: number; whole: boolean };
/** Without a path where the resource cannot have the attribute. */
type Named = { readonly path: string | undefined; readonly attribute: Attribute };
type Scope = (name: string) => Named | undefined;

const everybody: Filter = { kind: "and", terms: [] };
const nobody: Filter = { kind: "or", terms: [] };

function resourceScope(schema: ResourceSchema, others: readonly ResourceSchema[]): Scope {
  return (name) => {
    const own = inSchema(schema, name);
    if (own !== undefined) return own;
    const foreign = others.map((other) => inSchema(other, name)).find((found) => found !== undefined);
    return foreign && { ...foreign, path: undefined };
  };
}

function inSchema(schema: ResourceSchema, name: string): Named | undefined {
  const resolved = resolveForFilter(schema, name);
  const attribute = resolved?.sub ?? resolved?.attribute;
  return resolved === undefined || attribute === undefined ? undefined : { path: canonicalPath(resolved), attribute };
}

function elementScope(parent: Attribute, prefix: string): Scope {
  return (name) => {
    const attribute = parent.subAttributes.get(name.toLowerCase());
    return attribute === undefined ? undefined : { path: `${prefix}${attribute.name}`, attribute };
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
  const { path, attribute } = operator === "pr" ? named : comparable(named);
  if (operator === "pr") return counted(cursor, path === undefined ? nobody : { kind: "present", path });

  const comparison = readComparison(cursor, path ?? "", attribute, operator);
  return counted(cursor, path === undefined ? ofNoValue(comparison) : { kind: "compare", ...comparison });
}

function readComparison(cursor: Cursor, path: string, attribute: Attribute, operator: CompareOperator): Comparison {
  return { path, operator, value: readValue(cursor, attribute, operator), as: comparedAs(attribute) };
}

// What has no value equals null, and differs from all else.
function ofNoValue({ operator, value }: Comparison): Filter {
  return operator === (value === null ? "eq" : "ne") ? everybody : nobody;
}

function readElement(cursor: Cursor, { path, attribute }: Named, depth: number): Filter {
  if (attribute.type !== "complex") {
    throw new DirectoryError("filter_invalid", `${attribute.name} has no parts to select by [ ]`);
  }
  cursor.whole = false;
  // A singular attribute is its own only element, and its parts have paths of their own.
  const inner = elementScope(attribute, attribute.multiValued ? "" : `${path}.`);
  const within = readOr(cursor, inner, depth + 1);
  expect(cursor, "]");
  const { term, rest } = take(cursor, ".") ? readRest(cursor, inner, attribute, within) : { term: within };
  if (path === undefined) return counted(cursor, nobody);
  if (attribute.multiValued)
    return counted(cursor, { kind: "element", path, term, ...(rest === undefined ? {} : { rest }) });

  const parts: readonly Filter[] = rest === undefined ? [term] : [term, { kind: "compare", ...rest }];
  return counted(cursor, { kind: "and", terms: [{ kind: "present", path }, ...parts] });
}

/** What follows the brackets, `.value eq "…"`: the same element must meet it too. */
function readRest(
  cursor: Cursor,
  scope: Scope,
  parent: Attribute,
  term: Filter,
): { readonly term: Filter; readonly rest?: Comparison } {
  const name = readName(cursor);
  const { path, attribute } = scope(name) ?? {};
  if (path === undefined || attribute === undefined) {
    const unknown = JSON.stringify(name.slice(0, 80));
    throw new DirectoryError("filter_invalid", `${parent.name} has no sub-attribute ${unknown}`);
  }
  const operator = readOperator(cursor);
  if (operator !== "pr") return { term, rest: readComparison(cursor, path, attribute, operator) };
  return { term: counted(cursor, { kind: "and", terms: [term, counted(cursor, { kind: "present", path })] }) };
}

// RFC 7644 §3.4.2.2 compares a complex attribute by its `value`: `members eq "…"`.
function comparable(named: Named): Named {
  const value = named.attribute.subAttributes.get("value");
  if (value === undefined) return named;
  return { path: named.path === undefined ? undefined : `${named.path}.value`, attribute: value };
}

function readOperator(cursor: Cursor): CompareOperator | "pr" {
  skipSpace(cursor);
  const word = readName(cursor).toLowerCase();
  if (word === "pr" || isCompareOperator(word)) return word;
  throw new DirectoryError("filter_invalid", `expected an operator before position ${cursor.at + 1}`);
}

function readValue(cursor: Cursor, attribute: Attribute, operator: CompareOperator) {
  // A quote ends the operator as well: RFC 7644 §3.5.2.2 itself writes `members[value eq"…"]`.
  if (!isSpace(cursor.text[cursor.at]) && cursor.text[cursor.at] !== '"') throw unexpected(cursor);
  skipSpace(cursor);
  const literal = readLiteral(cursor);
  const rest = cursor.whole && cursor.at === cursor.end;
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
