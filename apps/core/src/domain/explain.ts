import { type ExplainCode, explainCauses, explainSteps, type ExplainStepName } from "./explain-causes.ts";
import type { Candidate, ExplainQuestion, SubjectFacts } from "./explain-facts.ts";
import { decisiveCause, explainRefused, explainRefusedAnyway } from "./explain-refusal.ts";
import { type ExplainStep, problem } from "./explain-step.ts";
import { explainSubject } from "./explain-subject.ts";
import { explainToken } from "./explain-token.ts";

export type ExplainedCause = {
  readonly code: ExplainCode;
  readonly step: ExplainStepName;
  readonly sentence: string;
  readonly fix: string;
  /** Of several refusals, how many of those that were looked at have this cause. */
  readonly count?: number;
};

export type Explanation = {
  readonly verdict: { readonly code: ExplainCode; readonly sentence: string; readonly fix: string };
  readonly steps: readonly ExplainStep[];
  /** Every cause that was found, nearest first. */
  readonly causes: readonly ExplainedCause[];
};

export type { Candidate as ExplainCandidate };

const order = Object.keys(explainSteps);

/**
 * Walks the checklist of an experienced engineer over facts gathered beforehand, and touches
 * nothing. The verdict is the first problem in the order of the steps, what is nearest to the cause;
 * of a refusal that a gateway has told of, the reason that it gave, where that is the cause itself.
 */
export function explain(question: ExplainQuestion, facts: SubjectFacts, nowMs: number): Explanation {
  const steps = stepsOf(question, facts, nowMs).toSorted((a, b) => order.indexOf(a.step) - order.indexOf(b.step));
  const code =
    (question.token === undefined ? decisiveCause(question.refused) : undefined) ??
    steps.find((step) => step.status === "problem")?.code ??
    undecided(steps);
  const { sentence, fix } = explainCauses[code];
  return { verdict: { code, sentence, fix }, steps, causes: causesOf(steps) };
}

function stepsOf(question: ExplainQuestion, facts: SubjectFacts, nowMs: number): readonly ExplainStep[] {
  const { token, claims = {}, refused, sub } = question;
  const steps = token === undefined ? [] : explainToken(token, claims, facts, nowMs / 1_000);
  if (token?.kind === "malformed") return steps;
  if (facts.unreachable !== undefined)
    return [...steps, problem("user_store", "user_store_unreachable", facts.unreachable)];
  const told = refused === undefined || token !== undefined ? [] : [explainRefused(refused, sub !== undefined)];
  if (refused !== undefined && token === undefined && sub === undefined) return told;
  const asGateway = refusedForClaims(facts, question);
  const all = [...steps, ...told, ...explainSubject(question, asGateway, nowMs)];
  if (all.some(({ status }) => status === "problem")) return all;
  const anyway = explainRefusedAnyway(question, facts);
  return anyway === undefined ? all : [...all.filter(({ step }) => step !== "gateway"), anyway];
}

/** Whoever has no token to judge takes the gateway's word for which claims it lacks. */
function refusedForClaims(facts: SubjectFacts, { refused, token }: ExplainQuestion): SubjectFacts {
  if (token !== undefined || refused?.reason !== "claims_missing") return facts;
  return {
    ...facts,
    provisioning: { kind: "refused", refusal: { reason: "claims_missing", claims: refused.claims ?? [] } },
  };
}

function causesOf(steps: readonly ExplainStep[]): readonly ExplainedCause[] {
  const codes = steps.flatMap(({ status, code, step }) =>
    code === undefined || status === "ok" ? [] : [{ code, step }],
  );
  return codes.map(({ code, step }) => {
    const { sentence, fix } = explainCauses[code];
    return { code, step, sentence, fix };
  });
}

/** A signature that nobody could check must not end in "ok". */
function undecided(steps: readonly ExplainStep[]): ExplainCode {
  return steps.some(({ code }) => code === "keys_unavailable") ? "keys_unavailable" : "ok";
}
