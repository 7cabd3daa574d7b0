import { DirectoryError, isObject, type Json, type JsonObject, type SourceEvent } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import type { IssuerKeys } from "./issuer-keys.ts";
import { timeOf } from "./reading.ts";
import { isScimEvent, readScimEvent } from "./scim-event.ts";
import { type Meaning, meaningOf } from "./security-event-meaning.ts";
import { verifyToken } from "./signed-token.ts";
import type { EventDelivery, ToldEvent } from "./source-adapter.ts";
import { type NamedSubject, readSubject } from "./subject-identifier.ts";
import { deliveryOf, type Reading, told } from "./vendor-delivery.ts";

/** The events of a SET, and its own id. */
export type ReadSet = { readonly jti: string; readonly delivery: EventDelivery };

const ssf = "https://schemas.openid.net/secevent/ssf/event-type/";
const eventsMax = 100;

/**
 * Verifies a Security Event Token (RFC 8417) by the source's settings and reads its events. A SET has no
 * `exp`: its `jti` is known again for as long as we remember, and `ageSecMax` refuses what is older.
 * Throws `TokenRefused`, `unavailable`, and `value_invalid` for what is verified and cannot be read.
 */
export async function readSet(
  keys: IssuerKeys,
  text: string,
  { settings }: Pick<OpenSource, "settings">,
  receivedAt: Date,
  ageSecMax = Infinity,
): Promise<ReadSet> {
  const { issuer, audience, jwksUri, sub } = settings as Readonly<Record<string, string | undefined>>;
  if (issuer === undefined || audience === undefined) throw new Error("a stream without an issuer or an audience");
  const expected = {
    place: { issuer, jwksUri, discovery: "ssf" },
    audience,
    types: ["secevent+jwt"],
    expires: false,
    ageSecMax,
  } as const;
  const claims = await verifyToken(keys, text, expected, receivedAt);
  const { jti, events } = claims;
  if (typeof jti !== "string" || jti === "") throw new DirectoryError("value_invalid", "the token has no jti");
  if (!isObject(events) || Object.keys(events).length === 0 || Object.keys(events).length > eventsMax)
    throw new DirectoryError("value_invalid", `events must be an object of 1 to ${eventsMax} events`);
  const subjectOf = (content: Json): NamedSubject | undefined =>
    // Before SSF 1.0 the subject stood within the event, and in RISC's drafts so did `subject_type`.
    readSubject(claims["sub_id"] ?? (isObject(content) ? content["subject"] : undefined), {
      sub: sub === "id" ? "id" : "token",
      issuer,
    });
  const elements = Object.entries(events)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([type, content], place) => ({ type, content, id: place === 0 ? jti : `${jti}#${place}` }));
  const delivery = deliveryOf(
    elements,
    ({ id }) => id as string,
    (element) => readEvent(element as Element, claims, subjectOf, settings["idAttribute"] !== "none"),
  );
  return { jti, delivery: { ...delivery, ...troubleIn(events) } };
}

type Element = { readonly type: string; readonly content: Json; readonly id: string };

function readEvent(
  { type, content, id }: Element,
  claims: JsonObject,
  subjectOf: (content: Json) => NamedSubject | undefined,
  keepsIds: boolean,
): Reading {
  const saying = isScimEvent(type) ? readScimEvent(type, content) : meaningOf(type, content);
  if ("ignored" in saying) return saying;
  const kinds: Exclude<Meaning, { readonly ignored: string }> = "kind" in saying ? [saying.kind] : saying;
  const subject = subjectOf(content);
  if (subject === undefined) throw new DirectoryError("value_invalid", "the subject names no user and no session");
  const attributes = "kind" in saying ? attributesOf(saying.attributes, subject, keepsIds) : undefined;
  return kinds.map((kind, place): ToldEvent => {
    const isOfSession = kind === "sessions_ended" && subject.session !== undefined;
    if (Object.keys(subject.names).length === 0 && !isOfSession)
      throw new DirectoryError("value_invalid", "the subject names no user");
    return told(place === 0 ? id : `${id}+${place}`, {
      kind,
      subject: { ...subject.names, ...namesIn(attributes) },
      occurredAt: occurrenceOf(content, claims, kind),
      ...(isOfSession ? { session: subject.session } : {}),
      ...(attributes === undefined ? {} : { attributes }),
    });
  });
}

/**
 * When it happened: as the event says, or the SET (RFC 8417 §2.2). When the SET was made is later than
 * that, by nobody knows how much: it will do for what takes something away, and lets nobody in.
 */
function occurrenceOf(content: Json, claims: JsonObject, kind: SourceEvent["kind"]): Date | undefined {
  const stated = timeOf(isObject(content) ? content["event_timestamp"] : undefined) ?? timeOf(claims["toe"]);
  const takes = kind === "disabled" || kind === "deleted" || kind === "sessions_ended";
  return stated ?? (takes ? timeOf(claims["iat"]) : undefined);
}

/**
 * Whom both sides know by one id keeps it, where their attributes do not say it again; and where the
 * directory keeps another provider's ids, this one's do not take their place.
 */
function attributesOf(
  attributes: JsonObject | undefined,
  { names }: NamedSubject,
  keepsIds: boolean,
): JsonObject | undefined {
  if (attributes === undefined) return undefined;
  const { externalId = names.id, ...others } = attributes;
  return keepsIds && externalId !== undefined ? { externalId, ...others } : others;
}

/** A whole user says by which name the directory may know them. */
function namesIn(attributes: JsonObject | undefined): SourceEvent["subject"] {
  const userName = attributes?.["userName"];
  return typeof userName === "string" ? { userName } : {};
}

/** SSF 1.0 §8.1.5: a transmitter that stops says so once, and is silent from then on. */
function troubleIn(events: JsonObject): { readonly trouble?: string | null } {
  const update = events[`${ssf}stream-updated`];
  if (!isObject(update)) return {};
  return { trouble: update["status"] === "enabled" ? null : "the transmitter has stopped the stream: start it there" };
}
