import type { Allowed, Refused } from "@rollcall/guard";

export type AuthzAnswer = {
  readonly status: 200 | 401 | 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | undefined;
};

export type RefusalContext = {
  readonly requestId: string;
  /** What to answer where the guard cannot tell; nginx turns anything but 401 and 403 into a 500. */
  readonly unavailableStatus: 403 | 503;
};

const realm = 'Bearer realm="api"';
const tokenInvalid = `${realm}, error="invalid_token", error_description="The access token is no longer valid"`;

/** What the gateway hands on to the application. Every name is there, so that a gateway which copies them overwrites a client's own. */
export function allowedAnswer({ iss, sub, tenant, user }: Allowed, asOf: number | undefined): AuthzAnswer {
  return {
    status: 200,
    body: undefined,
    headers: {
      "x-auth-subject": visible(sub),
      "x-auth-issuer": visible(iss),
      "x-auth-tenant": visible(tenant ?? ""),
      "x-auth-user-id": visible(user?.id ?? ""),
      "x-auth-groups": (user?.groups ?? []).map((group) => visible(group).replaceAll(",", "%2C")).join(","),
      "x-revocation-as-of": asOf === undefined ? "" : String(asOf),
      "cache-control": "no-store",
    },
  };
}

/** To the outside every refused token is refused alike, whatever the reason; only a missing one differs (RFC 6750 §3.1). */
export function refusedAnswer(
  { reason, status }: Refused,
  { requestId, unavailableStatus }: RefusalContext,
): AuthzAnswer {
  if (status === 503) {
    return {
      status: unavailableStatus,
      headers: { "retry-after": "1", "cache-control": "no-store" },
      body: problem(unavailableStatus, "authz_unavailable", requestId),
    };
  }
  return {
    status,
    headers: { "www-authenticate": reason === "token_missing" ? realm : tokenInvalid, "cache-control": "no-store" },
    body: problem(status, "token_invalid", requestId),
  };
}

function problem(status: number, code: string, requestId: string): object {
  return { type: "about:blank", status, code, request_id: requestId };
}

/** Percent-encodes what is no visible ASCII, and the percent sign, so that decoding always gives the value back. */
function visible(value: string): string {
  return value.toWellFormed().replaceAll(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}
