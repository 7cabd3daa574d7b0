import { explainCauses, type ExplainCode, explainSteps, type ExplainStepName } from "@rollcall/core/domain";
import { z } from "zod";
import { moment, uuid } from "./answer-shapes.ts";

const code = z.enum(Object.keys(explainCauses) as [ExplainCode, ...ExplainCode[]]);
const step = z.enum(Object.keys(explainSteps) as [ExplainStepName, ...ExplainStepName[]]);

const gateway = z.object({
  name: z.string(),
  follows: z.enum(["tenant", "all"]),
  standing: z.enum(["live", "behind", "stale", "blind", "gone"]),
  behind: z.int().optional(),
  asOfAgeMs: z.number(),
  enforces: z.boolean().optional(),
  sinceAtLatest: moment.optional(),
});

/** A refusal that a gateway told of. */
export const refusalShape = z.object({
  at: moment,
  gateway: z.string(),
  reason: z.string(),
  requestId: z.string().optional(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  subHash: z.string().optional(),
  claims: z.array(z.string()).optional(),
  userId: uuid.optional(),
});

const summary = z.object({
  from: moment,
  to: moment,
  total: z.int(),
  reasons: z.array(z.object({ reason: z.string(), count: z.int() })),
  subjects: z.int(),
  gateways: z.array(z.string()),
});

/** What `POST /v1/explain` answers. */
export const explanationShape = z.object({
  verdict: z.object({ code, sentence: z.string(), fix: z.string() }),
  steps: z.array(
    z.object({
      step,
      status: z.enum(["ok", "problem", "unknown"]),
      code: code.optional(),
      evidence: z.string(),
      fix: z.string().optional(),
      gateways: z.array(gateway).optional(),
    }),
  ),
  causes: z.array(z.object({ code, step, sentence: z.string(), fix: z.string(), count: z.int().optional() })),
  refusal: refusalShape.optional(),
  refusals: summary.optional(),
});
export type ExplanationAnswer = z.output<typeof explanationShape>;
