import { isUtf8 } from "node:buffer";
import { type Claims, normalizedType } from "./claims.ts";
import { decodeBase64url } from "./base64url.ts";

/** What a token's header says, and may be believed before its signature is: which key and algorithm to try. */
export type TokenHeader = {
  readonly alg: string;
  /** Null where there is one that is no text. */
  readonly kid: string | undefined | null;
  /** As types are compared; empty for one that is no text. */
  readonly type: string | undefined;
};

/** A token taken apart. The bytes belong to the reader, and hold until it reads the next token. */
export type OpenedToken = {
  readonly header: TokenHeader;
  readonly claims: Claims;
  readonly signed: Buffer;
  readonly signature: Buffer;
};

export type TokenReader = {
  /** Undefined for what is no signed JWT in compact serialization (RFC 7515 §7.1). */
  readonly read: (token: string) => OpenedToken | undefined;
  /**
   * Called where the signature of the token last read held: keeps its header, which most tokens of an issuer
   * share, and returns a copy of the token, as the caller's may be a part of a longer text and keep that alive.
   */
  readonly keep: () => string;
};

export const tokenLengthMax = 16 * 1024;
const headersMax = 256;
const viewsMax = 1_024;
/** What a decoder writes in place of bytes that are no UTF-8; a token may also say it itself. */
const mended = "\ufffd";

/**
 * Reads tokens strictly: base64url without padding, white space or stray bits, so that a token has one
 * spelling; UTF-8 and JSON objects within. No header parameter that needs to be understood is.
 */
export function createTokenReader(): TokenReader {
  const text = Buffer.alloc(tokenLengthMax);
  const bytes = Buffer.alloc(tokenLengthMax);
  const headers = new Map<string, TokenHeader>();
  /** The header that was kept or found last: one issuer's tokens come one after the other, and comparing is cheaper than hashing. */
  let last: { readonly text: string; readonly header: TokenHeader } | undefined;
  const viewOf = { signed: createViews(text), signature: createViews(bytes) };
  let length = 0;
  let headerEnd = -1;
  let newHeader: TokenHeader | undefined;

  const readHeader = (token: string): TokenHeader | undefined => {
    newHeader = undefined;
    if (last?.text.length === headerEnd && token.startsWith(last.text)) return last.header;
    const encoded = token.slice(0, headerEnd);
    const kept = headers.get(encoded);
    if (kept !== undefined) {
      last = { text: encoded, header: kept };
      return kept;
    }
    newHeader = parseHeader(parseObject(bytes, decodeBase64url(text, 0, headerEnd, bytes)));
    return newHeader;
  };

  return {
    read: (token) => {
      length = token.length;
      // A letter outside ASCII takes more than one byte, none of which is one of base64url.
      if (length > tokenLengthMax || text.write(token, 0, "utf8") !== length) return undefined;
      headerEnd = token.indexOf(".");
      const signedEnd = token.indexOf(".", headerEnd + 1);
      if (headerEnd < 1 || signedEnd < headerEnd + 2) return undefined;
      const header = readHeader(token);
      if (header === undefined) return undefined;
      const claims = parseObject(bytes, decodeBase64url(text, headerEnd + 1, signedEnd, bytes));
      if (claims === undefined) return undefined;
      // An empty signature is read, so that `none` is refused by its name.
      const signatureEnd = decodeBase64url(text, signedEnd + 1, length, bytes);
      if (signatureEnd === -1) return undefined;
      return { header, claims, signed: viewOf.signed(signedEnd), signature: viewOf.signature(signatureEnd) };
    },
    keep: () => {
      if (newHeader !== undefined) {
        if (headers.size >= headersMax) headers.clear();
        last = { text: text.toString("latin1", 0, headerEnd), header: newHeader };
        headers.set(last.text, newHeader);
        newHeader = undefined;
      }
      return text.toString("latin1", 0, length);
    },
  };
}

/** The beginnings of a buffer, by length. Each is made once: tokens of an issuer are as long as each other, or nearly. */
function createViews(buffer: Buffer): (length: number) => Buffer {
  const views = new Map<number, Buffer>();
  return (length) => {
    const known = views.get(length);
    if (known !== undefined) return known;
    if (views.size >= viewsMax) views.clear();
    const view = buffer.subarray(0, length);
    views.set(length, view);
    return view;
  };
}

function parseHeader(parameters: Claims | undefined): TokenHeader | undefined {
  if (parameters === undefined) return undefined;
  // RFC 7515 §4.1.11: an extension that is not understood makes the token invalid, and none is understood here.
  if (parameters["crit"] !== undefined) return undefined;
  const { alg, kid, typ } = parameters as Record<"alg" | "kid" | "typ", unknown>;
  return {
    alg: typeof alg === "string" ? alg : "",
    kid: kid === undefined || typeof kid === "string" ? kid : null,
    type: typ === undefined ? undefined : typeof typ === "string" ? normalizedType(typ) : "",
  };
}

/** The JSON object in the first so many bytes; undefined if that is not what they are. */
function parseObject(bytes: Buffer, length: number): Claims | undefined {
  if (length === -1) return undefined;
  const text = bytes.toString("utf8", 0, length);
  // RFC 8725 §3.7: what is no UTF-8 is refused, not mended, or two subjects could become one.
  if (text.includes(mended) && !isUtf8(bytes.subarray(0, length))) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}
