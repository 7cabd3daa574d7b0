import { DirectoryError, isObject, type JsonObject } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { parseJson } from "../../scim/json-text.ts";
import { verifyToken } from "../signed-token.ts";
import type { HookAnswer, HookRequest, Outcome, SourceAdapter, SourceTools } from "../source-adapter.ts";
import { type NamedSubject, readSubject } from "../subject-identifier.ts";
import { told } from "../vendor-delivery.ts";
import { unverified } from "../verification.ts";

/**
 * Global Token Revocation (draft-parecki-oauth-global-token-revocation): a provider has every token of a
 * user die that was issued until now. It authenticates with a JWT of its own (RFC 7523 §3), whose `jti` is
 * the request: sent again it does nothing more, and with another subject it is refused.
 */
export const tokenRevocation: SourceAdapter = {
  receive: async (request, source, tools) => {
    const id = await verifiedId(request, source, tools);
    const body = parseJson(request.body);
    const subject = subjectIn(body, source);
    const event = told(id, { kind: "sessions_ended", subject: subject.names, occurredAt: undefined });
    return { kind: "events", events: [event], answer: answerTo };
  },
};

async function verifiedId(
  { method, headers, receivedAt }: HookRequest,
  { id, settings }: OpenSource,
  { keys, publicUrl }: SourceTools,
): Promise<string> {
  if (method !== "POST") throw new DirectoryError("not_found", "no such hook");
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  const { issuer, jwksUri } = settings as Readonly<Record<string, string | undefined>>;
  if (token === undefined || issuer === undefined) throw unverified();
  const expected = {
    place: { issuer, jwksUri, discovery: "oidc" },
    audience: `${publicUrl}/hooks/${id}`,
    // An access token, a logout token or a SET of the same issuer is none of these.
    types: ["global-token-revocation+jwt", "jwt", undefined],
    expires: true,
  } as const;
  const { jti } = await verifyToken(keys, token, expected, receivedAt);
  if (typeof jti !== "string" || jti === "") throw unverified();
  return jti;
}

/** `sub_id`; `subject` until draft -02. */
function subjectIn(body: unknown, { settings, connection }: OpenSource): NamedSubject {
  const { issuer = "", sub } = settings as Readonly<Record<string, string | undefined>>;
  const request = isObject(body as JsonObject) ? (body as JsonObject) : {};
  const subject = readSubject(request["sub_id"] ?? request["subject"], { sub: sub === "id" ? "id" : "token", issuer });
  if (subject === undefined || Object.keys(subject.names).length === 0)
    throw new DirectoryError("value_invalid", "sub_id must name a user");
  const { token } = subject.names;
  // A provider speaks for its own users.
  if (token !== undefined && token.iss !== issuer && !connection.issuers.includes(token.iss))
    throw new DirectoryError("forbidden", "the user is another issuer's");
  return subject;
}

function answerTo([outcome]: readonly Outcome[]): HookAnswer {
  if (outcome === "conflict") throw unverified();
  // What tokens carry the name is dead all the same; the provider learns that nobody here is called so.
  if (outcome === "unmatched") throw new DirectoryError("not_found", "no such user");
  return { status: 204 };
}
