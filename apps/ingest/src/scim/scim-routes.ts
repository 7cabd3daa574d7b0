import { DirectoryError, profileOf } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { acceptedType } from "./accept.ts";
import { admitRequest } from "./admit-request.ts";
import { bulkRoutes } from "./bulk-routes.ts";
import { requireAccess } from "./caller-access.ts";
import { discoveryRoutes } from "./discovery-routes.ts";
import { groupRoutes } from "./group-routes.ts";
import { innerPurpose } from "./inner-request.ts";
import { parseJson } from "./json-text.ts";
import { meRoutes } from "./me-routes.ts";
import { mediaTypeUnsupported, refuse } from "./refusal.ts";
import { bearerToken, isJsonMediaType } from "./request-headers.ts";
import { locationsUnder } from "./resource-location.ts";
import { reword } from "./reword.ts";
import { recordRoutes } from "./route-table.ts";
import { type Caller, callerDecorator, callerOf, type ScimDeps, type ScimDoor } from "./scim-door.ts";
import { searchRoutes } from "./search-routes.ts";
import { answerUnserved } from "./unserved.ts";
import { userRoutes } from "./user-routes.ts";

const bodyBytesMax = 1024 * 1024;
const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * SCIM 2.0 (RFC 7644), to be registered under `/scim/v2`. Nothing below the prefix answers anybody
 * whose token names no connection, and no body is read before that.
 */
export function scimRoutes(deps: ScimDeps): FastifyPluginAsync {
  const door: ScimDoor = { ...deps, locations: locationsUnder(deps.publicUrl) };
  // Fastify awaits what a plugin returns, and these registrations have nothing to wait for.
  return (app) => {
    recordRoutes(app);
    guardDoor(app, door);
    userRoutes(app, door);
    groupRoutes(app, door);
    searchRoutes(app, door);
    discoveryRoutes(app, door);
    meRoutes(app, door);
    app.register(bulkRoutes(door));
    return Promise.resolve();
  };
}

function guardDoor(app: FastifyInstance, door: ScimDoor): void {
  app.decorateRequest(callerDecorator, null);
  app.addHook("onRequest", async (request) => {
    const caller = innerPurpose(request)?.caller ?? (await authenticated(door, request));
    request.setDecorator<Caller>(callerDecorator, caller);
    refuseFragment(request);
    requireAccess(caller, request);
    refuseForeignBody(request, caller);
    refuseForeignAnswer(request);
  });
  app.addHook("preHandler", (request, reply) => admitRequest(door.admission, request, reply));
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => answerUnserved(app.prefix, request, reply));

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "*",
    { parseAs: "buffer", bodyLimit: bodyBytesMax },
    async (request: FastifyRequest, body: Buffer) =>
      body.length === 0 || !bodyMethods.has(request.method)
        ? undefined
        : reword(callerOf(request).profile, parseJson(body)),
  );
}

async function authenticated(door: ScimDoor, request: FastifyRequest): Promise<Caller> {
  const token = bearerToken(request.headers.authorization);
  const known = token === undefined ? undefined : await door.authenticate(token);
  if (known === undefined) throw new DirectoryError("unauthenticated", "a valid bearer token is required");
  const { tenantId, connection, userId } = known;
  const [, query] = request.url.split("?", 2);
  const profile = profileOf(connection, { userAgent: request.headers["user-agent"], query });
  return {
    tenantId,
    connectionId: connection.id,
    connection,
    userId,
    profile,
    schemas: await door.schemasOf(connection),
  };
}

// RFC 9112 §3.2: a target has no fragment. Whoever routes, reads the query and decodes the path would each end it elsewhere.
function refuseFragment({ url }: FastifyRequest): void {
  if (url.includes("#"))
    throw new DirectoryError("syntax_invalid", "send no fragment: a request target has none (RFC 9112, section 3.2)");
}

function refuseForeignBody(request: FastifyRequest, { profile }: Caller): void {
  const {
    "content-type": type,
    "content-encoding": encoding,
    "content-length": length,
    "transfer-encoding": transfer,
  } = request.headers;
  // A compressed megabyte may be a gigabyte.
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw mediaTypeUnsupported();
  const hasBody = transfer !== undefined || (length !== undefined && length !== "0");
  if (bodyMethods.has(request.method) && (type === undefined ? hasBody : !isJsonMediaType(type, profile)))
    throw mediaTypeUnsupported();
}

// A write is not refused for it: what it does matters more than what its answer is labelled
// (RFC 9110 §12.5.1 leaves the choice).
function refuseForeignAnswer({ method, headers }: FastifyRequest): void {
  if ((method === "GET" || method === "HEAD") && acceptedType(headers.accept) === undefined)
    throw new DirectoryError("not_acceptable", "answers are application/scim+json or application/json");
}
