import type { FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "./conditional-write.ts";
import { routeTableOf } from "./route-table.ts";
import { scimErrorBody } from "./scim-error.ts";
import { answer } from "./scim-door.ts";

/** Answers what no route serves: what a path takes where that was asked (RFC 9110 §9.3.7), 405, or 404. */
export function answerUnserved(prefix: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = (request.url.split("?", 1)[0] ?? "").slice(prefix.length);
  const methods = routeTableOf(request).methodsFor(path);
  if (methods === undefined) throw notFound();
  if (methods.includes(request.method)) throw notFound();

  reply.header("allow", [...methods, "OPTIONS"].join(", "));
  if (request.method === "OPTIONS") return reply.code(204).send();
  return answer(reply, 405, scimErrorBody(405, `${request.method} is not offered here; see Allow`));
}
