import type { DialectProfile } from "@rollcall/core/domain";

// The whole header and nothing but: a tab or a leading space once got bodies past a parser that
// trimmed what its validator did not. No two neighbours take the same character, or a long header
// would be tried in as many ways as it is long.
const jsonMediaType =
  /^(?:application\/(?:scim\+)?json|(?<text>text\/json))(?: *;(?: *[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"[^"\\\t]*"))?)* *$/i;
const bearer = /^Bearer +([\w.~+/-]+=*)$/i;

/** The token of an Authorization header (RFC 6750 §2.1); undefined where it has another scheme or no token. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return bearer.exec(authorization ?? "")?.[1];
}

/** Whether a Content-Type names JSON that this sender may send (RFC 7644 §3.1). */
export function isJsonMediaType(contentType: string, { textJson }: Pick<DialectProfile, "textJson">): boolean {
  const groups = jsonMediaType.exec(contentType)?.groups;
  return groups !== undefined && (groups["text"] === undefined || textJson === "permit");
}
