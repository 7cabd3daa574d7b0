import { METHODS, type ServerResponse } from "node:http";
import type { Guard } from "@rollcall/guard";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { allowedAnswer, type AuthzAnswer, type RefusalContext, refusedAnswer, unavailableAnswer } from "./answer.ts";
import { identityOf } from "./identity-headers.ts";
import { noToken, pathOf, tokenIn } from "./question.ts";

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
  const answerTo = async (request: FastifyRequest): Promise<AuthzAnswer> => {
    try {
      const decision = await guard.check(tokenOf(request), {
        route: routeOf(request, routeFrom),
        requestId: request.id,
      });
      if (decision.allow) {
        request.log.debug({ iss: decision.iss, stale: decision.stale }, "allowed");
        return allowedAnswer(identityOf(decision, guard.status().feed), gatewayOf(request));
      }
      const { reason, iss } = decision;
      request.log.info({ reason, iss }, "refused");
      return refusedAnswer(decision, contextOf(request));
    } catch (error) {
      request.log.error({ err: error }, "a question was not answered");
      return unavailableAnswer(contextOf(request));
    }
  };
  // Asked for every request of somebody's gateway: Fastify's own way to an answer costs as much as the decision.
  const onRequest = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    void answerTo(request).then((answer) => write(reply.raw, answer));
  };

  return async (app) => {
    // Envoy asks with the method of the original request, whatever it is.
    for (const method of METHODS)
      if (!app.supportedMethods.includes(method) && method !== "CONNECT") app.addHttpMethod(method);
    // Answered before Fastify looks at a body, so none of any type or size gets in the way.
    for (const url of [prefix, `${prefix}/*`])
      app.route({ method: app.supportedMethods, url, onRequest, handler: refuseToGoOn });
  };
}

function contextOf(request: FastifyRequest): RefusalContext {
  return { requestId: request.id, unavailableStatus: gatewayOf(request) === "nginx" ? 403 : 503 };
}

function gatewayOf({ url }: FastifyRequest): "nginx" | "other" {
  return pathOf(url) === nginxPath ? "nginx" : "other";
}

function write(response: ServerResponse, { status, headers, body }: AuthzAnswer): void {
  response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }).end(body);
}

/** Without a handler that fails, a hook that did not answer would be a 200. */
async function refuseToGoOn(): Promise<never> {
  throw new Error("the question was not answered");
}

function tokenOf({ raw: { rawHeaders } }: FastifyRequest): string | undefined {
  const found: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === "authorization") found.push(rawHeaders[at + 1] ?? "");
  }
  return found.length > 0 && rawHeaders.length > headersMax * 2 ? noToken : tokenIn(found);
}

function routeOf(request: FastifyRequest, routeFrom: string | undefined): string | undefined {
  if (routeFrom === undefined) return undefined;
  if (routeFrom === "path") return pathOf(request.url).slice(prefix.length);
  const value = request.headers[routeFrom];
  return typeof value === "string" ? pathOf(value) : undefined;
}
