import type { Refused } from "@rollcall/guard";
import { type Identity, removedHeader } from "./identity-headers.ts";

export type AuthzAnswer = {
  readonly status: 200 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type RefusalContext = {
  /** What the log knows the refusal by. */
  readonly requestId: string;
  /** What to answer where the guard cannot tell; nginx turns anything but 401 and 403 into a 500. */
  readonly unavailableStatus: 403 | 503;
};

const realm = 'Bearer realm="api"';
const tokenInvalid = `${realm}, error="invalid_token", error_description="The access token is no longer valid"`;
const invalidBody = problem(401, "token_invalid");

/**
 * What the gateway hands on to the application. Envoy, which leaves alone what it is not told of, is told
 * what to remove; nginx, which sets every header by its name, is spared the reading.
 */
export function allowedAnswer(identity: Identity, gateway: "nginx" | "other"): AuthzAnswer {
  const common = { ...identity, "cache-control": "no-store" };
  const headers =
    gateway === "nginx" ? common : { ...common, "x-envoy-auth-headers-to-remove": removedHeader(identity) };
  return { status: 200, body: "", headers };
}

/** To the outside every refused token is refused alike, whatever the reason; only a missing one differs (RFC 6750 §3.1). */
export function refusedAnswer(
  { reason, status }: Refused,
  { requestId, unavailableStatus }: RefusalContext,
): AuthzAnswer {
  if (status === 503) return unavailableAnswer({ requestId, unavailableStatus });
  const challenge = reason === "token_missing" ? realm : tokenInvalid;
  return { status, headers: { ...commonHeaders(requestId), "www-authenticate": challenge }, body: invalidBody };
}

/** Where nobody can tell whether the bearer may pass. */
export function unavailableAnswer({ requestId, unavailableStatus }: RefusalContext): AuthzAnswer {
  return {
    status: unavailableStatus,
    headers: { ...commonHeaders(requestId), "retry-after": "1" },
    body: problem(unavailableStatus, "authz_unavailable"),
  };
}

function commonHeaders(requestId: string) {
  return { "content-type": "application/problem+json", "cache-control": "no-store", "x-request-id": requestId };
}

function problem(status: number, code: string): string {
  return JSON.stringify({ type: "about:blank", status, code });
}
