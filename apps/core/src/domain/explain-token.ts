import type { Connection } from "./connection.ts";
import { type ExplainCode, explainCauses, type ExplainStep, type ExplainStepName } from "./explain-causes.ts";
import type { SignatureVerdict, TokenFacts } from "./explain-facts.ts";

type ReadToken = Extract<TokenFacts, { readonly kind: "read" }>;

const toleranceSec = 30;
const accessTypes: readonly unknown[] = ["jwt", "at+jwt", "application/at+jwt", undefined];

/** The steps that a token alone decides, in the order in which a gateway takes them. */
export function explainToken(
  token: TokenFacts,
  connections: readonly Connection[],
  nowSec: number,
): readonly ExplainStep[] {
  if (token.kind === "malformed") return [problem("token", "token_malformed", token.why)];
  return [
    passed("token", `a signed JWT, algorithm ${shown(token.alg)}`),
    explainIssuer(token, connections),
    explainSignature(token.signature, token.alg),
    explainType(token.typ),
    explainAudience(token.aud, connections),
    explainTime(token, nowSec),
  ];
}

export function passed(step: ExplainStepName, evidence: string): ExplainStep {
  return { step, status: "ok", evidence };
}

export function problem(step: ExplainStepName, code: ExplainCode, evidence: string): ExplainStep {
  return { step, status: "problem", code, evidence, fix: explainCauses[code].fix };
}

export function unknown(step: ExplainStepName, evidence: string, code?: ExplainCode): ExplainStep {
  return code === undefined
    ? { step, status: "unknown", evidence }
    : { step, status: "unknown", code, evidence, fix: explainCauses[code].fix };
}

function explainIssuer(token: ReadToken, connections: readonly Connection[]): ExplainStep {
  if (typeof token.iss !== "string") return problem("issuer", "issuer_unknown", "the token names no issuer");
  if (connections.length === 0) return problem("issuer", "issuer_unknown", `iss is ${shown(token.iss)}`);
  return passed("issuer", `${shown(token.iss)}, of connection ${connections.map(({ slug }) => slug).join(", ")}`);
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

export function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

const shownMax = 200;

/** A claim's value as evidence: quoted, so that white space shows, and cut, so that it stays a line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

export function atSecond(seconds: number): string {
  // Past the range of dates the number itself says more.
  return Math.abs(seconds) > 8.64e12 ? String(seconds) : new Date(seconds * 1_000).toISOString();
}

/** A length of time as a person would say it. */
export function span(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const [unit, size] = units.find(([, least]) => seconds >= least) ?? ["s", 1];
  return `${Math.round((seconds / size) * 10) / 10} ${unit}`;
}
