import type { ApplicationEvent } from "@rollcall/core/domain";
import type { Delivery } from "@rollcall/core/store";
import { type CryptoKey, importJWK, type JWK, type JWTPayload, SignJWT } from "jose";
import { reasonText, uriOf, verificationUri } from "./event-types.ts";

/** Whom a SET is for: one receiver's stream. */
export type StreamAddress = { readonly tenantId: string; readonly streamId: string; readonly receiver: string };

export type SetSigner = {
  /** The public keys, every one that receivers may still meet. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** The SET of a message, as a compact JWS. The same message makes the same SET. */
  sign(delivery: Delivery, address: StreamAddress): Promise<string>;
};

const rsaBitsMin = 2_048;

/**
 * Opens a private JWKS of RSA keys. The first signs; the others stay published, so a new key is put
 * first only after receivers have had time to fetch it, and the old one is removed last.
 * Throws where a key is not a private RSA key of 2048 bits or more with a `kid` of its own.
 */
export async function openSetSigner(jwks: string, issuer: string): Promise<SetSigner> {
  const { keys } = JSON.parse(jwks) as { readonly keys?: readonly JWK[] };
  const [first] = keys ?? [];
  if (first === undefined || keys === undefined) throw new Error("SSF_KEYS holds no key");
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length)
    throw new Error("SSF_KEYS has two keys of one kid: receivers could not tell them apart");
  const published = keys.map(publish);
  const key = (await importJWK(first, "RS256")) as CryptoKey;
  // The interoperability profile takes RS256 alone; RFC 8417 §2.3 names the type.
  const header = { alg: "RS256", typ: "secevent+jwt", kid: first.kid as string };
  return {
    jwks: { keys: published },
    sign: (delivery, address) => new SignJWT(claimsOf(delivery, address, issuer)).setProtectedHeader(header).sign(key),
  };
}

/** Each receiver has an audience of its own: what one is told cannot be shown to another as its own. */
export function audienceOf(issuer: string, tenantId: string, receiver: string): string {
  return `${issuer}/ssf/receivers/${tenantId}/${encodeURIComponent(receiver)}`;
}

/** SSF 1.0 §4: `sub_id` on top, one event, no `sub` and no `exp`. */
function claimsOf(delivery: Delivery, { tenantId, streamId, receiver }: StreamAddress, issuer: string): JWTPayload {
  const { event, verification } = delivery;
  const common = {
    iss: issuer,
    jti: delivery.id,
    // Not the moment of signing: what is sent twice is the same token both times.
    iat: seconds(delivery.createdAt),
    aud: audienceOf(issuer, tenantId, receiver),
  };
  if (event === undefined) {
    const state = verification === undefined || verification === "" ? {} : { state: verification };
    return { ...common, sub_id: { format: "opaque", id: streamId }, events: { [verificationUri]: state } };
  }
  return {
    ...common,
    txn: event.cause,
    sub_id: subjectOf(event),
    events: { [uriOf(event.kind)]: contentOf(event) },
  };
}

/** RFC 9493 §3.2; RISC 1.0 §2.7 has identifiers change by their address alone. */
function subjectOf({ kind, iss, sub, session }: ApplicationEvent): object {
  if (kind === "user.identifier_changed") return { format: "email", email: sub };
  // Never less than the session: a member that is left out of a complex subject means everything (SSF 1.0 §3.5).
  if (sub === undefined) return { format: "complex", session: { format: "opaque", id: session } };
  return { format: "iss_sub", iss, sub };
}

function contentOf({ kind, reason, newSub, happenedAt }: ApplicationEvent): object {
  return {
    event_timestamp: seconds(happenedAt),
    reason_admin: { en: reasonText(reason) },
    ...(kind === "session.revoked" ? { initiating_entity: reason.startsWith("admin_") ? "admin" : "system" } : {}),
    ...(kind === "user.identifier_changed" && newSub !== undefined ? { "new-value": newSub } : {}),
  };
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}

function publish({ kty, n, e, d, kid }: JWK): JWK {
  if (kty !== "RSA" || n === undefined || e === undefined || d === undefined || kid === undefined)
    throw new Error("SSF_KEYS must hold private RSA keys, each with a kid: make one with `rollcall stream key new`");
  if (Buffer.from(n, "base64url").length * 8 < rsaBitsMin)
    throw new Error(`SSF_KEYS must hold RSA keys of ${rsaBitsMin} bits or more`);
  return { kty, n, e, kid, alg: "RS256", use: "sig" };
}
