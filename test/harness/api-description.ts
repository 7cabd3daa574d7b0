import type { JsonSchema } from "./json-schema.ts";
import type { House } from "./house.ts";

export type ApiOperation = {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
  /** It asks, and changes nothing. */
  readonly "x-rollcall-asks"?: true;
  readonly "x-rollcall-house"?: true;
};

export type ApiRoute = { readonly method: string; readonly path: string; readonly operation: ApiOperation };

/** The description of the API as it is served to anybody, and every route in it. */
export async function readApiDescription(
  house: Pick<House, "url">,
): Promise<{ readonly document: Readonly<Record<string, unknown>>; readonly routes: readonly ApiRoute[] }> {
  const answer = await fetch(`${house.url}/v1/admin/openapi.json`);
  const document = (await answer.json()) as Readonly<Record<string, unknown>>;
  const paths = document["paths"] as Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  const routes = Object.entries(paths).flatMap(([path, at]) =>
    Object.entries(at).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  return { document, routes };
}

/** The route's name in the house's own table: `GET /v1/admin/tenants/:tenant`. */
export function routeName({ method, path }: ApiRoute): string {
  return `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`;
}
