import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";

/** RFC 9110 §15. `satisfies` makes a new ErrorCode without a row here a compile error. */
const adminErrors = {
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
  too_many: { status: 400 },
  rate_limited: { status: 429 },
  not_implemented: { status: 501 },
  unavailable: { status: 503 },
} satisfies Record<ErrorCode, { readonly status: number }>;

/** One thing that is wrong with a request, and where. */
export type Problem = { readonly at: string; readonly message: string };

/** A request that does not have the shape its route takes, with everything that is wrong at once. */
export class RequestInvalid extends DirectoryError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super("value_invalid", problems.map(({ at, message }) => (at === "" ? message : `${at}: ${message}`)).join("; "));
    this.name = "RequestInvalid";
    this.problems = problems;
  }
}

const retryAfterSec = 1;

// The framework's own refusals, in our words: its sentences may quote the request.
const frameworkRefusals: ReadonlyMap<string, DirectoryError> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", new DirectoryError("body_too_large", "body is larger than 64 KiB")],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", mediaTypeUnsupported()],
  [
    "FST_ERR_CTP_INVALID_CONTENT_LENGTH",
    new DirectoryError("syntax_invalid", "body does not have the announced length"),
  ],
  ["FST_ERR_CTP_INVALID_JSON_BODY", new DirectoryError("syntax_invalid", "body is not JSON")],
]);

export function mediaTypeUnsupported(): DirectoryError {
  return new DirectoryError("media_type_unsupported", "send application/json without a content encoding");
}

/** Answers a refusal by the table (RFC 9457), and anything else as an outage that says nothing about itself. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = error instanceof DirectoryError ? error : frameworkRefusals.get(codeOf(error) ?? "");
  if (refusal !== undefined) {
    if (refusal.code === "unauthenticated") reply.header("www-authenticate", "Bearer");
    if (refusal.code === "unavailable") reply.header("retry-after", String(retryAfterSec));
    const problems = refusal instanceof RequestInvalid ? { problems: refusal.problems } : {};
    return answer(request, reply, adminErrors[refusal.code].status, refusal.code, refusal.message, problems);
  }
  const status = statusOf(error);
  if (status < 500) return answer(request, reply, status, "syntax_invalid", "request is malformed", {});
  request.log.error({ err: error, request: request.id }, "an admin request failed");
  if (isTransient(error)) {
    reply.header("retry-after", String(retryAfterSec));
    return answer(request, reply, 503, "unavailable", "the database does not answer; try again in a moment", {});
  }
  return answer(request, reply, 500, "internal", "internal error", {});
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  code: ErrorCode | "internal",
  detail: string,
  more: { readonly problems?: readonly Problem[] },
): FastifyReply {
  const body = { type: "about:blank", status, code, detail, ...more, request_id: request.id };
  return reply.code(status).type("application/problem+json; charset=utf-8").send(JSON.stringify(body));
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
