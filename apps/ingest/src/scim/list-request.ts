import { DirectoryError, type Listing, type ResourceKind } from "@rollcall/core/domain";
import { pageSizeDefault, pageSizeMax } from "./discovery.ts";
import { parseFilter } from "./filter.ts";
import { type ListParameters, type Query, single } from "./list-parameters.ts";
import { type Projection, readProjection } from "./projection.ts";
import type { ResourceSchema } from "./schema.ts";
import { readSort } from "./sort-request.ts";

/** What a list is asked for. With a cursor, empty at first, its pages follow each other by place (RFC 9865 §2). */
export type ListRequest = {
  readonly listing: Listing;
  readonly page:
    | { readonly by: "index"; readonly startIndex: number; readonly count: number }
    | { readonly by: "cursor"; readonly cursor: string; readonly count: number };
  readonly projections: ReadonlyMap<ResourceKind, Projection>;
};

/** Reads what is asked of a list of one kind, or of both (RFC 7644 §3.4.2.1). */
export function readListRequest(
  schemas: readonly ResourceSchema[],
  parameters: ListParameters,
  base: string,
): ListRequest {
  const sort = readSort(schemas, parameters.sortBy, parameters.sortOrder);
  const { filter } = parameters;
  const parts = schemas.map((schema) => {
    const others = schemas.filter((other) => other !== schema);
    return {
      kind: schema.resourceType,
      filter: filter === undefined || filter.trim() === "" ? undefined : parseFilter(schema, filter, others),
      sortPath: sort?.paths.get(schema.resourceType),
    };
  });
  const projections = new Map(
    schemas.map((schema) => [
      schema.resourceType,
      readProjection(schema, parameters.attributes, parameters.excludedAttributes),
    ]),
  );
  const withMemberships = projections.get("User")?.shows("groups") ?? false;
  return {
    listing: { parts, sort: sort && { as: sort.as, descending: sort.descending }, base, withMemberships },
    page: readPage(parameters),
    projections,
  };
}

/** Reads `attributes` and `excludedAttributes` of any request that is answered with a resource. */
export function readQueryProjection(schema: ResourceSchema, query: Query): Projection {
  return readProjection(schema, single(query, "attributes"), single(query, "excludedAttributes"));
}

function readPage({ startIndex, count, cursor }: ListParameters): ListRequest["page"] {
  if (cursor === undefined) {
    return {
      by: "index",
      startIndex: Math.max(1, integer("startIndex", startIndex, "value_invalid") ?? 1),
      count: Math.min(pageSizeMax, Math.max(0, integer("count", count, "value_invalid") ?? pageSizeDefault)),
    };
  }
  if (startIndex !== undefined) {
    throw new DirectoryError("value_invalid", "give cursor or startIndex, not both: they are two ways to page");
  }
  const wanted = Math.max(0, integer("count", count, "count_invalid") ?? pageSizeDefault);
  if (wanted > pageSizeMax) throw new DirectoryError("count_invalid", `count must be from 0 to ${pageSizeMax}`);
  return { by: "cursor", cursor, count: wanted };
}

function integer(name: string, text: string | undefined, code: "value_invalid" | "count_invalid"): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
  throw new DirectoryError(code, `${name} must be an integer`);
}
