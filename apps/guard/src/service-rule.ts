import type { Claims } from "./claims.ts";
import type { ServiceRule } from "./options.ts";

/** Whether any rule tells that a token's bearer is a service account. */
export function isService(rules: readonly ServiceRule[], claims: Claims): boolean {
  return rules.some((rule) => tells(rule, claims));
}

function tells(rule: ServiceRule, claims: Claims): boolean {
  if ("clientIds" in rule) {
    // RFC 9068 §2.2 has `client_id`; OpenID Connect Core 1.0 §2 has `azp`.
    const client = claims["azp"] ?? claims["client_id"];
    return typeof client === "string" && rule.clientIds.includes(client);
  }
  const value = Object.hasOwn(claims, rule.claim) ? claims[rule.claim] : undefined;
  return "prefix" in rule ? typeof value === "string" && value.startsWith(rule.prefix) : value === rule.equals;
}
