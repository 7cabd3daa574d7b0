import { type ExplainCode, explainCauses, type ExplainStep } from "./explain-causes.ts";
import type { Candidate, ExplainQuestion, SubjectFacts } from "./explain-facts.ts";
import { explainSubject } from "./explain-subject.ts";
import { explainToken } from "./explain-token.ts";

export type Explanation = {
  readonly verdict: { readonly code: ExplainCode; readonly sentence: string; readonly fix: string };
  readonly steps: readonly ExplainStep[];
};

export type { Candidate as ExplainCandidate };

/**
 * Walks the checklist of an experienced engineer over facts gathered beforehand, and touches
 * nothing. The verdict is the first problem in the order of the steps: what is nearest to the cause.
 */
export function explain(question: ExplainQuestion, facts: SubjectFacts, nowMs: number): Explanation {
  const tokenSteps = question.token === undefined ? [] : explainToken(question.token, facts.connections, nowMs / 1_000);
  const unread = question.token?.kind === "malformed";
  const steps = unread ? tokenSteps : [...tokenSteps, ...explainSubject(question, facts, nowMs)];
  const code = steps.find((step) => step.status === "problem")?.code ?? undecided(steps);
  return { verdict: { code, ...explainCauses[code] }, steps };
}

/** A signature that nobody could check must not end in "ok". */
function undecided(steps: readonly ExplainStep[]): ExplainCode {
  return steps.find((step) => step.status === "unknown" && step.code !== undefined)?.code ?? "ok";
}
