import type { ComparedAs, ListedPart } from "../domain/index.ts";
import { type Column, columnOf, jsonOf, type Searched } from "./resource-columns.ts";
import { edgesOf } from "./resource-edges.ts";
import { type Sql, sql } from "./sql.ts";
import { pathSteps } from "./value-match.ts";

/** What the resources of a kind are sorted by. Null stands for no value. */
export type SortKey = {
  readonly value: Sql;
  readonly nullable: boolean;
  /** No two resources of the list have the same, so the id need not decide between them. */
  readonly unique: boolean;
};

export type KeyType = "text" | "numeric" | "timestamptz";

// Longer texts are told apart by their beginnings only: a cursor carries the key, in a URL.
const keyLengthMax = 512;

/** The type that a list's keys have, whichever kind they are of. */
export function keyTypeOf(as: ComparedAs): KeyType {
  return as === "number" ? "numeric" : as === "time" ? "timestamptz" : "text";
}

/** The key of one kind in a list that is sorted `as`. */
export function sortKeyOf({ sortPath: path }: ListedPart, as: ComparedAs, searched: Searched): SortKey {
  if (path === undefined) return { value: noValue(as), nullable: true, unique: false };
  if (path === "displayName" && searched.kind === "User")
    return { value: sql`display_name_key`, nullable: true, unique: false };

  // What is shown as the version begins with this number.
  if (path === "meta.version") return { value: sql`(version::text COLLATE "C")`, nullable: false, unique: false };
  const column = columnOf(searched, path);
  if (column !== undefined) {
    const unique = column.kind === "text" && column.folded;
    return { value: columnKey(column, as), nullable: path === "externalId", unique };
  }
  return { value: edgeKey(searched, path, as) ?? jsonKey(searched, path, as), nullable: true, unique: false };
}

function noValue(as: ComparedAs): Sql {
  switch (keyTypeOf(as)) {
    case "numeric":
      return sql`NULL::numeric`;
    case "timestamptz":
      return sql`NULL::timestamptz`;
    case "text":
      return sql`NULL::text COLLATE "C"`;
  }
}

function columnKey(column: Column, as: ComparedAs): Sql {
  if (column.kind === "time") return column.value;
  if (column.kind === "boolean") return sql`(${column.value}::text COLLATE "C")`;
  return column.folded ? column.value : textKey(column.value, as);
}

/** In the order of code points, which is that of no locale (RFC 7644 §3.4.2.3). An empty text is no value. */
function textKey(text: Sql, as: ComparedAs): Sql {
  const compared = as === "folded" ? sql`rollcall_fold(${text})` : text;
  return sql`(nullif(left(${compared}, ${keyLengthMax}), '') COLLATE "C")`;
}

/** Edges are sorted by the first that is shown. */
function edgeKey(searched: Searched, path: string, as: ComparedAs): Sql | undefined {
  const edges = edgesOf(searched);
  const [attribute, sub = "value"] = path.split(".");
  const column = attribute === edges.attribute ? edges.column(sub) : undefined;
  return column && sql`(SELECT ${columnKey(column, as)} FROM ${edges.rows} ORDER BY ${edges.order} LIMIT 1)`;
}

/** Of several values the primary decides, else the first (RFC 7644 §3.4.2.3). */
function jsonKey(searched: Searched, path: string, as: ComparedAs): Sql {
  const steps = pathSteps(path);
  const inExtension = path.includes(":");
  const held = steps.slice(0, inExtension ? 2 : 1);
  const [sub] = steps.slice(held.length);
  const value = sql`(${jsonOf(searched, path)} #> ${held}::text[])`;
  const key = (one: Sql): Sql =>
    valueKey(
      sub === undefined ? one : sql`(CASE jsonb_typeof(${one}) WHEN 'object' THEN ${one} -> ${sub}::text END)`,
      as,
    );
  // Only of several values one must be chosen.
  return sql`(CASE jsonb_typeof(${value}) WHEN 'array' THEN (
      SELECT ${key(sql`item`)} FROM jsonb_array_elements(${value}) WITH ORDINALITY AS each(item, nth)
      ORDER BY (item -> 'primary' = 'true') IS TRUE DESC, nth LIMIT 1
    ) ELSE ${key(value)} END)`;
}

function valueKey(json: Sql, as: ComparedAs): Sql {
  const text = sql`(${json} #>> '{}')`;
  switch (as) {
    case "number":
      return sql`(CASE jsonb_typeof(${json}) WHEN 'number' THEN ${text}::numeric END)`;
    case "time":
      return sql`date_trunc('milliseconds', rollcall_time(${text}))`;
    case "boolean":
    case "exact":
    case "folded":
      return textKey(text, as);
  }
}
