import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "./conditional-write.ts";
import { scimErrorBody } from "./scim-error.ts";
import { answer } from "./scim-door.ts";

// RFC 7644 §3.11, §3.4.3, §3.7: parts of SCIM that are not offered.
const notOffered = /^\/(?:bulk|me(?:\/.*)?|\.search|users\/\.search|groups\/\.search)\/?$/i;

const served = [
  { path: /^\/(?:Users|Groups)\/?$/, methods: ["GET", "HEAD", "POST"] },
  { path: /^\/(?:Users|Groups)\/[^/]+\/?$/, methods: ["GET", "HEAD", "PUT", "PATCH", "DELETE"] },
  { path: /^\/ServiceProviderConfig\/?$/, methods: ["GET", "HEAD"] },
  { path: /^\/(?:Schemas|ResourceTypes)(?:\/[^/]+)?\/?$/, methods: ["GET", "HEAD"] },
];

/** Answers what no route serves: 501 for what SCIM knows and this server does not offer, 405, or 404. */
export function answerUnserved(prefix: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = (request.url.split("?", 1)[0] ?? "").slice(prefix.length);
  if (notOffered.test(path))
    throw new DirectoryError("not_implemented", "this part of SCIM is not offered; see /ServiceProviderConfig");

  const route = served.find((candidate) => candidate.path.test(path));
  if (route === undefined || route.methods.includes(request.method)) throw notFound();
  reply.header("allow", route.methods.join(", "));
  return answer(reply, 405, scimErrorBody(405, "method not allowed"));
}
