import { type Comparison, type Filter, foldCase, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";

/** Says of an element of a multi-valued attribute whether it fits. */
export type ElementTest = (element: Json) => boolean;

/**
 * The test that the filter between the brackets of a path stands for. It finds what the same filter
 * finds in a list. What is wanted is folded and read here, once for all elements.
 */
export function elementTest(filter: Filter): ElementTest {
  return testOf(filter, foldedOnce());
}

function testOf(filter: Filter, fold: Fold): ElementTest {
  switch (filter.kind) {
    case "and": {
      const terms = filter.terms.map((term) => testOf(term, fold));
      return (element) => terms.every((term) => term(element));
    }
    case "or": {
      const terms = filter.terms.map((term) => testOf(term, fold));
      return (element) => terms.some((term) => term(element));
    }
    case "not": {
      const term = testOf(filter.term, fold);
      return (element) => !term(element);
    }
    case "present":
      return (element) => isPresent(partOf(element, filter.path));
    case "compare":
      return comparisonTest(filter, fold);
    case "element":
      return () => false;
  }
}

/**
 * What an element must hold to fit, where the filter only says what equals what: Entra writes
 * `phoneNumbers[type eq "mobile"].value` for the first phone, and means it to come into being.
 */
export function equalTerms(filter: Filter): JsonObject | undefined {
  if (filter.kind === "compare" && filter.operator === "eq" && filter.value !== null)
    return { [filter.path]: filter.value };
  if (filter.kind !== "and") return undefined;

  const terms = filter.terms.map(equalTerms);
  return terms.every((term) => term !== undefined) ? (Object.assign({}, ...terms) as JsonObject) : undefined;
}

type Fold = (text: string) => string;

// A hundred terms may ask for the same part of a hundred elements, and mostly do so one after the other.
function foldedOnce(): Fold {
  const known = new Map<string, string>();
  let [last, lastFolded] = ["", ""];
  return (text) => {
    if (text === last) return lastFolded;
    const folded = known.get(text) ?? foldCase(text);
    known.set(text, folded);
    [last, lastFolded] = [text, folded];
    return folded;
  };
}

function comparisonTest(comparison: Comparison, fold: Fold): ElementTest {
  const { path, operator, value } = comparison;
  if (operator === "ne") {
    const equals = comparisonTest({ ...comparison, operator: "eq" }, fold);
    return (element) => !equals(element);
  }
  // To equal null is to have no value (RFC 7643 §2.5).
  if (value === null) return (element) => operator === "eq" && !isPresent(partOf(element, path));

  const holds = valueTest(comparison, fold);
  return (element) => {
    const part = partOf(element, path);
    if (part === undefined) return false;
    return isArray(part) ? part.some(holds) : holds(part);
  };
}

function valueTest({ operator, value, as }: Comparison, fold: Fold): (part: Json) => boolean {
  switch (as) {
    case "boolean":
      return (part) => operator === "eq" && part === value;
    case "number":
      return (part) =>
        typeof part === "number" && typeof value === "number" && holdsInOrder(operator, Math.sign(part - value));
    case "time": {
      const wanted = momentOf(value);
      return (part) => holdsInOrder(operator, Math.sign(momentOf(part) - wanted));
    }
    case "exact": {
      const holds = textTest(operator, String(value));
      return (part) => typeof part === "string" && holds(part);
    }
    case "folded": {
      const holds = textTest(operator, fold(String(value)));
      return (part) => typeof part === "string" && holds(fold(part));
    }
  }
}

function textTest(operator: Comparison["operator"], wanted: string): (text: string) => boolean {
  switch (operator) {
    case "co":
      return (text) => text.includes(wanted);
    case "sw":
      return (text) => text.startsWith(wanted);
    case "ew":
      return (text) => text.endsWith(wanted);
    case "eq":
    case "ne":
      return (text) => text === wanted;
    default: {
      // In the order of code points, as PostgreSQL's; JavaScript's own is that of UTF-16.
      const bytes = Buffer.from(wanted);
      return (text) => holdsInOrder(operator, Buffer.compare(Buffer.from(text), bytes));
    }
  }
}

/** `order` is negative, zero or positive as what is held comes before, with or after what is wanted; NaN is no order. */
function holdsInOrder(operator: Comparison["operator"], order: number): boolean {
  switch (operator) {
    case "eq":
      return order === 0;
    case "gt":
      return order > 0;
    case "ge":
      return order >= 0;
    case "lt":
      return order < 0;
    case "le":
      return order <= 0;
    default:
      return false;
  }
}

// RFC 7643 §2.3.5 lets a dateTime go without an offset; it is one of UTC then, whatever the server's zone is.
function momentOf(written: Json): number {
  if (typeof written !== "string") return Number.NaN;
  return Date.parse(/(?:Z|[+-]\d\d:\d\d)$/.test(written) ? written : `${written}Z`);
}

function partOf(element: Json, name: string): Json | undefined {
  return isObject(element) ? element[name] : undefined;
}

function isPresent(value: Json | undefined): boolean {
  if (isArray(value)) return value.some(isPresent);
  return isObject(value) ? Object.values(value).some(isPresent) : value !== undefined && value !== null && value !== "";
}
