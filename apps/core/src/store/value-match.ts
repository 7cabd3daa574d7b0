import { type Comparison, type CompareOperator, DirectoryError, foldCase } from "../domain/index.ts";
import type { Column } from "./resource-columns.ts";
import { Sql, sql } from "./sql.ts";

/** A value at a path of a JSON object. Lax mode walks through arrays on its own (SQL/JSON path). */
export type JsonPlace = { readonly json: Sql; readonly steps: readonly string[] };

/** `name.givenName` → two steps; `urn:…:User:department` → the extension, then its attribute. */
export function pathSteps(path: string): readonly string[] {
  const colon = path.lastIndexOf(":");
  return colon === -1 ? path.split(".") : [path.slice(0, colon), ...path.slice(colon + 1).split(".")];
}

/** Whether what a column holds compares so with the wanted value. Null where there is nothing to compare. */
export function columnMatches(column: Column, comparison: Comparison): Sql {
  const { operator, value } = comparison;
  if (operator === "ne") return sql`(NOT coalesce(${columnMatches(column, { ...comparison, operator: "eq" })}, false))`;
  if (value === null) return sql`(${column.value} IS NULL)`;
  switch (column.kind) {
    case "text":
      return textMatches(column, comparison);
    case "time":
      return sql`${column.value} ${orderOf(comparison)} date_trunc('milliseconds', ${value}::timestamptz)`;
    case "boolean":
      if (operator !== "eq") throw incomparable(comparison);
      return sql`${column.value} = ${value}`;
  }
}

/** Whether a column has a value (RFC 7644 §3.4.2.2, "pr"). */
export function columnPresent({ kind, value }: Column): Sql {
  return kind === "text" ? sql`(${value} <> '')` : sql`(${value} IS NOT NULL)`;
}

/** Whether any value at a place compares so with the wanted one; "ne" is that none equals it. */
export function jsonMatches(place: JsonPlace, comparison: Comparison): Sql {
  const { operator, value, as } = comparison;
  if (operator === "ne") return sql`(NOT coalesce(${jsonMatches(place, { ...comparison, operator: "eq" })}, false))`;
  // To equal null is to have no value (RFC 7643 §2.5).
  if (value === null) return sql`(NOT coalesce(${jsonPresent(place)}, false))`;
  const all = `lax ${pathText(place.steps)}[*]`;
  if (as === "number" || as === "boolean") {
    const compared = `${all} ? (@ ${as === "boolean" ? equality(comparison) : jsonOrderOf(comparison)} $wanted)`;
    return sql`jsonb_path_exists(${place.json}, ${compared}::jsonpath, ${JSON.stringify({ wanted: value })}::jsonb)`;
  }
  const each = textComparison(sql`(found.value #>> '{}')`, comparison);
  const some = sql`EXISTS (SELECT FROM jsonb_path_query(${place.json}, ${all}::jsonpath) AS found(value) WHERE ${each})`;
  return sql`(CASE WHEN jsonb_typeof(${at(place)}) = 'string' THEN ${textComparison(textAt(place), comparison)}
    WHEN ${isMissing(place)} THEN false ELSE ${some} END)`;
}

function textComparison(text: Sql, comparison: Comparison): Sql {
  if (comparison.as !== "time") return textMatches({ value: text, folded: false }, comparison);
  return columnMatches({ kind: "time", value: sql`date_trunc('milliseconds', rollcall_time(${text}))` }, comparison);
}

// A path query takes several times as long as a look, and most values are one text or none.
function at({ json, steps }: JsonPlace): Sql {
  return sql`(${json} #> ${steps}::text[])`;
}

function textAt({ json, steps }: JsonPlace): Sql {
  return sql`(${json} #>> ${steps}::text[])`;
}

/** Nothing is there, nor in the elements of what stands above it. */
function isMissing({ json, steps }: JsonPlace): Sql {
  const missing = sql`${at({ json, steps })} IS NULL`;
  if (steps.length === 1) return missing;
  return sql`${missing} AND jsonb_typeof(${at({ json, steps: steps.slice(0, -1) })}) IS DISTINCT FROM 'array'`;
}

/** Whether there is a non-empty value at a place, or within what stands there. */
export function jsonPresent({ json, steps }: JsonPlace): Sql {
  const found = `lax ${pathText(steps)}.** ? (@.type() == "number" || @.type() == "boolean" || @.type() == "string" && @ != "")`;
  return sql`jsonb_path_exists(${json}, ${found}::jsonpath)`;
}

/** The elements at a place, as rows of one column. */
export function jsonElements({ json, steps }: JsonPlace): Sql {
  return sql`jsonb_path_query(${json}, ${`lax ${pathText(steps)}[*]`}::jsonpath)`;
}

function textMatches(column: Omit<Extract<Column, { kind: "text" }>, "kind">, comparison: Comparison): Sql {
  const { operator, value: wanted, as } = comparison;
  if (typeof wanted !== "string") throw incomparable(comparison);
  if (column.folded) {
    const folded = foldCase(wanted);
    return textHolds(column.value, operator, sql`${folded}::text`, folded);
  }
  if (as === "exact") {
    return textHolds(column.value, operator, sql`${wanted}::text`, undefined);
  }
  // Folded by the same hand as what it is held against, and once for the whole search.
  return textHolds(sql`rollcall_fold(${column.value})`, operator, sql`(SELECT rollcall_fold(${wanted}))`, undefined);
}

/** `indexed` is the wanted text where an index in the order of code points knows the column. */
function textHolds(text: Sql, operator: CompareOperator, wanted: Sql, indexed: string | undefined): Sql {
  switch (operator) {
    case "co":
      return sql`strpos(${text}, ${wanted}) > 0`;
    case "sw": {
      const after = indexed === undefined ? undefined : successorOf(indexed);
      const within = after === undefined ? sql`` : sql`${text} >= ${wanted} AND ${text} < ${after}::text AND `;
      return sql`(${within}starts_with(${text}, ${wanted}))`;
    }
    case "ew":
      return sql`right(${text}, length(${wanted})) = ${wanted}`;
    case "eq":
    case "ne":
      return sql`${text} = ${wanted}`;
    default:
      return sql`${text} COLLATE "C" ${orderSigns[operator]} ${wanted}`;
  }
}

/** The least text after all that begin with a prefix, in the order of code points; undefined where there is none. */
function successorOf(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const next = (last.codePointAt(0) ?? 0) + 1;
    if (next <= 0x10_ffff)
      return points.join("") + String.fromCodePoint(next >= 0xd800 && next <= 0xdfff ? 0xe000 : next);
  }
  return undefined;
}

const orderSigns = {
  gt: new Sql([">"], []),
  ge: new Sql([">="], []),
  lt: new Sql(["<"], []),
  le: new Sql(["<="], []),
} as const;
const equal = new Sql(["="], []);

function orderOf(comparison: Comparison): Sql {
  const { operator } = comparison;
  if (operator === "eq") return equal;
  if (operator === "gt" || operator === "ge" || operator === "lt" || operator === "le") return orderSigns[operator];
  throw incomparable(comparison);
}

function jsonOrderOf(comparison: Comparison): string {
  const [sign = ""] = orderOf(comparison).parts;
  return sign === "=" ? "==" : sign;
}

function equality(comparison: Comparison): string {
  if (comparison.operator !== "eq") throw incomparable(comparison);
  return "==";
}

function pathText(steps: readonly string[]): string {
  return `$${steps.map((step) => `.${JSON.stringify(step)}`).join("")}`;
}

function incomparable({ path, operator }: Comparison): DirectoryError {
  return new DirectoryError("filter_invalid", `${path} cannot be compared with ${operator}`);
}
