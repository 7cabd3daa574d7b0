import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { parseJson } from "../scim/json-text.ts";
import type { IssuerKeys, KeyPlace } from "./issuer-keys.ts";
import { isAlgorithm } from "./verify-key.ts";

/** What is wrong with a token, for doors that must say so. */
export type TokenFault = "malformed" | "type" | "issuer" | "algorithm" | "key" | "signature" | "audience" | "time";

/** A token that is not believed, and nothing of what it says. */
export class TokenRefused extends DirectoryError {
  readonly fault: TokenFault;

  constructor(fault: TokenFault, message: string) {
    super("unauthenticated", message);
    this.name = "TokenRefused";
    this.fault = fault;
  }
}

export type ExpectedToken = {
  readonly place: KeyPlace;
  readonly audience: string;
  /** What `typ` may be, in lower case; undefined among them where it may be left out. */
  readonly types: readonly (string | undefined)[];
  /** Whether it ends by itself; one that does not is refused, and one that is over. */
  readonly expires: boolean;
  /** So old it may be. */
  readonly ageSecMax?: number;
};

/** So far a sender's clock may be ahead of ours or behind it. */
const toleranceSec = 300;
const tokenCharactersMax = 128 * 1024;

/**
 * The claims of a JWT (RFC 7519) that the issuer has signed for this audience. Throws `TokenRefused`,
 * and `unavailable` where the issuer's keys are not known now. Only the issuer's published keys decide:
 * what the header says of keys (`jku`, `jwk`, `x5u`) is passed over, and an extension that must be
 * understood is refused (RFC 8725 §3).
 */
export async function verifyToken(
  keys: IssuerKeys,
  text: string,
  expected: ExpectedToken,
  receivedAt: Date,
): Promise<JsonObject> {
  const { header, claims, signed, signature } = readToken(text);
  const { typ, alg, kid, crit } = header;
  if (crit !== undefined) throw new TokenRefused("malformed", "the token has an extension that is not understood");
  if (!isExpectedType(typ, expected.types)) throw new TokenRefused("type", "the token is of another type");
  if (claims["iss"] !== expected.place.issuer) throw new TokenRefused("issuer", "the token is of another issuer");
  if (typeof alg !== "string" || !isAlgorithm(alg))
    throw new TokenRefused("algorithm", "the token is not signed with an algorithm that is taken");
  if (kid !== undefined && typeof kid !== "string") throw new TokenRefused("key", "the token's key id is no text");
  const found = await keys.find(expected.place, alg, kid);
  if (found.length === 0) throw new TokenRefused("key", "the issuer publishes no such key");
  if (!found.some((key) => key.verifies(signed, signature)))
    throw new TokenRefused("signature", "the signature is not the issuer's");
  requireAudience(claims["aud"], expected.audience);
  requireTime(claims, expected, receivedAt.getTime() / 1_000);
  return claims;
}

type ReadToken = {
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signed: Buffer;
  readonly signature: Buffer;
};

/** A compact JWS as an encoder writes it: no white space, no padding, no bits left over (RFC 7515 §2 and §7.1). */
function readToken(text: string): ReadToken {
  const parts = text.length > tokenCharactersMax ? [] : text.split(".");
  const [header, claims, signature] = parts.map(decoded);
  if (parts.length !== 3 || header === undefined || claims === undefined || signature === undefined) throw malformed();
  return {
    header: objectIn(header),
    claims: objectIn(claims),
    signed: Buffer.from(text.slice(0, text.lastIndexOf("."))),
    signature,
  };
}

function decoded(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : undefined;
}

function objectIn(bytes: Buffer): JsonObject {
  const json = readable(bytes);
  if (!isObject(json)) throw malformed();
  return json;
}

function readable(bytes: Buffer): Json | undefined {
  try {
    return parseJson(bytes);
  } catch {
    return undefined;
  }
}

function isExpectedType(typ: Json | undefined, types: ExpectedToken["types"]): boolean {
  if (typ === undefined) return types.includes(undefined);
  // RFC 7515 §4.1.9: the prefix may be left out.
  return typeof typ === "string" && types.includes(typ.toLowerCase().replace(/^application\//, ""));
}

function requireAudience(aud: Json | undefined, audience: string): void {
  const audiences = Array.isArray(aud) ? (aud as readonly Json[]) : [aud];
  if (!audiences.includes(audience)) throw new TokenRefused("audience", "the token is for another audience");
}

function requireTime(claims: JsonObject, { expires, ageSecMax = Infinity }: ExpectedToken, nowSec: number): void {
  const { iat, exp, nbf } = claims;
  if (typeof iat !== "number") throw new TokenRefused("time", "the token does not say when it was issued");
  if (iat > nowSec + toleranceSec) throw new TokenRefused("time", "the token is of the future");
  if (iat < nowSec - ageSecMax) throw new TokenRefused("time", "the token is too old");
  if (nbf !== undefined && !(typeof nbf === "number" && nbf <= nowSec + toleranceSec))
    throw new TokenRefused("time", "the token is not valid yet");
  if (expires && !(typeof exp === "number" && exp > nowSec - toleranceSec))
    throw new TokenRefused("time", "the token is over, or never ends");
}

function malformed(): TokenRefused {
  return new TokenRefused("malformed", "this is no signed token");
}
