import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from "fastify";
import { discoveryRoutes } from "./discovery-routes.ts";
import { groupRoutes } from "./group-routes.ts";
import { parseJson } from "./json-text.ts";
import { mediaTypeUnsupported, refuse } from "./refusal.ts";
import { locationsUnder } from "./resource-location.ts";
import { type Caller, callerDecorator, type ScimDeps, type ScimDoor } from "./scim-door.ts";
import { answerUnserved } from "./unserved.ts";
import { standardSchemas } from "./schema.ts";
import { userRoutes } from "./user-routes.ts";

const bodyBytesMax = 1024 * 1024;
const bodyMethods: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

// The whole header and nothing but: a tab or a leading space once got bodies past a parser that
// trimmed what its validator did not.
const scimMediaType =
  /^application\/(?:scim\+)?json(?: *; *[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\\t]*"))* *;? *$/i;
const bearer = /^Bearer +([\w.~+/-]+=*)$/i;

/**
 * SCIM 2.0 (RFC 7644), to be registered under `/scim/v2`. Nothing below the prefix answers anybody
 * whose token names no connection, and no body is read before that.
 */
export function scimRoutes(deps: ScimDeps): FastifyPluginAsync {
  const door: ScimDoor = { ...deps, locations: locationsUnder(deps.publicUrl) };
  // Fastify awaits what a plugin returns, and these registrations have nothing to wait for.
  return (app) => {
    guardDoor(app, door);
    userRoutes(app, door);
    groupRoutes(app, door);
    discoveryRoutes(app, door);
    return Promise.resolve();
  };
}

function guardDoor(app: FastifyInstance, door: ScimDoor): void {
  app.decorateRequest(callerDecorator, null);
  app.addHook("onRequest", async (request) => {
    request.setDecorator<Caller>(callerDecorator, await authenticated(door, request));
    refuseForeignBody(request);
  });
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => answerUnserved(app.prefix, request, reply));

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "*",
    { parseAs: "buffer", bodyLimit: bodyBytesMax },
    async (request: FastifyRequest, body: Buffer) =>
      body.length === 0 || !bodyMethods.has(request.method) ? undefined : parseJson(body),
  );
}

async function authenticated(door: ScimDoor, request: FastifyRequest): Promise<Caller> {
  const token = bearer.exec(request.headers.authorization ?? "")?.[1];
  const known = token === undefined ? undefined : await door.authenticate(token);
  if (known === undefined) throw new DirectoryError("unauthenticated", "a valid bearer token is required");
  const { tenantId, connection } = known;
  return { tenantId, connectionId: connection.id, connection, schemas: standardSchemas };
}

function refuseForeignBody(request: FastifyRequest): void {
  const {
    "content-type": type,
    "content-encoding": encoding,
    "content-length": length,
    "transfer-encoding": transfer,
  } = request.headers;
  // A compressed megabyte may be a gigabyte.
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw mediaTypeUnsupported();
  const hasBody = transfer !== undefined || (length !== undefined && length !== "0");
  if (bodyMethods.has(request.method) && (type === undefined ? hasBody : !scimMediaType.test(type)))
    throw mediaTypeUnsupported();
}
