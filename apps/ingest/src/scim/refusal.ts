import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import { isTransient } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { scimErrorBody, scimErrors } from "./scim-error.ts";
import { answer } from "./scim-door.ts";

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

/** Answers a refusal by the table, and anything else as an outage that says nothing about itself. */
export function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return answerRefusal(reply, refusal);

  const status = statusOf(error);
  if (status < 500) return answer(reply, status, scimErrorBody(status, "request is malformed"));
  request.log.error(traceOf(error), "SCIM request failed");
  if (isTransient(error)) return answerRefusal(reply, new DirectoryError("unavailable", "try again in a moment"));
  return answer(reply, 500, scimErrorBody(500, "internal error"));
}

function refusalOf(error: unknown): DirectoryError | undefined {
  if (error instanceof DirectoryError) return error;
  return frameworkRefusals.get(codeOf(error) ?? "");
}

function answerRefusal(reply: FastifyReply, refusal: DirectoryError): FastifyReply {
  const row: { readonly status: number; readonly scimType?: string } = scimErrors[refusal.code];
  if (refusal.code === "unauthenticated") reply.header("www-authenticate", "Bearer");
  if (refusal.code === "unavailable") reply.header("retry-after", String(retryAfterSec));
  return answer(reply, row.status, scimErrorBody(row.status, detailOf(refusal), row.scimType));
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
