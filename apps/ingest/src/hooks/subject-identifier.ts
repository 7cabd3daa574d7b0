import { DirectoryError, isObject, type Json, type JsonObject, type SubjectNames } from "@rollcall/core/domain";

/** Whom an event is about: somebody, one of their sessions, or both. */
export type NamedSubject = { readonly names: SubjectNames; readonly session: string | undefined };

export type SubjectReading = {
  /** What the `sub` of an `iss_sub` is: what tokens carry, or the provider's own id. */
  readonly sub: "token" | "id";
  /** Whose own ids are meant by it. */
  readonly issuer: string;
};

/** A key of the feed holds an issuer and a subject, and an index entry of PostgreSQL 2,704 bytes. */
const nameBytesMax = 1_000;
const identifiersMax = 20;

/**
 * Reads a subject identifier (RFC 9493 §3), a complex subject (SSF 1.0 §3.5), or what Okta and the
 * drafts before wrote instead. Undefined where it names nobody and no session: a device or a whole tenant
 * is no person, and nothing is ever done to everybody. Throws `value_invalid` where it is none.
 */
export function readSubject(subject: Json | undefined, reading: SubjectReading): NamedSubject | undefined {
  if (!isObject(subject)) throw invalid("the subject must be an object");
  const isComplex = subject["format"] === "complex" || (formatOf(subject) === undefined && hasMembers(subject));
  const names = namesIn(isComplex ? subject["user"] : subject, reading);
  const session = isComplex ? sessionIn(subject["session"]) : undefined;
  for (const name of [names.id, names.userName, names.email, names.token?.iss, names.token?.sub, session])
    if (name !== undefined && (name === "" || Buffer.byteLength(name) > nameBytesMax))
      throw invalid(`a name of the subject must have from 1 to ${nameBytesMax} bytes`);
  return session === undefined && Object.keys(names).length === 0 ? undefined : { names, session };
}

function namesIn(subject: Json | undefined, reading: SubjectReading): SubjectNames {
  if (!isObject(subject)) return {};
  switch (formatOf(subject)) {
    case "iss_sub":
      return issuerAndSubject(textOf(subject, "iss"), textOf(subject, "sub"), reading);
    case "email":
      return { email: textOf(subject, "email") };
    case "account":
      // RFC 7565: `acct:` and what the provider calls them.
      return { userName: textOf(subject, "uri").replace(/^acct:/i, "") };
    case "opaque":
      return { id: textOf(subject, "id") };
    case "scim":
      return scimNames(subject);
    case "aliases":
      return aliases(subject["identifiers"], reading);
    default:
      return {};
  }
}

function issuerAndSubject(iss: string, sub: string, reading: SubjectReading): SubjectNames {
  return reading.sub === "id" && iss === reading.issuer ? { id: sub } : { token: { iss, sub } };
}

/** RFC 9967 §2.1. The resource's own id is the provider's; `externalId` is the one that both sides know. */
function scimNames(subject: JsonObject): SubjectNames {
  const { externalId, uri, id } = subject;
  if (typeof externalId === "string") return { id: externalId };
  const own = typeof uri === "string" ? /(?:^|\/)Users\/([^/?#]+)$/i.exec(uri)?.[1] : undefined;
  if (own === undefined && typeof uri === "string") return {};
  const named = own === undefined ? id : decodedSegment(own);
  return typeof named === "string" ? { id: named } : {};
}

/** RFC 9493 §3.2.8: all of them are of the same one. */
function aliases(identifiers: Json | undefined, reading: SubjectReading): SubjectNames {
  if (!Array.isArray(identifiers) || identifiers.length > identifiersMax)
    throw invalid(`identifiers must be an array of at most ${identifiersMax}`);
  return (identifiers as readonly Json[])
    .map((identifier) =>
      isObject(identifier) && formatOf(identifier) === "aliases" ? {} : namesIn(identifier, reading),
    )
    .reduce<SubjectNames>((all, names) => ({ ...names, ...all }), {});
}

/** What a session is called, whatever its format. */
function sessionIn(session: Json | undefined): string | undefined {
  if (session === undefined) return undefined;
  const named = isObject(session) ? (session["id"] ?? session["sid"] ?? session["sub"]) : undefined;
  // Passed over, the event would end every session instead of this one.
  if (typeof named !== "string") throw invalid("the session cannot be read");
  return named;
}

/** `subject_type: "iss-sub"` in the drafts. */
function formatOf(subject: JsonObject): string | undefined {
  const format = subject["format"] ?? subject["subject_type"];
  return typeof format === "string" ? format.replaceAll("-", "_").toLowerCase() : undefined;
}

function hasMembers(subject: JsonObject): boolean {
  return subject["user"] !== undefined || subject["session"] !== undefined;
}

function decodedSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function textOf(subject: JsonObject, name: string): string {
  const value = subject[name];
  if (typeof value !== "string") throw invalid(`the subject's ${name} must be a text`);
  return value;
}

function invalid(message: string): DirectoryError {
  return new DirectoryError("value_invalid", message);
}
