/** What one element of a multi-valued attribute may be asked (RFC 7644 §3.4.2.2), read already. */
export type Condition =
  | {
      readonly sub: string;
      readonly is: Comparison;
      readonly to: string | boolean | null;
      /** Where the attribute is compared with case. */
      readonly exact?: boolean;
    }
  | { readonly sub: string; readonly is: "pr" }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };
export type Comparison = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";

type Element = { readonly [name: string]: unknown };

/** Whether an element meets a condition. What is absent only differs. */
export function meets(where: Condition, element: Element): boolean {
  if ("all" in where) return where.all.every((one) => meets(one, element));
  if ("any" in where) return where.any.some((one) => meets(one, element));
  if ("not" in where) return !meets(where.not, element);
  const held = element[where.sub];
  // §3.4.2.2 "pr": the attribute "has a non-empty or non-null value"; what has none is equal to null.
  const isPresent = held !== undefined && held !== "";
  if (where.is === "pr") return isPresent;
  if (where.to === null) return isPresent === (where.is === "ne");
  const fold = where.exact === true ? (value: unknown): unknown => value : folded;
  const [left, right] = [fold(held), fold(where.to)];
  if (where.is === "eq" || where.is === "ne") return (left === right) === (where.is === "eq");
  return typeof left === "string" && typeof right === "string" && orders[where.is](left, right);
}

/** The condition as it is written between brackets; `entra` writes booleans as that provider does. */
export function printCondition(where: Condition, entra = false): string {
  if ("all" in where) return where.all.map((one) => inParentheses(one, entra)).join(" and ");
  if ("any" in where) return where.any.map((one) => inParentheses(one, entra)).join(" or ");
  if ("not" in where) return `not (${printCondition(where.not, entra)})`;
  if (where.is === "pr") return `${where.sub} pr`;
  const literal = entra && typeof where.to === "boolean" ? (where.to ? "True" : "False") : where.to;
  return `${where.sub} ${where.is} ${JSON.stringify(literal)}`;
}

function inParentheses(where: Condition, entra: boolean): string {
  const text = printCondition(where, entra);
  return "all" in where || "any" in where ? `(${text})` : text;
}

function folded(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : value;
}

const orders: Record<Exclude<Comparison, "eq" | "ne">, (left: string, right: string) => boolean> = {
  co: (left, right) => left.includes(right),
  sw: (left, right) => left.startsWith(right),
  ew: (left, right) => left.endsWith(right),
  gt: (left, right) => left > right,
  ge: (left, right) => left >= right,
  lt: (left, right) => left < right,
  le: (left, right) => left <= right,
};
