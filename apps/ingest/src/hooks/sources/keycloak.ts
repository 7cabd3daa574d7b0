import { createHash } from "node:crypto";
import { DirectoryError, isObject, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { requireAuthorization } from "../authorization.ts";
import { timeOf } from "../reading.ts";
import { TokenRefused, verifyToken } from "../signed-token.ts";
import type { HookRequest, SourceAdapter, SourceTools } from "../source-adapter.ts";
import { userState } from "../user-state.ts";
import { deliveryOf, type Reading, told } from "../vendor-delivery.ts";
import { objectOf, parsedJson, readVendorJson, textOf } from "../vendor-json.ts";
import { hmacSha256, isSecret, sameText, unverified } from "../verification.ts";

/** So long Keycloak lets its token live. */
const tokenAgeSecMax = 300;

/** What users do themselves, or what is done to them at the login. */
const accessKinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["access.LOGOUT", "sessions_ended"],
  ["access.DELETE_ACCOUNT", "deleted"],
  ["access.USER_DISABLED_BY_PERMANENT_LOCKOUT", "disabled"],
  ["access.REGISTER", "created"],
  ["access.UPDATE_PROFILE", "changed"],
  ["access.UPDATE_EMAIL", "changed"],
]);

const adminKinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["admin.USER-CREATE", "created"],
  ["admin.USER-UPDATE", "changed"],
  ["admin.USER-DELETE", "deleted"],
]);

/** Of a user where the path begins with one; of a group's own roles it does not. */
const membership = /^admin\.(?:GROUP_MEMBERSHIP|(?:REALM|CLIENT)_ROLE(?:_MAPPING)?)-(?:CREATE|UPDATE|DELETE)$/;

/** Keycloak with p2-inc/keycloak-events: one event at a time, verified in the way that its webhook is set to. */
export const keycloak: SourceAdapter = {
  receive: async (request, source, tools) => {
    await requireVerified(request, source, tools);
    return deliveryOf(
      [readVendorJson(request.body)],
      ({ uid }) => textOf(uid),
      (event) => read(event, source),
    );
  },
};

async function requireVerified(request: HookRequest, source: OpenSource, tools: SourceTools): Promise<void> {
  switch (source.settings["verification"]) {
    case "hmac": {
      const expected = source.secrets.map((secret) => hmacSha256(secret, request.body, "hex"));
      if (!isSecret(request.headers["x-keycloak-signature"]?.toString(), expected)) throw unverified();
      return;
    }
    case "jwt":
      return requireRealmToken(request, source, tools);
    case "bearer":
      return requireAuthorization(request, source);
    default:
      throw unverified();
  }
}

/** A token that the realm has signed for this body: another's token, or this one with another body, is nobody's. */
async function requireRealmToken(
  { headers, body, receivedAt }: HookRequest,
  { id, connection, settings }: OpenSource,
  { keys, publicUrl }: SourceTools,
): Promise<void> {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  if (token === undefined) throw unverified();
  for (const issuer of connection.issuers) {
    const expected = {
      place: { issuer, jwksUri: undefined, discovery: "oidc" },
      audience: textOf(settings["audience"]) ?? `${publicUrl}/hooks/${id}`,
      types: ["jwt", undefined],
      expires: true,
      ageSecMax: tokenAgeSecMax,
    } as const;
    const claims = await verifyToken(keys, token, expected, receivedAt).catch((error: unknown) => {
      if (!(error instanceof TokenRefused)) throw error;
      return undefined;
    });
    const hash = claims?.["request_body_sha256"];
    if (typeof hash === "string" && sameText(hash, createHash("sha256").update(body).digest("hex"))) return;
  }
  throw unverified();
}

function read(event: JsonObject, source: OpenSource): Reading {
  const type = textOf(event["type"]);
  if (type === undefined) throw new DirectoryError("value_invalid", "an event must have a type");
  if (event["error"] !== undefined && event["error"] !== null) return { ignored: "what it tells of did not succeed" };
  if (!isOfRealm(type, event, textOf(source.settings["realm"]))) return { ignored: "it is of another realm" };
  return type.startsWith("access.") ? readAccess(type, event) : readAdmin(type, event, source);
}

/** An admin event calls its realm by name and an access event by id, with the name beside it. */
function isOfRealm(type: string, event: JsonObject, realm: string | undefined): boolean {
  if (realm === undefined || event["realmId"] === realm) return true;
  return type.startsWith("access.") && objectOf(event["authDetails"])["realmId"] === realm;
}

function readAccess(type: string, event: JsonObject): Reading {
  const kind = accessKinds.get(type);
  if (kind === undefined) return { ignored: "events of this type say nothing of users" };
  const details = objectOf(event["authDetails"]);
  const subject = { id: textOf(details["userId"]), userName: textOf(details["username"]) };
  const session = kind === "sessions_ended" ? textOf(details["sessionId"]) : undefined;
  if (subject.id === undefined && session === undefined)
    throw new DirectoryError("value_invalid", "authDetails must name the user by userId");
  return [told(textOf(event["uid"]), { kind, subject, session, occurredAt: timeOf(event["time"]) })];
}

function readAdmin(type: string, event: JsonObject, source: OpenSource): Reading {
  const [collection, id, part] = (textOf(event["resourcePath"]) ?? "").split("/");
  const userId = collection === "users" && id !== "" ? id : undefined;
  const base = { subject: { id: userId }, occurredAt: timeOf(event["time"]) };
  const uid = textOf(event["uid"]);
  const kind = adminKinds.get(type);
  if (kind !== undefined) {
    if (userId === undefined) throw new DirectoryError("value_invalid", "resourcePath must name the user: users/{id}");
    // `users/{id}/federated-identity/{provider}` is of the type USER, too: one who loses a login is not deleted.
    if (part !== undefined) return [told(uid, { ...base, kind: "changed" })];
    return [
      told(uid, { ...base, kind, ...(kind === "deleted" ? {} : stateOf(event["representation"], userId, source)) }),
    ];
  }
  if (type === "admin.USER-ACTION" && userId !== undefined && part === "logout")
    return [told(uid, { ...base, kind: "sessions_ended" })];
  if (type === "admin.USER_SESSION-DELETE" && collection === "sessions" && id !== undefined && id !== "")
    return [told(uid, { ...base, kind: "sessions_ended", session: id })];
  if (!membership.test(type)) return { ignored: "events of this type say nothing of users" };
  return userId === undefined ? { ignored: "it names no user" } : [told(uid, { ...base, kind: "changed" })];
}

type State = { readonly kind?: SourceEventKind; readonly attributes?: JsonObject };

/** What the admin has sent, which need not be the whole user. It is JSON within JSON, and may be cut off or left out. */
function stateOf(representation: Json | undefined, id: string, source: OpenSource): State {
  const user = userIn(representation);
  if (user === undefined) return deniesUnread(representation) ? { kind: "disabled" } : {};
  const email = textOf(user["email"]);
  return {
    attributes: userState(
      {
        id,
        userName: textOf(user["username"]),
        active: user["enabled"] === undefined || user["enabled"] === null ? undefined : user["enabled"] === true,
        givenName: textOf(user["firstName"]),
        familyName: textOf(user["lastName"]),
        emails: email === undefined ? [] : [email],
      },
      source,
    ),
  };
}

function userIn(representation: Json | undefined): JsonObject | undefined {
  if (typeof representation !== "string") return isObject(representation) ? representation : undefined;
  try {
    const json = parsedJson(representation);
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Whatever else stands in it, whoever is disabled is disabled; that Keycloak is asked puts a mistake right. */
function deniesUnread(representation: Json | undefined): boolean {
  return typeof representation === "string" && /(?<!\\)"enabled"\s*:\s*"?f/.test(representation);
}
