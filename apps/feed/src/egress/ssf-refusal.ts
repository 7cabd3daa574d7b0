import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { FeedRefusal } from "../errors.ts";

/** How a receiver is answered. `satisfies` makes a new ErrorCode without a row here a compile error. */
const ssfErrors = {
  unauthenticated: { status: 401 },
  forbidden: { status: 403 },
  not_found: { status: 404 },
  user_name_taken: { status: 409 },
  external_id_taken: { status: 409 },
  group_name_taken: { status: 409 },
  slug_taken: { status: 409 },
  schema_taken: { status: 409 },
  schema_in_use: { status: 409 },
  version_conflict: { status: 412 },
  reference_unresolved: { status: 409 },
  value_invalid: { status: 400 },
  path_invalid: { status: 400 },
  target_missing: { status: 400 },
  attribute_read_only: { status: 400 },
  filter_invalid: { status: 400 },
  cursor_invalid: { status: 400 },
  cursor_expired: { status: 400 },
  count_invalid: { status: 400 },
  syntax_invalid: { status: 400 },
  not_acceptable: { status: 406 },
  media_type_unsupported: { status: 415 },
  body_too_large: { status: 413 },
  too_many: { status: 409 },
  rate_limited: { status: 429 },
  not_implemented: { status: 501 },
  unavailable: { status: 503 },
} satisfies Record<ErrorCode, { readonly status: number }>;

/** RFC 6750 §3.1: the token is good, and not for this. */
export const insufficientScope = new DirectoryError("forbidden", "this needs a token with the scope ssf.manage");

/** Answers a refusal by the table (RFC 9457), and anything else as an outage that says nothing about itself. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code, detail, retryAfterSec } = refusalOf(error, request);
  const { status } = ssfErrors[code];
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
