import { DirectoryError, isObject, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { parseJson } from "../../scim/json-text.ts";
import { timeOf } from "../reading.ts";
import type { HookDelivery, HookRequest, SourceAdapter } from "../source-adapter.ts";
import { hmacSha256, isSecret, requireFresh, unverified } from "../verification.ts";

/** The specification recommends five minutes. */
const toleranceSec = 300;

const kinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["user.created", "created"],
  ["user.updated", "changed"],
  ["user.enabled", "enabled"],
  ["user.disabled", "disabled"],
  ["user.deleted", "deleted"],
  ["user.sessions_ended", "sessions_ended"],
]);

/** Standard Webhooks 1.0, for HR systems and whatever is home-made: `{type, timestamp, data}`, with a SCIM user as `data`. */
export const standardWebhook: SourceAdapter = {
  receive: (request, source) => {
    const id = verifiedId(request, source);
    const body = parseJson(request.body);
    if (!isObject(body) || typeof body["type"] !== "string")
      throw new DirectoryError("syntax_invalid", "the body must be an object with a type, a timestamp and data");
    const kind = kinds.get(body["type"]);
    return kind === undefined ? { kind: "events", events: [] } : read(id, kind, body);
  },
};

/** The signature covers the id and the time with the body, so that neither can be put to another. */
function verifiedId({ headers, body, receivedAt }: HookRequest, { secrets }: OpenSource): string {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    headers[name]?.toString(),
  );
  if (id === undefined || timestamp === undefined || signatures === undefined) throw unverified();
  // What parts the signed text from itself must not be in its parts.
  if (!/^[\w-]{1,256}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) throw unverified();
  requireFresh(Number(timestamp) * 1_000, receivedAt, toleranceSec);
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const expected = secrets.map(
    (secret) => `v1,${hmacSha256(Buffer.from(secret.replace(/^whsec_/, ""), "base64"), signed, "base64")}`,
  );
  if (!signatures.split(" ").some((signature) => isSecret(signature, expected))) throw unverified();
  return id;
}

function read(id: string, kind: SourceEventKind, body: JsonObject): HookDelivery {
  const data = body["data"];
  if (!isObject(data)) throw new DirectoryError("value_invalid", "data must be an object");
  const { userName, externalId, session, iss, sub, ...rest } = data;
  const named = [userName, externalId, session, iss, sub];
  if (!named.every((value) => value === undefined || typeof value === "string"))
    throw new DirectoryError("value_invalid", "userName, externalId, session, iss and sub must be texts");
  const [name, ownId, ownSession, issuer, subject] = named as readonly (string | undefined)[];
  const email = emailIn(rest["emails"]);
  const hasState = kind === "created" || kind === "changed" || kind === "enabled";
  const event = {
    id,
    kind,
    subject: {
      id: ownId,
      userName: name,
      email,
      token: issuer === undefined || subject === undefined ? undefined : { iss: issuer, sub: subject },
    },
    occurredAt: timeOf(body["timestamp"]),
    session: ownSession,
    attributes: hasState ? stateOf(data, kind) : undefined,
  };
  if (name === undefined && ownId === undefined && email === undefined && event.subject.token === undefined)
    throw new DirectoryError("value_invalid", "data must name the user: externalId, userName, emails, or iss and sub");
  return { kind: "events", events: [{ event, payload: body }] };
}

/** Whoever is created or enabled may enter unless it says otherwise; a change says nothing that it does not say. */
function stateOf(
  { session: _session, iss: _iss, sub: _sub, ...attributes }: JsonObject,
  kind: SourceEventKind,
): JsonObject {
  return kind === "changed" ? attributes : { active: true, ...attributes };
}

function emailIn(emails: Json | undefined): string | undefined {
  const [first] = Array.isArray(emails) ? (emails as readonly Json[]) : [];
  const value = isObject(first) ? first["value"] : undefined;
  return typeof value === "string" ? value : undefined;
}
