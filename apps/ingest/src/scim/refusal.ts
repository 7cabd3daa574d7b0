import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RateLimited } from "./rate-limited.ts";
import { pausedRetrySec } from "./connection-paused.ts";
import { answer } from "./scim-door.ts";
import { scimErrorBody, type ScimErrorBody, scimErrors } from "./scim-error.ts";

const retryAfterSec = 1;

// Fastify's own refusals, in our words: its sentences may quote the request.
const frameworkRefusals: ReadonlyMap<string, DirectoryError> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", new DirectoryError("body_too_large", "body is larger than 1 MiB")],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", mediaTypeUnsupported()],
  [
    "FST_ERR_CTP_INVALID_CONTENT_LENGTH",
    new DirectoryError("syntax_invalid", "body does not have the announced length"),
  ],
]);

/** The refusal of a body in a media type that is not SCIM's. */
export function mediaTypeUnsupported(): DirectoryError {
  return new DirectoryError("media_type_unsupported", "send application/scim+json without a content encoding");
}

/** How a failure is told to strangers: a refusal by the table, anything else as an outage that says nothing about itself. */
export type ShownRefusal = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: ScimErrorBody;
};

export function shownRefusal(error: unknown): ShownRefusal {
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    const row: { readonly status: number; readonly scimType?: string } = scimErrors[refusal.code];
    const body = scimErrorBody(row.status, detailOf(refusal), row.scimType);
    return { status: row.status, headers: headersOf(refusal), body };
  }
  const status = statusOf(error);
  const detail = status < 500 ? "request is malformed" : "internal error";
  return { status: status < 500 ? status : 500, headers: {}, body: scimErrorBody(status < 500 ? status : 500, detail) };
}

/** Answers a failure, and logs it where it is no refusal. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  logFailure(error, request);
  const { status, headers, body } = shownRefusal(error);
  return answer(reply.headers(headers), status, body);
}

/** Logs what is no refusal and no fault of the sender. */
export function logFailure(error: unknown, request: FastifyRequest): void {
  const isRefusal = error instanceof DirectoryError || frameworkRefusals.has(codeOf(error) ?? "");
  if (!isRefusal && statusOf(error) >= 500) request.log.error(traceOf(error), "SCIM request failed");
}

function refusalOf(error: unknown): DirectoryError | undefined {
  if (error instanceof DirectoryError) return error;
  const known = frameworkRefusals.get(codeOf(error) ?? "");
  if (known !== undefined || !isTransient(error)) return known;
  return new DirectoryError("unavailable", "try again in a moment");
}

function headersOf(refusal: DirectoryError): ShownRefusal["headers"] {
  if (refusal.code === "unauthenticated") return { "www-authenticate": "Bearer" };
  if (refusal.code === "connection_paused") return { "retry-after": String(pausedRetrySec) };
  if (refusal instanceof RateLimited) return { "retry-after": String(refusal.retryAfterSec) };
  return refusal.code === "unavailable" ? { "retry-after": String(retryAfterSec) } : {};
}

// "Not yours" and "not there" are the same words, whoever says them.
const fixedDetails: { readonly [code in ErrorCode]?: string } = {
  not_found: "no such resource",
  unauthenticated: "a valid bearer token is required",
};

function detailOf(refusal: DirectoryError): string {
  return fixedDetails[refusal.code] ?? refusal.message;
}

function statusOf(error: unknown): number {
  const status = typeof error === "object" && error !== null && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}

// Messages of databases and parsers quote values, so the log gets the place and not the words.
function traceOf(error: unknown) {
  if (!(error instanceof Error)) return { errorName: typeof error };
  const frames = (error.stack ?? "").split("\n").filter((line) => line.startsWith("    at "));
  return { errorName: error.name, errorCode: codeOf(error), frames: frames.slice(0, 12) };
}

function codeOf(error: unknown): string | undefined {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}
