import { DirectoryError, type ErrorCode, problemStatus } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { showLoginRefused } from "./login-refused-page.ts";

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

/** What is answered instead of what was asked for. */
export type Refusal = {
  readonly status: number;
  readonly code: ErrorCode | "internal";
  readonly detail: string;
  readonly problems?: readonly Problem[];
  readonly retryAfterSec?: number;
};

/**
 * Answers a refusal by the table (RFC 9457), and anything else as an outage that says nothing about itself.
 * Where people come with a browser it is a page.
 */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error, request);
  reply.code(refusal.status);
  if (refusal.code === "unauthenticated") reply.header("www-authenticate", "Bearer");
  if (refusal.retryAfterSec !== undefined) reply.header("retry-after", String(refusal.retryAfterSec));
  if (request.routeOptions.config.about?.visited === true) {
    reply.header("vary", "accept");
    if (!asksForJson(request)) return showLoginRefused(request, reply, refusal, error);
  }
  const { status, code, detail, problems } = refusal;
  const more = problems === undefined ? {} : { problems };
  const body = { type: "about:blank", status, code, detail, ...more, request_id: request.id };
  return reply.type("application/problem+json; charset=utf-8").send(JSON.stringify(body));
}

function refusalOf(error: unknown, request: FastifyRequest): Refusal {
  const refused = error instanceof DirectoryError ? error : frameworkRefusals.get(codeOf(error) ?? "");
  if (refused !== undefined) {
    const { code, message: detail, cause } = refused;
    if (cause instanceof Error) {
      // What the browser is not told somebody must be able to read; what a cause was made of, nobody.
      request.log.warn({ request: request.id, code, why: `${cause.name}: ${cause.message}` }, "a request was refused");
    }
    const problems = refused instanceof RequestInvalid ? { problems: refused.problems } : {};
    return { status: problemStatus[code], code, detail, ...problems, ...waitOf(code) };
  }
  const status = statusOf(error);
  if (status < 500) return { status, code: "syntax_invalid", detail: "request is malformed" };
  request.log.error({ err: error, request: request.id }, "an admin request failed");
  return isTransient(error)
    ? {
        status: 503,
        code: "unavailable",
        detail: "the database does not answer; try again in a moment",
        ...waitOf("unavailable"),
      }
    : { status: 500, code: "internal", detail: "internal error" };
}

function waitOf(code: ErrorCode): Pick<Refusal, "retryAfterSec"> {
  // Logins are counted by the minute.
  if (code === "rate_limited") return { retryAfterSec: 60 };
  return code === "unavailable" ? { retryAfterSec: 1 } : {};
}

/** A browser asks for pages first; who names JSON and no page is a program. */
function asksForJson({ headers: { accept = "" } }: FastifyRequest): boolean {
  return /\bapplication\/(?:problem\+)?json\b/i.test(accept) && !/\btext\/html\b/i.test(accept);
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
