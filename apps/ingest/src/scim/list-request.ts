import { DirectoryError, type Filter, type PageRequest } from "@rollcall/core/domain";
import { pageSizeMax } from "./discovery.ts";
import { parseFilter } from "./filter.ts";
import { type Projection, readProjection } from "./projection.ts";
import type { ResourceSchema } from "./schema.ts";

const pageSizeDefault = 100;

/** A query string as Fastify reads it: a name that is repeated has several values. */
export type Query = { readonly [name: string]: string | readonly string[] | undefined };

export type ListRequest = {
  readonly filter: Filter | undefined;
  readonly page: PageRequest;
  readonly projection: Projection;
};

/** Reads the query of a list (RFC 7644 §3.4.2); parameters it does not know are the sender's business. */
export function readListRequest(schema: ResourceSchema, query: Query): ListRequest {
  const filter = single(query, "filter");
  return {
    filter: filter === undefined || filter.trim() === "" ? undefined : parseFilter(schema, filter),
    page: {
      startIndex: Math.max(1, integer(query, "startIndex") ?? 1),
      count: Math.min(pageSizeMax, Math.max(0, integer(query, "count") ?? pageSizeDefault)),
    },
    projection: readQueryProjection(schema, query),
  };
}

/** Reads `attributes` and `excludedAttributes` of any request that is answered with a resource. */
export function readQueryProjection(schema: ResourceSchema, query: Query): Projection {
  return readProjection(schema, single(query, "attributes"), single(query, "excludedAttributes"));
}

function single(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined || typeof value === "string") return value;
  throw new DirectoryError("value_invalid", `${name} is given more than once`);
}

function integer(query: Query, name: string): number | undefined {
  const text = single(query, name);
  if (text === undefined || text === "") return undefined;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw new DirectoryError("value_invalid", `${name} must be an integer`);
}
