import { type ExplainCode, explainCauses } from "./explain-causes.ts";
import type { ExplainQuestion, RefusedFact, SubjectFacts } from "./explain-facts.ts";
import { describe, lateness } from "./explain-revocation.ts";
import { type ExplainStep, passed, problem } from "./explain-step.ts";

/** Reasons of a gateway that are the cause themselves, whoever the bearer is. */
const decisive = {
  token_missing: "token_missing",
  token_malformed: "token_malformed",
  signature_invalid: "signature_invalid",
  algorithm_not_allowed: "algorithm_not_allowed",
  key_unknown: "key_unknown",
  keys_unavailable: "keys_unavailable",
  type_not_allowed: "type_not_allowed",
  issuer_unknown: "issuer_unknown",
  audience_wrong: "audience_wrong",
  token_expired: "token_expired",
  token_not_yet_valid: "token_not_yet_valid",
  tenant_wrong: "tenant_unknown",
  subject_missing: "subject_missing",
  subject_malformed: "subject_malformed",
  feed_stale: "gateway_stale",
  resolve_unavailable: "gateway_cut_off",
} as const satisfies Record<string, ExplainCode>;

/** Reasons whose cause the directory knows, and what is said where the bearer is not known. */
const ofBearer = {
  revoked: "revoked",
  issued_before_revocation: "issued_before_revocation",
  subject_unknown: "never_provisioned",
  claims_missing: "claims_missing",
  subject_denied: "denied",
} as const satisfies Record<string, ExplainCode>;

/** The cause that stands for each of the guard's reasons, where nothing more is known than that. */
export const refusalCauses: Readonly<Record<string, ExplainCode>> = { ...decisive, ...ofBearer };

/** A gateway hears of a change within moments. */
const heardWithinMs = 5_000;

/** The cause that a gateway has named itself; undefined where the directory has to be asked for it. */
export function decisiveCause(refused: RefusedFact | undefined): ExplainCode | undefined {
  if (refused === undefined || !Object.hasOwn(decisive, refused.reason)) return undefined;
  return decisive[refused.reason as keyof typeof decisive];
}

/** What a gateway said, as a step of its own: the cause itself, or what is to be explained. */
export function explainRefused(refused: RefusedFact, isBearerKnown: boolean): ExplainStep {
  const own = decisiveCause(refused);
  if (own !== undefined) return problem(explainCauses[own].step, own, said(refused));
  const fallback = refusalCauses[refused.reason];
  if (!isBearerKnown && fallback !== undefined)
    return problem(explainCauses[fallback].step, fallback, `${said(refused)}; whose token it was is not known here`);
  return passed("token", said(refused));
}

/** Why a gateway has refused what is let in now. */
export function explainRefusedAnyway(
  { refused }: ExplainQuestion,
  { gateways, candidates, revocations }: SubjectFacts,
): ExplainStep | undefined {
  if (refused === undefined) return undefined;
  const changes = [...candidates.map(({ changedAt }) => changedAt), ...revocations.map(({ since }) => since)];
  const last = Math.max(0, ...changes.map((at) => at?.getTime() ?? 0));
  if (refused.at !== undefined && last > refused.at.getTime() - heardWithinMs) {
    const when = new Date(last).toISOString();
    return problem("gateway", "cause_gone", `${said(refused)}; the last change of this subject was applied at ${when}`);
  }
  const own = gateways.filter(({ name }) => name === refused.gateway);
  const [late] = own.filter(({ standing }) => standing !== "live");
  if (late !== undefined) return problem("gateway", lateness([late]), `${said(refused)}; ${describe(late)}`);
  const known = own.length === 0 ? "no gateway of that name reports how far it is" : "it is at the head of the feed";
  return problem("gateway", "gateway_cached", `${said(refused)}; ${known}, and nothing refuses this subject`);
}

function said({ gateway, at, reason, claims = [] }: RefusedFact): string {
  const who = gateway === undefined ? "a gateway" : `gateway ${gateway}`;
  const when = at === undefined ? "" : ` at ${at.toISOString()}`;
  const lacking = claims.length === 0 ? "" : ` (${claims.join(", ")})`;
  return `${who} refused it${when} for ${reason}${lacking}`;
}
