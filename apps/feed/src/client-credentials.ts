import { OAuthRefusal } from "./oauth-refusal.ts";

/** How a client proves itself at an endpoint of OAuth 2.0. `clientId` is left out where a bearer token says it all. */
export type ClientCredentials = {
  readonly method: "bearer" | "basic" | "form";
  readonly clientId: string | undefined;
  readonly secret: string;
};

/**
 * Reads a client's credentials from the header, or from the form for gateways that can send nothing else
 * (RFC 6749 §2.3.1). Throws `invalid_client` where there are none, and `invalid_request` where there are
 * two kinds of them (RFC 6749 §2.3).
 */
export function readClientCredentials(
  authorization: string | undefined,
  form: ReadonlyMap<string, string>,
): ClientCredentials {
  const [clientId, secret] = [form.get("client_id"), form.get("client_secret")];
  if (authorization === undefined) {
    if (clientId === undefined || secret === undefined) throw new OAuthRefusal("invalid_client");
    return { method: "form", clientId, secret };
  }
  if (secret !== undefined)
    throw new OAuthRefusal("invalid_request", { detail: "a client must authenticate in one way alone" });
  const found = readBasic(authorization) ?? readBearer(authorization);
  if (found === undefined) throw new OAuthRefusal("invalid_client");
  // A client that names itself beside its header must be the one that the header is of.
  if (found.method === "basic" && clientId !== undefined && clientId !== found.clientId)
    throw new OAuthRefusal("invalid_client", { method: found.method });
  return found;
}

function readBearer(authorization: string): ClientCredentials | undefined {
  const [, secret] = /^Bearer +([\w-]+)$/i.exec(authorization) ?? [];
  return secret === undefined ? undefined : { method: "bearer", clientId: undefined, secret };
}

/** RFC 6749 §2.3.1: both parts are written as in a form before RFC 7617 joins them. */
function readBasic(authorization: string): ClientCredentials | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization) ?? [];
  if (encoded === undefined) return undefined;
  const [, clientId, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8")) ?? [];
  if (clientId === undefined || secret === undefined) return undefined;
  return { method: "basic", clientId: unescaped(clientId), secret: unescaped(secret) };
}

function unescaped(text: string): string {
  return new URLSearchParams(`text=${text.replaceAll("&", "%26")}`).get("text") ?? "";
}
