import {
  type CompareOperator,
  type Filter,
  type FilterValue,
  foldCase,
  isObject,
  type Json,
  type JsonObject,
} from "@rollcall/core/domain";
import type { Attribute } from "./schema.ts";

/** Whether one element of a multi-valued attribute fits the filter between its brackets. */
export function fits(attribute: Attribute, filter: Filter, element: Json): boolean {
  if (!isObject(element)) return false;
  switch (filter.kind) {
    case "and":
      return filter.terms.every((term) => fits(attribute, term, element));
    case "or":
      return filter.terms.some((term) => fits(attribute, term, element));
    case "not":
      return !fits(attribute, filter.term, element);
    case "present":
      return element[filter.path] !== undefined && element[filter.path] !== "";
    case "compare":
      return compares(
        attribute.subAttributes.get(filter.path.toLowerCase()),
        element[filter.path],
        filter.operator,
        filter.value,
      );
    case "element":
      return false;
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

function compares(
  sub: Attribute | undefined,
  actual: Json | undefined,
  operator: CompareOperator,
  wanted: FilterValue,
): boolean {
  if (actual === undefined || wanted === null) {
    const same = actual === undefined && wanted === null;
    return operator === "ne" ? !same : operator === "eq" && same;
  }
  if (typeof actual === "string" && typeof wanted === "string") {
    const fold = sub?.caseExact === true ? (text: string) => text : foldCase;
    return holds(operator, fold(actual), fold(wanted));
  }
  if (typeof actual === "number" && typeof wanted === "number") return holds(operator, actual, wanted);
  return operator === "ne" ? actual !== wanted : operator === "eq" && actual === wanted;
}

function holds<Value extends string | number>(operator: CompareOperator, actual: Value, wanted: Value): boolean {
  switch (operator) {
    case "eq":
      return actual === wanted;
    case "ne":
      return actual !== wanted;
    case "gt":
      return actual > wanted;
    case "ge":
      return actual >= wanted;
    case "lt":
      return actual < wanted;
    case "le":
      return actual <= wanted;
    case "co":
      return String(actual).includes(String(wanted));
    case "sw":
      return String(actual).startsWith(String(wanted));
    case "ew":
      return String(actual).endsWith(String(wanted));
  }
}
