/** The part of Node's request that a token is read from. */
export type HeadersOfNode = {
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly "x-request-id"?: string | readonly string[] | undefined;
  };
  readonly rawHeaders?: readonly string[] | undefined;
};

const authorization = "authorization";
/** No token: it is refused as malformed. */
const ambiguous = " ";

const scheme = "bearer";
const space = 0x20;

/** RFC 6750 §2.1: the token in a request's Authorization header; one in a query or a body is not looked for. */
export function bearerToken(value: string | undefined): string | undefined {
  if (value === undefined || value.slice(0, scheme.length).toLowerCase() !== scheme) return undefined;
  let start = scheme.length;
  if (value.charCodeAt(start) !== space) return undefined;
  while (value.charCodeAt(start) === space) start += 1;
  return value.slice(start);
}

/** What the request is known by, where whoever is in front has given it a name. */
export function requestIdOfNode({ headers }: HeadersOfNode): string | undefined {
  const id = headers["x-request-id"];
  return typeof id === "string" ? id : undefined;
}

/** As above; of two Authorization headers neither counts, as the application might believe the one that Node drops. */
export function bearerTokenOfNode({ headers, rawHeaders = [] }: HeadersOfNode): string | undefined {
  let found = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === authorization.length && name.toLowerCase() === authorization) found += 1;
  }
  return found > 1 ? ambiguous : bearerToken(headers.authorization);
}
