/** RFC 6750 §2.1: the token in an Authorization header; one in the query or the body is not looked for. */
export function tokenIn(authorizations: readonly string[]): string | undefined {
  const [value, ...more] = authorizations;
  if (value === undefined) return undefined;
  // Of two the application might believe the other one.
  return more.length > 0 ? noToken : /^bearer(?: +(.*))?$/i.exec(value)?.[1];
}

/** It is refused as malformed. */
export const noToken = " ";

/** The path that `stale` may depend on, without its query. */
export function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}
