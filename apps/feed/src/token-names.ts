import type { resolveToken } from "@rollcall/core/store";
import type { HeldToken } from "@rollcall/guard/tokens";

const lengthMax = 512;
const claimsMax = 100;

/** What entries of the feed may name of a token that holds. */
export function namesOf({
  subject: { iss, sub, iat, sid, jti },
  claims,
}: HeldToken): Parameters<typeof resolveToken>[2] {
  // Which claim names the tenant is the gateway's to know: an entry for a tenant strikes whatever claim says it.
  const tenants = Object.values(claims).filter((claim) => isStorable(claim));
  return { iss, sub, iat, sid: storable(sid), jti: storable(jti), tenants: tenants.slice(0, claimsMax) };
}

/** PostgreSQL takes no NUL in a text, and no entry is longer. */
export function isStorable(value: unknown): value is string {
  return typeof value === "string" && value.length <= lengthMax && !value.includes("\0");
}

function storable(value: string | undefined): string | undefined {
  return isStorable(value) ? value : undefined;
}
