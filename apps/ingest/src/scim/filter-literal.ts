import { type ComparedAs, type CompareOperator, DirectoryError, type FilterValue } from "@rollcall/core/domain";
import type { Attribute } from "./schema.ts";

/** A comparison's right side as written: quoted text, or a bare word that may stand for anything. */
export type Literal =
  | { readonly kind: "quoted"; readonly text: string }
  | { readonly kind: "bare"; readonly text: string };

const compareOperators: ReadonlySet<string> = new Set<CompareOperator>([
  "eq",
  "ne",
  "co",
  "sw",
  "ew",
  "gt",
  "ge",
  "lt",
  "le",
]);
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Whether a lower-case word is one of RFC 7644 §3.4.2.2's comparisons. */
export function isCompareOperator(word: string): word is CompareOperator {
  return compareOperators.has(word);
}

/** How an attribute's values are held against each other. */
export function comparedAs({ type, caseExact }: Attribute): ComparedAs {
  switch (type) {
    case "boolean":
      return "boolean";
    case "integer":
    case "decimal":
      return "number";
    case "dateTime":
      return "time";
    case "binary":
      // RFC 7643 §2.3.6: base64 has case, whatever a schema says of it.
      return "exact";
    case "complex":
    case "string":
    case "reference":
      return caseExact ? "exact" : "folded";
  }
}

/**
 * Reads a literal as the attribute's type. Entra writes booleans as `"True"`, and some senders
 * leave strings without quotes; the latter passes only where `lenient` says it cannot mean anything else.
 */
export function literalValue(
  attribute: Attribute,
  operator: CompareOperator,
  literal: Literal,
  lenient: boolean,
): FilterValue {
  if (literal.kind === "bare" && literal.text === "null") return nullValue(attribute, operator);

  switch (attribute.type) {
    case "boolean":
      return booleanValue(attribute, operator, literal.text);
    case "integer":
    case "decimal":
      return numberValue(attribute, operator, literal);
    case "complex":
      throw new DirectoryError(
        "filter_invalid",
        `${attribute.name} cannot be compared; name one of its sub-attributes`,
      );
    case "dateTime":
      refuseOperators(attribute, operator, ["co", "sw", "ew"], "is a moment and has no parts");
      return stringValue(attribute, literal, lenient);
    case "binary":
      // RFC 7644 §3.4.2.2, Table 3: binary values have no order.
      refuseOperators(attribute, operator, ["gt", "ge", "lt", "le"], "is binary and has no order");
      return stringValue(attribute, literal, lenient);
    case "string":
    case "reference":
      return stringValue(attribute, literal, lenient);
  }
}

function nullValue(attribute: Attribute, operator: CompareOperator): null {
  if (operator === "eq" || operator === "ne") return null;
  throw new DirectoryError("filter_invalid", `${attribute.name} cannot be compared with null by "${operator}"`);
}

function refuseOperators(
  attribute: Attribute,
  operator: CompareOperator,
  refused: readonly CompareOperator[],
  why: string,
): void {
  if (!refused.includes(operator)) return;
  throw new DirectoryError("filter_invalid", `${attribute.name} ${why}, so it cannot be compared by "${operator}"`);
}

function booleanValue(attribute: Attribute, operator: CompareOperator, text: string): boolean {
  // RFC 7644 §3.4.2.2: an ordering of booleans is an invalid filter.
  if (operator !== "eq" && operator !== "ne") {
    throw new DirectoryError("filter_invalid", `${attribute.name} is a boolean and knows only "eq" and "ne"`);
  }
  const lower = text.toLowerCase();
  if (lower === "true") return true;
  if (lower === "false") return false;
  throw new DirectoryError("filter_invalid", `${attribute.name} compares with true or false only`);
}

function numberValue(attribute: Attribute, operator: CompareOperator, literal: Literal): number {
  const ordered = operator !== "co" && operator !== "sw" && operator !== "ew";
  if (ordered && literal.kind === "bare" && jsonNumber.test(literal.text)) return Number(literal.text);
  throw new DirectoryError("filter_invalid", `${attribute.name} compares with numbers only`);
}

function stringValue(attribute: Attribute, literal: Literal, lenient: boolean): string {
  if (literal.kind === "bare" && !lenient) {
    throw new DirectoryError("filter_invalid", `${attribute.name} compares with a string in double quotes`);
  }
  // PostgreSQL stores neither, so nothing can equal such a value and asking would be an outage.
  if (literal.text.includes("\u0000") || !literal.text.isWellFormed()) {
    throw new DirectoryError("filter_invalid", `${attribute.name} cannot contain such a character`);
  }
  return attribute.type === "dateTime" ? dateTimeValue(attribute, literal.text) : literal.text;
}

// One spelling leaves here, since PostgreSQL and JavaScript disagree about what else is a date. An
// offset may lead out of the years that have four digits, and PostgreSQL knows no year 0.
function dateTimeValue(attribute: Attribute, text: string): string {
  const date = new Date(dateTime.test(text) ? text : Number.NaN);
  const spelled = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  if (/^(?!0000)\d{4}-/.test(spelled)) return spelled;
  throw new DirectoryError("filter_invalid", `${attribute.name} compares with a date and time (RFC 3339)`);
}
