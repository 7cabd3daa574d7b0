import type { Connection } from "./connection.ts";
import type { SignatureVerdict, SubjectFacts, TokenFacts } from "./explain-facts.ts";
import { atSecond, type ExplainStep, isNumericDate, passed, problem, shown, span, unknown } from "./explain-step.ts";
import { explainTenant, isOfOtherEnvironment } from "./explain-tenant.ts";

type ReadToken = Extract<TokenFacts, { readonly kind: "read" }>;

const toleranceSec = 30;
const accessTypes: readonly unknown[] = ["jwt", "at+jwt", "application/at+jwt", undefined];

/** The steps that a token alone decides, in the order in which a gateway takes them. */
export function explainToken(
  token: TokenFacts,
  claims: Readonly<Record<string, unknown>>,
  facts: SubjectFacts,
  nowSec: number,
): readonly ExplainStep[] {
  if (token.kind === "malformed") return [problem("token", "token_malformed", token.why)];
  const { connections } = facts;
  const tenant = explainTenant(token, claims, facts);
  return [
    passed("token", `a signed JWT, algorithm ${shown(token.alg)}`),
    explainIssuer(token, facts, tenant),
    ...(tenant === undefined ? [] : [tenant]),
    explainSignature(token.signature, token.alg),
    explainType(token.typ),
    explainAudience(token.aud, connections),
    explainTime(token, nowSec),
  ];
}

function explainIssuer(
  token: ReadToken,
  { connections, tenantConnections = [] }: SubjectFacts,
  tenant: ExplainStep | undefined,
): ExplainStep {
  if (typeof token.iss !== "string") return problem("issuer", "issuer_unknown", "the token names no issuer");
  const said = `iss is ${shown(token.iss)}`;
  if (connections.length > 0)
    return passed("issuer", `${shown(token.iss)}, of connection ${connections.map(({ slug }) => slug).join(", ")}`);
  // Whose token it is instead says more than that it is nobody's here.
  if (tenant?.status === "problem") return unknown("issuer", `${said}, which no connection of this tenant names`);
  const near = tenantConnections
    .flatMap(({ issuers }) => issuers)
    .find((issuer) => spelling(issuer) === spelling(String(token.iss)));
  return problem("issuer", "issuer_unknown", near === undefined ? said : `${said}; a connection names ${shown(near)}`);
}

/** What is left of an issuer without scheme, case and a slash at the end, which all count. */
function spelling(issuer: string): string {
  return issuer
    .toLowerCase()
    .replace(/^https?:/, "")
    .replace(/\/+$/, "");
}

function explainSignature(verdict: SignatureVerdict, alg: unknown): ExplainStep {
  switch (verdict.kind) {
    case "valid":
      return passed("signature", "matches the issuer's published key");
    case "invalid":
      return problem("signature", "signature_invalid", "no published key of the issuer verifies it");
    case "algorithm_not_allowed":
      return problem("signature", "algorithm_not_allowed", `alg is ${shown(alg)}`);
    case "key_unknown":
      return problem("signature", "key_unknown", "the issuer's key set has no key that fits the token's header");
    case "keys_unavailable":
      return unknown("signature", verdict.why, "keys_unavailable");
    case "not_checked":
      return unknown("signature", "not checked: keys are only fetched from issuers that a connection names");
  }
}

function explainType(typ: unknown): ExplainStep {
  const type = typeof typ === "string" ? typ.toLowerCase() : typ;
  if (accessTypes.includes(type)) return passed("type", typ === undefined ? "no typ" : `typ is ${shown(typ)}`);
  return problem("type", "type_not_allowed", `typ is ${shown(typ)}`);
}

function explainAudience(aud: unknown, connections: readonly Connection[]): ExplainStep {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : aud === undefined ? [] : [aud];
  const said = named.length === 0 ? "no audience" : named.map(shown).join(", ");
  if (connections.length === 0)
    return unknown("audience", `the token names ${said}; no connection says which is wanted`);
  if (connections.some(({ audience }) => audience === undefined || named.includes(audience)))
    return passed("audience", `the token names ${said}`);
  const wanted = connections.map(({ audience }) => shown(audience)).join(" or ");
  if (connections.some(({ audience = "" }) => named.some((one) => isOfOtherEnvironment(String(one), audience))))
    return unknown("audience", `the token names ${said}; the connection wants ${wanted}`);
  return problem("audience", "audience_wrong", `the token names ${said}; the connection wants ${wanted}`);
}

function explainTime(token: ReadToken, nowSec: number): ExplainStep {
  const { exp, nbf } = token;
  if (!isNumericDate(exp)) return problem("time", "token_expired", "the token names no expiry");
  if (exp <= nowSec - toleranceSec)
    return problem("time", "token_expired", `expired at ${atSecond(exp)}, ${span(nowSec - exp)} ago`);
  if (nbf !== undefined && (!isNumericDate(nbf) || nbf > nowSec + toleranceSec)) {
    return problem(
      "time",
      "token_not_yet_valid",
      isNumericDate(nbf) ? `valid from ${atSecond(nbf)}, in ${span(nbf - nowSec)}` : "nbf is not a number",
    );
  }
  return passed("time", `expires at ${atSecond(exp)}`);
}
