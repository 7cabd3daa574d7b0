import { type CompareOperator, DirectoryError, type Filter, type FilterValue, foldCase, isId } from "../domain/index.ts";
import { joinSql, Sql, sql } from "./sql.ts";

/** How a resource's attributes are found in its table. */
export type FilterColumns = {
  /** Comparisons that an index answers, or that live outside the attributes; undefined leaves it to the JSON. */
  readonly special: (path: string, operator: CompareOperator, value: FilterValue) => Sql | undefined;
};

const caseExactPaths = new Set(["id", "externalId"]);

export const userColumns: FilterColumns = {
  special: (path, operator, value) => {
    if (path === "userName" && operator === "eq" && typeof value === "string") return sql`user_name_key = ${foldCase(value)}`;
    if (path === "externalId" && operator === "eq") return sql`external_id = ${value}`;
    if (path === "groups.value" || path === "groups") return memberOf(operator, value);
    if (path === "active" && operator === "eq") return sql`active = ${value}`;
    return common(path, operator, value);
  },
};

export const groupColumns: FilterColumns = {
  special: (path, operator, value) => {
    if (path === "displayName" && operator === "eq" && typeof value === "string") return sql`display_name_key = ${foldCase(value)}`;
    if (path === "externalId" && operator === "eq") return sql`external_id = ${value}`;
    if (path === "members.value" || path === "members") {
      if (operator !== "eq") throw unsupported(path, operator);
      return sql`EXISTS (SELECT FROM directory_member AS edge WHERE edge.group_id = directory_group.id AND edge.member = ${value})`;
    }
    return common(path, operator, value);
  },
};

/** RFC 7644 §3.4.2.2 as a condition. Every value is a parameter; a name that is not known compares with nothing. */
export function filterSql(filter: Filter, columns: FilterColumns): Sql {
  switch (filter.kind) {
    case "compare":
      return columns.special(filter.path, filter.operator, filter.value) ?? compareJson(pathSteps(filter.path), filter.operator, filter.value, caseExactPaths.has(filter.path));
    case "present":
      return presentSql(pathSteps(filter.path));
    case "and":
      return sql`(${joinSql(filter.terms.map((term) => filterSql(term, columns)), " AND ")})`;
    case "or":
      return sql`(${joinSql(filter.terms.map((term) => filterSql(term, columns)), " OR ")})`;
    case "not":
      return sql`(NOT coalesce(${filterSql(filter.term, columns)}, false))`;
    case "element":
      return elementSql(filter);
  }
}

function common(path: string, operator: CompareOperator, value: FilterValue): Sql | undefined {
  const order = orderOf(operator);
  if (path === "id") {
    if (operator !== "eq") throw unsupported(path, operator);
    return typeof value === "string" && isId(value) ? sql`id = ${value}` : sql`false`;
  }
  if (path === "meta.created" || path === "meta.lastModified") {
    if (order === undefined || typeof value !== "string" || Number.isNaN(Date.parse(value))) throw unsupported(path, operator);
    return path === "meta.created" ? sql`created_at ${order} ${value}::timestamptz` : sql`updated_at ${order} ${value}::timestamptz`;
  }
  return undefined;
}

function memberOf(operator: CompareOperator, value: FilterValue): Sql {
  if (operator !== "eq") throw unsupported("groups", operator);
  if (typeof value !== "string" || !isId(value)) return sql`false`;
  return sql`EXISTS (SELECT FROM directory_member AS edge WHERE edge.member_id = directory_user.id AND edge.group_id = ${value})`;
}

/** `emails[type eq "work" and value co "@x"].value eq "…"`: one element must meet every term. */
function elementSql(filter: Extract<Filter, { kind: "element" }>): Sql {
  const terms: readonly Filter[] = filter.rest === undefined ? [filter.term] : [filter.term, { kind: "compare", ...filter.rest }];
  const condition = joinSql(terms.map((term) => filterSql(term, { special: () => undefined })), " AND ");
  return sql`EXISTS (SELECT FROM jsonb_array_elements(${arrayAt(pathSteps(filter.path))}) AS element(attributes) WHERE ${condition})`;
}

function compareJson(steps: readonly string[], operator: CompareOperator, value: FilterValue, caseExact: boolean): Sql {
  // An equality with null asks for an attribute without a value (RFC 7643 §2.5).
  if (value === null) return operator === "eq" ? sql`NOT ${presentSql(steps)}` : operator === "ne" ? presentSql(steps) : sql`false`;
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
