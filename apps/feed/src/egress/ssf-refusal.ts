import { DirectoryError, type ErrorCode, problemStatus } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { FeedRefusal } from "../errors.ts";

/** Whoever has as many followers as they may has to remove one first. */
const statuses = { ...problemStatus, too_many: 409 };

/** RFC 6750 §3.1: the token is good, and not for this. */
export const insufficientScope = new DirectoryError("forbidden", "this needs a token with the scope ssf.manage");

/** Answers a refusal by the table (RFC 9457), and anything else as an outage that says nothing about itself. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, detail, retryAfterSec } = refusalOf(error, request);
  const status = statuses[code];
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 403) reply.header("www-authenticate", 'Bearer error="insufficient_scope", scope="ssf.manage"');
  if (status === 429 || status === 503) reply.header("retry-after", String(retryAfterSec ?? 1));
  return reply
    .code(status)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", status, code, detail, request_id: request.id }));
}

type Refusal = { readonly code: ErrorCode; readonly detail: string; readonly retryAfterSec?: number | undefined };

function refusalOf(error: unknown, request: FastifyRequest): Refusal {
  if (error instanceof DirectoryError) return { code: error.code, detail: error.message };
  if (error instanceof FeedRefusal)
    return { code: "rate_limited", detail: error.message, retryAfterSec: error.circumstances.retryAfterSec };
  const { statusCode = 500 } = error as { readonly statusCode?: number };
  if (statusCode === 413) return { code: "body_too_large", detail: "the body is larger than this route takes" };
  if (statusCode === 415) return { code: "media_type_unsupported", detail: "send application/json" };
  if (statusCode < 500) return { code: "syntax_invalid", detail: "the request is malformed" };
  const what = isTransient(error) ? "the database does not answer" : "a stream could not be served";
  request.log.error({ err: error, request: request.id }, what);
  return { code: "unavailable", detail: "this cannot be answered now: try again in a moment" };
}
