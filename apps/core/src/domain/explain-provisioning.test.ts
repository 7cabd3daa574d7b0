import { expect, test } from "vitest";
import type { ExplainStep } from "./explain-step.ts";
import type { ExplainQuestion, ProvisioningFact, SubjectFacts } from "./explain-facts.ts";
import { explain } from "./explain.ts";

const iss = "https://idp.test";
const facts = (provisioning: ProvisioningFact | undefined): SubjectFacts => ({
  connections: [],
  candidates: [],
  identities: [],
  revocations: [],
  gateways: [],
  provisioning,
  otherTenants: [],
});
const question: ExplainQuestion = { token: undefined, iss, sub: "00u9", subjectClaim: "sub" };

function told(provisioning: ProvisioningFact | undefined): { readonly code: string; readonly step?: ExplainStep } {
  const { verdict, steps } = explain(question, facts(provisioning), 0);
  const step = steps.find((one) => one.step === "just_in_time");
  return { code: verdict.code, ...(step === undefined ? {} : { step }) };
}

test("where users are not made from tokens, a stranger is unknown for the reason that they always were", () => {
  expect(told({ kind: "off" })).toMatchObject({ code: "never_provisioned", step: { status: "unknown" } });
  expect(told({ kind: "off" }).step?.evidence).toMatch(/^off/);
  expect(told(undefined)).toEqual({ code: "never_provisioned" });
});

test("without a token nobody can say whether it would make somebody", () => {
  expect(told({ kind: "untold" })).toMatchObject({ code: "never_provisioned", step: { status: "unknown" } });
});

test("of whom a user would be made, nothing is wrong", () => {
  expect(told({ kind: "ready", connection: "okta" })).toMatchObject({ code: "ok", step: { status: "ok" } });
});

test("claims that are missing are named", () => {
  const refusal = { reason: "claims_missing", claims: ["email", "upn"] } as const;
  expect(told({ kind: "refused", refusal })).toMatchObject({
    code: "claims_missing",
    step: { status: "problem", evidence: "missing claims: email, upn" },
  });
});

test.each(["service_account", "user_name_taken", "tenant_ambiguous", "idp_deleted", "idp_inactive"] as const)(
  "a failure says why: %s",
  (reason) => {
    const { code, step } = told({ kind: "refused", refusal: { reason } });
    expect(code).toBe("provisioning_failed");
    expect(step?.evidence.startsWith(`${reason}: `)).toBe(true);
  },
);

test("a denial of a subject that nobody holds is the verdict, whatever its token would make", () => {
  const denied = {
    deny: true,
    nbf: undefined,
    reason: "admin_revoked",
    since: new Date(0),
    by: undefined,
    published: true,
    scope: "sub",
    forgottenAt: undefined,
    seq: undefined,
    houseSeq: undefined,
    enforcedAt: undefined,
  } as const;
  const answer = explain(question, { ...facts({ kind: "ready", connection: "okta" }), revocations: [denied] }, 0);
  expect(answer.verdict.code).toBe("revoked");
});
