import { DirectoryError, isObject, type Json } from "@rollcall/core/domain";
import { refuseUnsafe } from "./json-text.ts";
import { requireMessage } from "./message-schema.ts";
import { isArray } from "./same-json.ts";

/** A query string as Fastify reads it: a name that is repeated has several values. */
export type Query = { readonly [name: string]: string | readonly string[] | undefined };

const names = [
  "attributes",
  "excludedAttributes",
  "filter",
  "sortBy",
  "sortOrder",
  "startIndex",
  "count",
  "cursor",
] as const;

/** What may be asked of a list, as text, from a query or a body (RFC 7644 §3.4.2, §3.4.3; RFC 9865 §2). */
export type ListParameters = { readonly [Name in (typeof names)[number]]: string | undefined };

/** Reads the parameters of a GET; those it does not know are the sender's business. */
export function readQuery(query: Query): ListParameters {
  return parametersOf((name) => single(query, name));
}

/** One value of a query. Throws `value_invalid` where it is given more than once. */
export function single(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === "string") return value;
  throw new DirectoryError("value_invalid", `${name} is given more than once`);
}

/** Reads a SearchRequest (RFC 7644 §3.4.3): the same parameters, with lists as arrays and numbers as numbers. */
export function readSearchRequest(body: Json | undefined): ListParameters {
  if (!isObject(body)) throw new DirectoryError("syntax_invalid", "body must be a SearchRequest");
  refuseUnsafe(body);
  const members = new Map(Object.entries(body).map(([name, value]) => [name.toLowerCase(), value]));
  requireMessage(members.get("schemas"), "SearchRequest");
  return parametersOf((name) => textOf(name, members.get(name.toLowerCase())));
}

function parametersOf(read: (name: string) => string | undefined): ListParameters {
  return Object.fromEntries(names.map((name) => [name, read(name)])) as ListParameters;
}

function textOf(name: string, value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  const isList = name === "attributes" || name === "excludedAttributes";
  if (isList && isArray(value) && value.every((one) => typeof one === "string")) return value.join(",");
  const isNumber = name === "startIndex" || name === "count";
  if (isNumber && typeof value === "number") return String(value);
  throw new DirectoryError(
    "value_invalid",
    `${name} must be ${isList ? "a list of names" : isNumber ? "a number" : "a string"}`,
  );
}
