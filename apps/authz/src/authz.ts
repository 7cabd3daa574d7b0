import { METHODS } from "node:http";
import type { Guard } from "@rollcall/guard";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { allowedAnswer, refusedAnswer } from "./answer.ts";

export type AuthzRoutesOptions = {
  /**
   * Where the route is found that `stale` may depend on: a header that the gateway always sets, or `path`,
   * what follows `/authz`. A header the gateway does not set would let the client choose.
   */
  readonly routeFrom?: string | undefined;
};

const headersMax = 100;
const prefix = "/authz";
const nginxPath = `${prefix}/nginx`;

/** Answers a gateway's question about one request: `/authz` and all under it, any method, by its headers alone. */
export function authzRoutes(guard: Guard, { routeFrom }: AuthzRoutesOptions = {}): FastifyPluginAsync {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const decision = await guard.check(tokenOf(request), { route: routeOf(request, routeFrom) });
    if (decision.allow) {
      request.log.debug({ iss: decision.iss, stale: decision.stale }, "allowed");
      const { headers } = allowedAnswer(decision, guard.status().feed?.asOf);
      return reply.code(200).headers(headers).send();
    }
    const { reason, iss } = decision;
    request.log.info({ reason, iss }, "refused");
    const unavailableStatus = pathOf(request.url) === nginxPath ? 403 : 503;
    const { status, headers, body } = refusedAnswer(decision, { requestId: request.id, unavailableStatus });
    return reply.code(status).headers(headers).type("application/problem+json").send(JSON.stringify(body));
  };

  return async (app) => {
    // Envoy asks with the method of the original request, whatever it is.
    for (const method of METHODS)
      if (!app.supportedMethods.includes(method) && method !== "CONNECT") app.addHttpMethod(method);
    // Answered before Fastify looks at a body, so none of any type or size gets in the way.
    for (const url of [prefix, `${prefix}/*`])
      app.route({ method: app.supportedMethods, url, onRequest: answer, handler: refuseToGoOn });
  };
}

/** Without a handler that fails, a hook that did not answer would be a 200. */
async function refuseToGoOn(): Promise<never> {
  throw new Error("the question was not answered");
}

/** RFC 6750 §2.1; a token in the query or the body is not looked for. */
function tokenOf({ raw: { rawHeaders } }: FastifyRequest): string | undefined {
  const found: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === "authorization") found.push(rawHeaders[at + 1] ?? "");
  }
  const [value] = found;
  if (value === undefined) return undefined;
  // Of two the application might believe the other one. What is no token is refused as malformed.
  if (found.length > 1 || rawHeaders.length > headersMax * 2) return " ";
  return /^bearer(?: +(.*))?$/i.exec(value)?.[1];
}

function routeOf(request: FastifyRequest, routeFrom: string | undefined): string | undefined {
  if (routeFrom === undefined) return undefined;
  if (routeFrom === "path") return pathOf(request.url).slice(prefix.length);
  const value = request.headers[routeFrom];
  return typeof value === "string" ? pathOf(value) : undefined;
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
