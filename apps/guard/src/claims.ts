import type { JWTPayload } from "jose";
import { foldCase } from "./fold-case.ts";
import type { Subject } from "./decision.ts";
import type { RefusalReason } from "./reasons.ts";
import type { IssuerSettings } from "./settings.ts";

export type ClaimJudgement = { readonly subject: Subject } | { readonly reason: RefusalReason };

/** OpenID Connect Core 1.0 §2: a sub is at most 255 characters. */
const subjectLengthMax = 255;

/** Judges a token whose signature holds, in the documented order; the first fault is the reason. */
export function judgeClaims(typ: unknown, claims: JWTPayload, issuer: IssuerSettings, nowSec: number): ClaimJudgement {
  if (!issuer.types.includes(mediaType(typ))) return { reason: "type_not_allowed" };
  if (claims.iss !== issuer.issuer) return { reason: "issuer_unknown" };
  if (!meantFor(issuer.audience, claims.aud)) return { reason: "audience_wrong" };

  const { exp, nbf } = claims;
  if (!isNumericDate(exp)) return { reason: "token_expired" };
  if (nbf !== undefined && !isNumericDate(nbf)) return { reason: "token_not_yet_valid" };
  const timeReason = judgeTime({ exp, nbf }, issuer.toleranceSec, nowSec);
  if (timeReason !== undefined) return { reason: timeReason };

  const tenant = tenantOf(claims, issuer);
  if (tenant === "wrong") return { reason: "tenant_wrong" };

  const sub = own(claims, issuer.subjectClaim);
  if (sub === undefined || sub === null || sub === "") return { reason: "subject_missing" };
  if (typeof sub !== "string" || sub.length > subjectLengthMax) return { reason: "subject_malformed" };
  if (issuer.subjectFormat !== undefined && !issuer.subjectFormat.test(sub)) return { reason: "subject_malformed" };

  const sid = own(claims, "sid");
  return {
    subject: {
      iss: issuer.issuer,
      sub,
      subKey: issuer.subjectCompare === "casefold" ? foldCase(sub) : sub,
      exp,
      ...(nbf === undefined ? {} : { nbf }),
      ...(isNumericDate(claims.iat) ? { iat: claims.iat } : {}),
      ...(typeof sid === "string" ? { sid } : {}),
      ...(typeof claims.jti === "string" ? { jti: claims.jti } : {}),
      ...tenant,
    },
  };
}

/** The part of the judgement that time changes, so a remembered token passes it again on every request. */
export function judgeTime(
  token: { readonly exp: number; readonly nbf?: number | undefined },
  toleranceSec: number,
  nowSec: number,
): "token_expired" | "token_not_yet_valid" | undefined {
  if (token.exp <= nowSec - toleranceSec) return "token_expired";
  if (token.nbf !== undefined && token.nbf > nowSec + toleranceSec) return "token_not_yet_valid";
  return undefined;
}

function meantFor(audience: IssuerSettings["audience"], aud: unknown): boolean {
  if (audience === "any") return true;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return audience.some((wanted) => named.includes(wanted));
}

function tenantOf(claims: JWTPayload, issuer: IssuerSettings): { readonly tenant?: string } | "wrong" {
  if (issuer.tenantClaim === undefined) return issuer.tenant === undefined ? {} : { tenant: issuer.tenant };
  const tenant = own(claims, issuer.tenantClaim);
  if (typeof tenant !== "string" || tenant === "") return "wrong";
  if (issuer.tenant !== undefined && tenant !== issuer.tenant) return "wrong";
  return { tenant };
}

/** Undefined for a header without typ; a typ that is no text matches nothing. */
function mediaType(typ: unknown): string | undefined {
  if (typ === undefined) return undefined;
  return typeof typ === "string" ? typ.toLowerCase() : "";
}

function own(claims: JWTPayload, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
