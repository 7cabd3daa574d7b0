import { type Comparison, DirectoryError, type Filter, isId } from "../domain/index.ts";
import { type Column, columnOf, jsonOf, type Searched } from "./resource-columns.ts";
import { type Edges, edgesOf } from "./resource-edges.ts";
import { joinSql, type Sql, sql } from "./sql.ts";
import {
  columnMatches,
  columnPresent,
  jsonElements,
  jsonMatches,
  type JsonPlace,
  jsonPresent,
  pathSteps,
} from "./value-match.ts";

/** What a path means in a resource, or in one of its elements. */
type Scope = {
  column(path: string): Column | undefined;
  /** Undefined for what is no JSON at all. */
  place(path: string): JsonPlace | undefined;
  readonly edges: Edges | undefined;
  /** A condition that follows from the comparison and that an index answers. */
  indexed(comparison: Comparison): Sql | undefined;
};

/**
 * RFC 7644 §3.4.2.2 as a condition on the rows of a kind's table. Every value is a parameter. Null
 * counts as false, so that whoever negates must say what null is.
 */
export function filterSql(filter: Filter, searched: Searched): Sql {
  return conditionOf(filter, resourceScope(searched));
}

/** Whether a filter is what identity providers look somebody up by: one of few shapes, and answered by an index. */
export function isLookup(filter: Filter): boolean {
  const comparison = filter.kind === "element" && filter.term.kind === "compare" ? filter.rest : filter;
  if (comparison === undefined || !("operator" in comparison)) return false;
  const path = filter.kind === "element" ? `${filter.path}.${comparison.path}` : comparison.path;
  return comparison.operator === "eq" && typeof comparison.value === "string" && lookupPaths.has(path);
}

const lookupPaths: ReadonlySet<string> = new Set(["id", "userName", "externalId", "displayName", "emails.value"]);

function resourceScope(searched: Searched): Scope {
  return {
    column: (path) => columnOf(searched, path),
    // The version that is shown is made with each answer (RFC 7644 §3.14): no row holds it.
    place: (path) => (path === "meta.version" ? undefined : { json: jsonOf(searched, path), steps: pathSteps(path) }),
    edges: edgesOf(searched),
    indexed: ({ path, operator, value }) => {
      if (operator !== "eq" || typeof value !== "string") return undefined;
      if (path === "id") return isId(value) ? sql`id = ${value}` : sql`false`;
      if (searched.kind === "Group") return undefined;
      if (path === "displayName") return sql`display_name_key = (SELECT rollcall_key(${value}))`;
      return path === "emails.value" ? hasEmail(searched, value) : undefined;
    },
  };
}

/** An element is all JSON. */
function elementScope(item: Sql): Scope {
  return {
    column: () => undefined,
    place: (path) => ({ json: item, steps: [path] }),
    edges: undefined,
    indexed: () => undefined,
  };
}

function edgeScope(edges: Edges): Scope {
  return { column: edges.column, place: () => undefined, edges: undefined, indexed: () => undefined };
}

function conditionOf(filter: Filter, scope: Scope): Sql {
  switch (filter.kind) {
    case "compare":
      return compareSql(filter, scope);
    case "present":
      return presentSql(filter.path, scope);
    case "and":
      return filter.terms.length === 0 ? sql`true` : sql`(${joinSql(conditionsOf(filter.terms, scope), " AND ")})`;
    case "or":
      return filter.terms.length === 0 ? sql`false` : sql`(${joinSql(conditionsOf(filter.terms, scope), " OR ")})`;
    case "not":
      return sql`(NOT coalesce(${conditionOf(filter.term, scope)}, false))`;
    case "element":
      return elementSql(filter, scope);
  }
}

function conditionsOf(terms: readonly Filter[], scope: Scope): readonly Sql[] {
  return terms.map((term) => conditionOf(term, scope));
}

function compareSql(comparison: Comparison, scope: Scope): Sql {
  const { edges } = scope;
  if (edges !== undefined && isWithin(comparison.path, edges.attribute)) return compareEdges(edges, comparison);
  const indexed = scope.indexed(comparison);
  const exact = compareValue(comparison, scope);
  return indexed === undefined ? exact : sql`(${indexed} AND ${exact})`;
}

function compareValue(comparison: Comparison, scope: Scope): Sql {
  const column = scope.column(comparison.path);
  if (column !== undefined) return columnMatches(column, comparison);
  const place = scope.place(comparison.path);
  if (place === undefined) throw unanswerable(comparison.path);
  return jsonMatches(place, comparison);
}

function presentSql(path: string, scope: Scope): Sql {
  const { edges } = scope;
  if (edges !== undefined && isWithin(path, edges.attribute)) {
    return edgePresent(edges, path.slice(edges.attribute.length + 1));
  }
  // What every resource has, and no path of its own holds.
  if (edges !== undefined && (path === "meta" || path === "meta.version")) return sql`true`;
  const column = scope.column(path);
  if (column !== undefined) return columnPresent(column);
  const place = scope.place(path);
  if (place === undefined) throw unanswerable(path);
  return jsonPresent(place);
}

/** `emails[type eq "work" and value co "@x"].value eq "…"`: one element must meet every term. */
function elementSql(filter: Extract<Filter, { kind: "element" }>, scope: Scope): Sql {
  const term = wholeTerm(filter);
  const { edges } = scope;
  if (edges?.attribute === filter.path) {
    const only = term.kind === "compare" && term.operator !== "ne" && term.value !== null ? term : undefined;
    const found = only && edges.from(only.path, (column) => columnMatches(column, only));
    return found ?? edgeExists(edges, conditionOf(term, edgeScope(edges)));
  }
  const place = scope.place(filter.path);
  if (place === undefined) throw unanswerable(filter.path);
  const found = sql`EXISTS (SELECT FROM ${jsonElements(place)} AS element(item) WHERE ${conditionOf(term, elementScope(sql`element.item`))})`;
  const email = filter.path === "emails" ? emailIn(term) : undefined;
  const indexed = email && scope.indexed({ ...email, path: "emails.value" });
  return indexed === undefined ? found : sql`(${indexed} AND ${found})`;
}

/** The address that an element of `emails` must have to meet a term. */
function emailIn(term: Filter): Comparison | undefined {
  if (term.kind === "and") return term.terms.map(emailIn).find((found) => found !== undefined);
  const isAddress = term.kind === "compare" && term.path === "value" && term.operator === "eq" && term.value !== null;
  return isAddress ? term : undefined;
}

function hasEmail({ connectionId }: Searched, address: string): Sql {
  return sql`id IN (SELECT user_id FROM directory_email WHERE directory_email.connection_id = ${connectionId} AND email_key = (SELECT rollcall_key(${address})))`;
}

function compareEdges(edges: Edges, comparison: Comparison): Sql {
  const { path, operator, value } = comparison;
  if (operator === "ne") return sql`(NOT ${compareEdges(edges, { ...comparison, operator: "eq" })})`;
  const sub = path.slice(edges.attribute.length + 1);
  // To equal null is to have no edge that says anything there (RFC 7643 §2.5).
  if (value === null) return sql`(NOT ${edgePresent(edges, sub)})`;
  const found = edges.from(sub, (column) => columnMatches(column, comparison));
  return found ?? edgeExists(edges, compareValue({ ...comparison, path: sub }, edgeScope(edges)));
}

function edgePresent(edges: Edges, sub: string): Sql {
  return edgeExists(edges, sub === "" ? sql`true` : presentSql(sub, edgeScope(edges)));
}

function edgeExists(edges: Edges, condition: Sql): Sql {
  return sql`EXISTS (SELECT FROM ${edges.rows} WHERE ${condition})`;
}

function wholeTerm({ term, rest }: Extract<Filter, { kind: "element" }>): Filter {
  return rest === undefined ? term : { kind: "and", terms: [term, { kind: "compare", ...rest }] };
}

function isWithin(path: string, attribute: string): boolean {
  return path === attribute || path.startsWith(`${attribute}.`);
}

function unanswerable(path: string): DirectoryError {
  return new DirectoryError("filter_invalid", `${path} cannot be searched`);
}
