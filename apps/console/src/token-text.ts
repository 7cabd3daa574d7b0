import { decodeJwt, decodeProtectedHeader } from "jose";

export type TokenText =
  | { readonly header: Readonly<Record<string, unknown>>; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly why: string };

/** Reads a JWT without believing it. Says what is wrong without repeating it. */
export function readToken(token: string): TokenText {
  if (/^bearer\s/i.test(token))
    return { why: "it begins with Bearer, which belongs to the header and not to the token" };
  if (token !== token.trim()) return { why: "white space stands before or after it" };
  const parts = token.split(".").length;
  if (parts === 5) return { why: "it is encrypted (five parts); gateways read signed tokens" };
  if (parts !== 3) return { why: `it has ${parts} part${parts === 1 ? "" : "s"} between dots; a signed JWT has three` };
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return { why: "it contains characters that are not base64url" };
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  } catch {
    return { why: "its header or its claims are not JSON" };
  }
}
