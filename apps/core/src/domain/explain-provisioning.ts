import type { ProvisioningFact } from "./explain-facts.ts";
import { type ExplainStep, passed, problem, unknown } from "./explain-step.ts";
import { provisioningReasons } from "./just-in-time.ts";

/** Whether a user is made of the token of somebody whom the directory does not know. */
export function explainProvisioning(fact: ProvisioningFact): ExplainStep {
  switch (fact.kind) {
    case "off":
      return unknown("just_in_time", "off: no connection of the issuer makes users from tokens", "provisioning_off");
    case "untold":
      return unknown("just_in_time", "on: ask with the token, to know whether a user is made of it");
    case "ready":
      return passed(
        "just_in_time",
        `on: the next request with this token makes a user of connection ${fact.connection}`,
      );
    case "refused":
      return explainRefusal(fact.refusal);
  }
}

function explainRefusal(refusal: Extract<ProvisioningFact, { readonly kind: "refused" }>["refusal"]): ExplainStep {
  if (refusal.reason === "idp_deleted")
    return problem(
      "just_in_time",
      "provisioning_failed",
      "idp_deleted: the provider has deleted this person, and only its own create brings them back",
    );
  if (refusal.reason === "idp_inactive")
    return problem(
      "just_in_time",
      "provisioning_failed",
      "idp_inactive: the provider said that this person may not enter before anybody here knew them; only its later word lets them in",
    );
  const { reason, claims = [] } = refusal;
  const named = claims.length === 0 ? "" : `: ${claims.join(", ")}`;
  if (reason === "claims_missing") return problem("just_in_time", "claims_missing", `missing claims${named}`);
  return problem("just_in_time", "provisioning_failed", `${reason}: ${provisioningReasons[reason]}${named}`);
}
