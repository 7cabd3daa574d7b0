import {
  type CompareOperator,
  DirectoryError,
  type Filter,
  type FilterValue,
  foldCase,
  isId,
} from "../domain/index.ts";
import { joinSql, Sql, sql } from "./sql.ts";

/** How a resource is asked about what its attributes do not hold. */
export type FilterColumns = {
  /** Comparisons that an index answers, or that live outside the attributes; undefined leaves it to the JSON. */
  readonly special: (path: string, operator: CompareOperator, value: FilterValue) => Sql | undefined;
  /** The attribute whose elements are membership edges. */
  readonly edges: Edges | undefined;
};

type Edges = { readonly attribute: "groups" | "members"; readonly ofResource: Sql; readonly value: Sql };

const caseExactPaths = new Set(["id", "externalId"]);
// RFC 7643 §3.1: every resource has these, and none of them is among its attributes.
const alwaysPresent = new Set([
  "id",
  "schemas",
  "meta",
  "meta.resourceType",
  "meta.created",
  "meta.lastModified",
  "meta.location",
  "meta.version",
]);

export const userColumns: FilterColumns = {
  special: (path, operator, value) => {
    if (path === "userName" && operator === "eq" && typeof value === "string")
      return sql`user_name_key = ${foldCase(value)}`;
    if (path === "active" && operator === "eq" && typeof value === "boolean") return sql`active = ${value}`;
    return common(path, operator, value, "User");
  },
  edges: { attribute: "groups", ofResource: sql`edge.member_id = directory_user.id`, value: sql`edge.group_id::text` },
};

export const groupColumns: FilterColumns = {
  special: (path, operator, value) => {
    if (path === "displayName" && operator === "eq" && typeof value === "string")
      return sql`display_name_key = ${foldCase(value)}`;
    return common(path, operator, value, "Group");
  },
  edges: { attribute: "members", ofResource: sql`edge.group_id = directory_group.id`, value: sql`edge.member` },
};

/** What is inside an element: nothing but its JSON. */
const elementColumns: FilterColumns = { special: () => undefined, edges: undefined };

/**
 * RFC 7644 §3.4.2.2 as a condition. Every value is a parameter; a name that is not known compares
 * with nothing. Throws `filter_invalid` for what cannot be answered, and never answers it wrongly.
 */
export function filterSql(filter: Filter, columns: FilterColumns): Sql {
  switch (filter.kind) {
    case "compare":
      return compareSql(filter.path, filter.operator, filter.value, columns);
    case "present":
      return presentIn(filter.path, columns);
    case "and":
      return sql`(${joinSql(
        filter.terms.map((term) => filterSql(term, columns)),
        " AND ",
      )})`;
    case "or":
      return sql`(${joinSql(
        filter.terms.map((term) => filterSql(term, columns)),
        " OR ",
      )})`;
    case "not":
      return sql`(NOT coalesce(${filterSql(filter.term, columns)}, false))`;
    case "element":
      return columns.edges?.attribute === filter.path
        ? edgeExists(columns.edges, edgeSql(columns.edges, wholeTerm(filter)))
        : elementSql(filter);
  }
}

function compareSql(path: string, operator: CompareOperator, value: FilterValue, columns: FilterColumns): Sql {
  if (columns.edges !== undefined && isWithin(path, columns.edges.attribute))
    return compareEdges(columns.edges, path, operator, value);
  return (
    columns.special(path, operator, value) ?? compareJson(pathSteps(path), operator, value, caseExactPaths.has(path))
  );
}

function common(
  path: string,
  operator: CompareOperator,
  value: FilterValue,
  resourceType: "User" | "Group",
): Sql | undefined {
  if (path === "externalId" && operator === "eq" && value !== null) return sql`external_id = ${value}`;
  if (!alwaysPresent.has(path)) return undefined;
  if (value === null && (operator === "eq" || operator === "ne")) return operator === "eq" ? sql`false` : sql`true`;
  if (path === "id" && operator === "eq")
    return typeof value === "string" && isId(value) ? sql`id = ${value}` : sql`false`;
  if (path === "meta.resourceType" && operator === "eq") return value === resourceType ? sql`true` : sql`false`;
  if (path === "meta.created" || path === "meta.lastModified") return compareTime(path, operator, value);
  throw unsupported(path, operator);
}

function compareTime(path: "meta.created" | "meta.lastModified", operator: CompareOperator, value: FilterValue): Sql {
  const order = orderOf(operator);
  if (order === undefined || typeof value !== "string" || Number.isNaN(Date.parse(value)))
    throw unsupported(path, operator);
  return path === "meta.created"
    ? sql`created_at ${order} ${value}::timestamptz`
    : sql`updated_at ${order} ${value}::timestamptz`;
}

function presentIn(path: string, columns: FilterColumns): Sql {
  if (columns.edges !== undefined && isWithin(path, columns.edges.attribute)) return presentEdges(columns.edges, path);
  // Only a resource has columns of its own; an element may well have an `id` in its JSON.
  if (columns.edges !== undefined && alwaysPresent.has(path)) return sql`true`;
  return presentSql(pathSteps(path));
}

function isWithin(path: string, attribute: string): boolean {
  return path === attribute || path.startsWith(`${attribute}.`);
}

function compareEdges(edges: Edges, path: string, operator: CompareOperator, value: FilterValue): Sql {
  if (path !== edges.attribute && path !== `${edges.attribute}.value`) throw unsupported(path, operator);
  if (operator !== "eq" && operator !== "ne") throw unsupported(path, operator);
  const found = edgeExists(edges, value === null ? sql`true` : sql`${edges.value} = ${value}`);
  // Equal to null is to have none (RFC 7643 §2.5), so here the two operators change places.
  return (operator === "eq") === (value !== null) ? found : sql`NOT ${found}`;
}

function presentEdges(edges: Edges, path: string): Sql {
  if (path !== edges.attribute && path !== `${edges.attribute}.value`) throw unsupported(path, "pr");
  return edgeExists(edges, sql`true`);
}

function edgeExists(edges: Edges, condition: Sql): Sql {
  return sql`EXISTS (SELECT FROM directory_member AS edge WHERE ${edges.ofResource} AND ${condition})`;
}

/** What one edge must meet: its `value`, in any combination; an edge knows no more of itself. */
function edgeSql(edges: Edges, term: Filter): Sql {
  switch (term.kind) {
    case "and":
      return sql`(${joinSql(
        term.terms.map((one) => edgeSql(edges, one)),
        " AND ",
      )})`;
    case "or":
      return sql`(${joinSql(
        term.terms.map((one) => edgeSql(edges, one)),
        " OR ",
      )})`;
    case "not":
      return sql`(NOT ${edgeSql(edges, term.term)})`;
    case "present":
      if (term.path === "value") return sql`true`;
      throw unsupported(`${edges.attribute}.${term.path}`, "pr");
    case "compare":
      if (term.path !== "value" || (term.operator !== "eq" && term.operator !== "ne"))
        throw unsupported(`${edges.attribute}.${term.path}`, term.operator);
      if (term.value === null) return term.operator === "eq" ? sql`false` : sql`true`;
      return term.operator === "eq" ? sql`${edges.value} = ${term.value}` : sql`${edges.value} <> ${term.value}`;
    case "element":
      throw unsupported(`${edges.attribute}.${term.path}`, "[ ]");
  }
}

function wholeTerm(filter: Extract<Filter, { kind: "element" }>): Filter {
  return filter.rest === undefined
    ? filter.term
    : { kind: "and", terms: [filter.term, { kind: "compare", ...filter.rest }] };
}

/** `emails[type eq "work" and value co "@x"].value eq "…"`: one element must meet every term. */
function elementSql(filter: Extract<Filter, { kind: "element" }>): Sql {
  const condition = filterSql(wholeTerm(filter), elementColumns);
  return sql`EXISTS (SELECT FROM jsonb_array_elements(${arrayAt(pathSteps(filter.path))}) AS element(attributes) WHERE ${condition})`;
}

function compareJson(steps: readonly string[], operator: CompareOperator, value: FilterValue, caseExact: boolean): Sql {
  // An equality with null asks for an attribute without a value (RFC 7643 §2.5).
  if (value === null)
    return operator === "eq" ? sql`NOT ${presentSql(steps)}` : operator === "ne" ? presentSql(steps) : sql`false`;
  const matches = valueMatches(operator === "ne" ? "eq" : operator, value, caseExact);
  const exists = sql`EXISTS (SELECT FROM ${valuesAt(steps)} AS found(value) WHERE ${matches})`;
  return operator === "ne" ? sql`NOT ${exists}` : exists;
}

function valueMatches(operator: CompareOperator, value: Exclude<FilterValue, null>, caseExact: boolean): Sql {
  const order = orderOf(operator);
  if (typeof value === "boolean") {
    if (operator !== "eq") throw unsupported("a boolean", operator);
    return sql`found.value = ${JSON.stringify(value)}::jsonb`;
  }
  if (typeof value === "number") {
    if (order === undefined) throw unsupported("a number", operator);
    return sql`jsonb_typeof(found.value) = 'number' AND (found.value)::numeric ${order} ${value}::numeric`;
  }
  const found = caseExact ? sql`(found.value #>> '{}')` : sql`lower(normalize(found.value #>> '{}', NFKC))`;
  const wanted = caseExact ? value : foldCase(value);
  if (order !== undefined) return sql`${found} ${order} ${wanted} COLLATE "C"`;
  switch (operator) {
    case "co":
      return sql`strpos(${found}, ${wanted}) > 0`;
    case "sw":
      return sql`starts_with(${found}, ${wanted})`;
    default:
      return sql`right(${found}, length(${wanted}::text)) = ${wanted}`;
  }
}

function orderOf(operator: CompareOperator): Sql | undefined {
  switch (operator) {
    case "eq":
      return new Sql(["="], []);
    case "gt":
      return new Sql([">"], []);
    case "ge":
      return new Sql([">="], []);
    case "lt":
      return new Sql(["<"], []);
    case "le":
      return new Sql(["<="], []);
    default:
      return undefined;
  }
}

function presentSql(steps: readonly string[]): Sql {
  return sql`EXISTS (SELECT FROM ${valuesAt(steps)} AS found(value) WHERE found.value NOT IN ('null', '""', '[]', '{}'))`;
}

/**
 * Every value at a path. Lax mode walks through arrays on its own (SQL/JSON path), and a
 * multi-valued complex attribute without a sub-attribute means its `value` (RFC 7644 §3.4.2.2).
 */
function valuesAt(steps: readonly string[]): Sql {
  const path = `lax $${steps.map((step) => `.${JSON.stringify(step)}`).join("")}`;
  const found = sql`jsonb_path_query(attributes, ${path}::jsonpath)`;
  return sql`(SELECT CASE WHEN jsonb_typeof(leaf) = 'object' AND leaf ? 'value' THEN leaf -> 'value' ELSE leaf END
    FROM ${found} AS top(item), LATERAL (SELECT jsonb_path_query(item, 'lax $[*]')) AS each(leaf))`;
}

function arrayAt(steps: readonly string[]): Sql {
  return sql`CASE WHEN jsonb_typeof(attributes #> ${steps}::text[]) = 'array' THEN attributes #> ${steps}::text[] ELSE '[]'::jsonb END`;
}

/** `name.givenName` → two steps; `urn:…:User:department` → the extension, then its attribute. */
function pathSteps(path: string): readonly string[] {
  if (!path.startsWith("urn:")) return path.split(".");
  const colon = path.lastIndexOf(":");
  return [path.slice(0, colon), ...path.slice(colon + 1).split(".")];
}

function unsupported(path: string, operator: string): DirectoryError {
  return new DirectoryError("filter_invalid", `${path} cannot be compared with ${operator}`);
}
