import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { readSet } from "../security-event-token.ts";
import { TokenRefused, type TokenFault } from "../signed-token.ts";
import { sentAgain } from "../sent-again.ts";
import type { HookAnswer, HookRequest, SourceAdapter } from "../source-adapter.ts";
import { requireAuthorization } from "../authorization.ts";

/** RFC 8935 §2.4. */
type SetError = "invalid_request" | "invalid_key" | "invalid_issuer" | "invalid_audience" | "authentication_failed";

const errors = {
  malformed: "invalid_request",
  type: "invalid_request",
  time: "invalid_request",
  issuer: "invalid_issuer",
  audience: "invalid_audience",
  algorithm: "invalid_key",
  key: "invalid_key",
  signature: "authentication_failed",
} as const satisfies Record<TokenFault, SetError>;

/** Just within what `source_event` remembers: a SET that is older may be one that was taken in and forgotten. */
const ageSecMax = 29 * 86_400;

/** What is told to wait, or that the address is wrong, is no SET's fault. */
const others: readonly ErrorCode[] = [...sentAgain, "not_found"];

/** SETs that a transmitter pushes (RFC 8935): CAEP, RISC and SCIM events, answered once they are committed. */
export const ssfPush: SourceAdapter = {
  receive: async (request, source, { keys }) => {
    requireRequest(request, source);
    const { delivery } = await readSet(keys, request.body.toString("latin1"), source, request.receivedAt, ageSecMax);
    return { ...delivery, answer: { status: 202 } };
  },
  refusal: (error) => (others.includes(error.code) ? undefined : refusalOf(setErrorOf(error), error.message)),
};

/** The code of RFC 8935 §2.4 for a SET that is not taken. */
export function setErrorOf(error: DirectoryError): SetError {
  if (error instanceof TokenRefused) return errors[error.fault];
  return error.code === "unauthenticated" ? "authentication_failed" : "invalid_request";
}

function requireRequest(request: HookRequest, source: OpenSource): void {
  const { "content-type": type = "", authorization } = request.headers;
  if (request.method !== "POST" || type.split(";", 1)[0]?.trim().toLowerCase() !== "application/secevent+jwt")
    throw new DirectoryError("syntax_invalid", "push a SET with the content type application/secevent+jwt");
  // The signature is what is believed. Who was told to send our secret as well, and sends another, is not who was told.
  if (authorization !== undefined || source.settings["authorization"] === "required")
    requireAuthorization(request, source);
}

function refusalOf(err: SetError, description: string): HookAnswer {
  return {
    status: 400,
    headers: { "content-type": "application/json", "content-language": "en", "cache-control": "no-store" },
    body: JSON.stringify({ err, description }),
  };
}
