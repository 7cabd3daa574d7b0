import { foldCase } from "./fold-case.ts";
import type { Subject } from "./decision.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { isService } from "./service-rule.ts";
import type { RefusalReason } from "./reasons.ts";

/** A token's claims, as its JSON says them: nothing of them is checked. */
export type Claims = Readonly<Record<string, unknown>>;
/** The issuer that a token's `iss` names; the tenant where a template names it. */
export type NamedIssuer = {
  readonly settings: IssuerSettings;
  readonly iss: string;
  readonly tenantInIssuer: string | undefined;
};
export type ClaimJudgement = { readonly subject: Subject } | { readonly reason: RefusalReason };

/** OpenID Connect Core 1.0 §2: a sub is at most 255 characters. */
const subjectLengthMax = 255;

/** Judges a token whose signature holds, in the documented order; the first fault is the reason. */
export function judgeClaims(
  type: string | undefined,
  claims: Claims,
  named: NamedIssuer,
  nowSec: number,
): ClaimJudgement {
  const { settings, iss } = named;
  if (!settings.types.includes(type)) return { reason: "type_not_allowed" };
  if (!meantFor(settings.audience, claims["aud"])) return { reason: "audience_wrong" };

  const { exp, nbf, iat } = claims as { readonly exp: unknown; readonly nbf: unknown; readonly iat: unknown };
  if (!isNumericDate(exp)) return { reason: "token_expired" };
  if (nbf !== undefined && !isNumericDate(nbf)) return { reason: "token_not_yet_valid" };
  // RFC 7519 §4.1.6: iat is a number where it is there. Of one that is not, nothing is guessed.
  if (iat !== undefined && !isNumericDate(iat)) return { reason: "token_malformed" };
  const timeReason = judgeTime({ exp, nbf, iat }, settings.toleranceSec, nowSec);
  if (timeReason !== undefined) return { reason: timeReason };

  const tenant = tenantOf(claims, named);
  if (tenant === wrong) return { reason: "tenant_wrong" };

  const sub = own(claims, settings.subjectClaim);
  if (sub === undefined || sub === null || sub === "") return { reason: "subject_missing" };
  const service = isService(settings.services, claims);
  if (!isSubject(sub, service ? undefined : settings.subjectFormat)) return { reason: "subject_malformed" };

  const subject: Writable<Subject> = { iss, sub, subKey: sub, exp };
  if (settings.subjectCompare === "casefold" && !service) subject.subKey = foldCase(sub);
  if (nbf !== undefined) subject.nbf = nbf;
  if (iat !== undefined) subject.iat = iat;
  if (tenant !== undefined) subject.tenant = tenant;
  if (service) subject.service = true;
  const { sid, jti } = claims;
  if (typeof sid === "string") subject.sid = sid;
  if (typeof jti === "string") subject.jti = jti;
  return { subject };
}

/** The part of the judgement that time changes, so a remembered token passes it again on every request. */
export function judgeTime(
  token: { readonly exp: number; readonly nbf?: number | undefined; readonly iat?: number | undefined },
  toleranceSec: number,
  nowSec: number,
): "token_expired" | "token_not_yet_valid" | undefined {
  if (token.exp <= nowSec - toleranceSec) return "token_expired";
  const latestSec = Math.floor(nowSec) + toleranceSec;
  if (token.nbf !== undefined && token.nbf > latestSec) return "token_not_yet_valid";
  // A token from the future would outlive every revocation between now and then.
  return token.iat !== undefined && token.iat > latestSec ? "token_not_yet_valid" : undefined;
}

/** A media type as it is compared: RFC 7515 §4.1.9 lets `application/` be left out. */
export function normalizedType(type: string): string {
  const lower = type.toLowerCase();
  return /^application\/[^/]+$/.test(lower) ? lower.slice("application/".length) : lower;
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };

const wrong = Symbol("the tenant is wrong");

function meantFor(audience: IssuerSettings["audience"], aud: unknown): boolean {
  if (audience === "any") return true;
  if (typeof aud === "string") return audience.includes(aud);
  return Array.isArray(aud) && audience.some((wanted) => aud.includes(wanted));
}

function tenantOf(claims: Claims, { settings, tenantInIssuer }: NamedIssuer): string | undefined | typeof wrong {
  const { tenantClaim, tenants } = settings;
  if (tenantClaim === undefined) return settings.tenant;
  const tenant = own(claims, tenantClaim);
  if (typeof tenant !== "string" || tenant === "") return wrong;
  if (tenantInIssuer !== undefined && tenant !== tenantInIssuer) return wrong;
  return tenants === "any" || tenants.includes(tenant) ? tenant : wrong;
}

/** Unpaired surrogates are refused: written as UTF-8, different ones become the same text. */
function isSubject(sub: unknown, format: RegExp | undefined): sub is string {
  return (
    typeof sub === "string" &&
    sub.length <= subjectLengthMax &&
    sub.isWellFormed() &&
    (format === undefined || format.test(sub))
  );
}

function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
