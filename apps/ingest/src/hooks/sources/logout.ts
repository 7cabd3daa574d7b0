import { DirectoryError, isObject, type JsonObject } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { sentAgain } from "../sent-again.ts";
import { verifyToken } from "../signed-token.ts";
import type { HookAnswer, HookRequest, Outcome, SourceAdapter, SourceTools } from "../source-adapter.ts";
import { readSubject } from "../subject-identifier.ts";
import { told } from "../vendor-delivery.ts";
import { unverified } from "../verification.ts";

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
// OpenID Connect Back-Channel Logout 1.0 §2.8.
const uncached = { "cache-control": "no-store" };

/** OpenID Connect Back-Channel Logout 1.0: somebody has logged out, of one session or of all. */
export const logout: SourceAdapter = {
  receive: async (request, source, tools) => {
    const claims = await verifiedClaims(request, source, tools);
    const { jti, iss, sub, sid } = claims;
    if (typeof jti !== "string" || jti === "") throw invalid("the logout token has no jti");
    // §2.6: what is logged out is the one session, where the token names one.
    const isOfSession = sid !== undefined && !(source.settings["ends"] === "subject" && sub !== undefined);
    const subject = readSubject(
      {
        format: "complex",
        ...(sub === undefined ? {} : { user: { format: "iss_sub", iss, sub } }),
        ...(isOfSession ? { session: { format: "opaque", id: sid } } : {}),
      } as JsonObject,
      { sub: "token", issuer: "" },
    );
    if (subject === undefined) throw invalid("the logout token names neither a subject nor a session");
    const { names, session } = subject;
    // Whoever logged out may have logged in again since: what counts is when the provider said so.
    const occurredAt = new Date((claims["iat"] as number) * 1_000);
    const event = told(jti, {
      kind: "sessions_ended",
      subject: names,
      occurredAt,
      ...(session === undefined ? {} : { session }),
    });
    return { kind: "events", events: [event], answer: answerTo };
  },
  // §2.8: every failure is a 400; what may be sent again is told so as everywhere.
  refusal: ({ code, message }) =>
    sentAgain.includes(code)
      ? undefined
      : {
          status: 400,
          headers: { ...uncached, "content-type": "application/json" },
          body: JSON.stringify({ error: "invalid_request", error_description: message }),
        },
};

/** §2.6, steps 1 to 9. */
async function verifiedClaims(
  { method, headers, body, receivedAt }: HookRequest,
  { settings }: OpenSource,
  { keys }: SourceTools,
): Promise<JsonObject> {
  const type = headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (method !== "POST" || type !== "application/x-www-form-urlencoded")
    throw invalid("post a logout_token as application/x-www-form-urlencoded");
  const [token, ...others] = new URLSearchParams(body.toString("utf8")).getAll("logout_token");
  if (token === undefined || others.length > 0) throw invalid("there must be one logout_token");
  const { issuer, audience, jwksUri } = settings as Readonly<Record<string, string | undefined>>;
  if (issuer === undefined || audience === undefined) throw new Error("a logout without an issuer or an audience");
  const expected = {
    place: { issuer, jwksUri, discovery: "oidc" },
    audience,
    types: ["logout+jwt", "jwt", undefined],
    expires: true,
  } as const;
  const claims = await verifyToken(keys, token, expected, receivedAt);
  const { events, nonce } = claims;
  // With a nonce it is an ID token, which anybody may hold who has logged in.
  if (nonce !== undefined) throw unverified();
  if (!isObject(events) || !isObject(events[logoutEvent])) throw invalid("this is no logout token");
  return claims;
}

function answerTo([outcome]: readonly Outcome[]): HookAnswer {
  if (outcome === "conflict") throw unverified();
  return { status: 200, headers: uncached };
}

function invalid(message: string): DirectoryError {
  return new DirectoryError("value_invalid", message);
}
