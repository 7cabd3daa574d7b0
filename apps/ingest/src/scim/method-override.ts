import type { FastifyReply, FastifyRequest } from "fastify";
import type { One } from "./resource-routes.ts";
import { callerOf } from "./scim-door.ts";
import { answerUnserved } from "./unserved.ts";

type Handler = (request: FastifyRequest<One>, reply: FastifyReply) => Promise<FastifyReply>;

/**
 * What a POST to one resource does: what X-HTTP-Method-Override says, where the sender's profile
 * permits that, as PingFederate does behind proxies that let GET and POST through alone; else nothing.
 */
export function tunnelled(
  handlers: Readonly<Record<"PUT" | "PATCH" | "DELETE", Handler>>,
): (request: FastifyRequest<One>, reply: FastifyReply) => Promise<FastifyReply> {
  return async (request, reply) => {
    const asked = request.headers["x-http-method-override"];
    const permitted = callerOf(request).profile.methodOverride === "permit";
    if (permitted && (asked === "PUT" || asked === "PATCH" || asked === "DELETE"))
      return handlers[asked](request, reply);
    return answerUnserved(request.server.prefix, request, reply);
  };
}
