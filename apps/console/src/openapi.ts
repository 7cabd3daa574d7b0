import { problemStatus } from "@rollcall/core/domain";
import { z } from "zod";
import type { About } from "./about.ts";

/** A route and what it says of itself. */
export type DescribedRoute = { readonly method: string; readonly path: string; readonly about: About };

type Schema = Readonly<Record<string, unknown>>;

const problemJson = "application/problem+json";

/** Describes routes by what they say of themselves (OpenAPI 3.1), in the order of their paths. */
export function describeRoutes(routes: readonly DescribedRoute[]): object {
  const byPath = Map.groupBy(
    routes.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    ({ path }) => path,
  );
  return {
    openapi: "3.1.1",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "Rollcall admin API",
      version: "1",
      description:
        "For admins and for what works on their behalf. Times are ISO 8601; lists are pages, of which `next` names the one that follows.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(routes.map(tagOf))].toSorted().map((name) => ({ name })),
    paths: Object.fromEntries(
      [...byPath].map(([path, at]) => [bracketed(path), Object.fromEntries(at.map(operation))]),
    ),
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "An admin token: `rollcall token issue admin`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "rollcall_session",
          description: "A browser's. A change also takes the header `X-Rollcall-Request: 1` and our own origin.",
        },
      },
      responses: { Problem: { description: "A refusal (RFC 9457)", content: { [problemJson]: { schema: problem } } } },
    },
  };
}

const problem: Schema = {
  type: "object",
  required: ["type", "status", "code", "detail", "request_id"],
  properties: {
    type: { const: "about:blank" },
    status: { type: "integer" },
    code: { enum: [...Object.keys(problemStatus), "internal"].toSorted() },
    detail: { type: "string", description: "What is wrong, and what to do." },
    problems: {
      type: "array",
      description: "Everything that is wrong with a request, and where.",
      items: {
        type: "object",
        required: ["at", "message"],
        properties: { at: { type: "string" }, message: { type: "string" } },
      },
    },
    request_id: { type: "string", format: "uuid" },
  },
};

const shownRefusal = {
  description: "A refusal: a page for people, and a problem (RFC 9457) for whoever accepts JSON and no page",
  content: { "text/html": { schema: { type: "string" } }, [problemJson]: { schema: problem } },
};

function operation({ method, path, about }: DescribedRoute): readonly [string, object] {
  const { summary, role, scope, status = 200, body } = about;
  const parameters = [...inPath(path), ...inQuery(about), ...inHeaders(method, about)];
  const described = {
    operationId: nameOf(method, path),
    summary,
    tags: [tagOf({ path })],
    ...(scope === "open" ? { security: [] } : {}),
    "x-rollcall-role": scope === "open" ? null : role,
    ...(scope === "house" ? { "x-rollcall-house": true } : {}),
    ...(about.asks === true ? { "x-rollcall-asks": true } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !z.safeParse(body, {}).success,
            content: { "application/json": { schema: schemaOf(body, "input") } },
          },
        }),
    responses: {
      [status]: success(about),
      default: about.visited === true ? shownRefusal : { $ref: "#/components/responses/Problem" },
    },
  };
  return [method.toLowerCase(), described];
}

function success({ answer, mediaType = "application/json", tagged, status }: About): object {
  return {
    description: status === 204 ? "Done" : status === 302 ? "Elsewhere" : "Answered",
    ...(tagged === true && status !== 204 ? { headers: { ETag: { schema: { type: "string" } } } } : {}),
    ...(answer === undefined ? {} : { content: { [mediaType]: { schema: schemaOf(answer, "output") } } }),
  };
}

function inPath(path: string): readonly object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    ...(name === "tenant" || name === "connection" ? { description: "Its slug or its id." } : {}),
  }));
}

function inQuery({ query }: About): readonly object[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    ...(required.includes(name) ? { required: true } : {}),
    schema,
  }));
}

function inHeaders(method: string, { tagged }: About): readonly object[] {
  if (tagged !== true || method === "GET") return [];
  const description = "The `ETag` that was read: if it has changed since, nothing is done and the answer is 412.";
  return [{ name: "If-Match", in: "header", schema: { type: "string" }, description }];
}

/** What a reader or a writer of it has to keep to; checks that only a program can make are left out. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Schema {
  const {
    $schema: _dialect,
    $defs: _definitions,
    ...described
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    reused: "inline",
  });
  // What contains itself, as JSON does, may be anything: a reference would be looked for in the whole document.
  return JSON.parse(JSON.stringify(described), (_name, value: unknown) => (isReference(value) ? {} : value)) as Schema;
}

function isReference(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$ref" in value;
}

function bracketed(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

/** `getTenantsByTenantUsers` from `GET /v1/admin/tenants/:tenant/users`. */
function nameOf(method: string, path: string): string {
  const words = path
    .replace(/^\/v1(?:\/admin)?/, "")
    .split("/")
    .filter((part) => part !== "")
    .map((part) => (part.startsWith(":") ? `By-${part.slice(1)}` : part));
  return [method.toLowerCase(), ...words.join("-").split(/[^A-Za-z0-9]+/)]
    .map((word, at) => (at === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");
}

/** The noun that a route is about. */
function tagOf({ path }: Pick<DescribedRoute, "path">): string {
  const [, , ...parts] = path.replace(/^\/v1\/admin/, "/v1").split("/");
  return (parts[0] === "tenants" ? parts[2] : parts[0]) ?? "tenants";
}
