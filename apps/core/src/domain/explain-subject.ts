import { explainDirectory } from "./explain-directory.ts";
import type { ExplainQuestion, SubjectFacts } from "./explain-facts.ts";
import { isOwn, type Match, nearest, otherAttribute } from "./explain-match.ts";
import { explainProvisioning } from "./explain-provisioning.ts";
import { explainGateways, explainRevocation } from "./explain-revocation.ts";
import { type ExplainStep, passed, problem, shown } from "./explain-step.ts";
import { explainArrival, explainSync } from "./explain-sync.ts";
import { explainStore } from "./explain-user-store.ts";
import { isId } from "./identifier.ts";
import { isServiceToken } from "./just-in-time.ts";
import { subjectLengthMax } from "./subject.ts";

const control = /\p{Cc}/u;

/** The steps from the subject claim to the gateway. */
export function explainSubject(question: ExplainQuestion, facts: SubjectFacts, nowMs: number): readonly ExplainStep[] {
  const { sub } = question;
  const shape = explainShape(question);
  if (shape !== undefined || typeof sub !== "string") return shape === undefined ? [] : [shape];

  const match = nearest(facts, question.iss, sub);
  const isStranger = match === undefined || !isOwn(match);
  const making = isStranger && facts.provisioning !== undefined ? explainProvisioning(facts.provisioning) : undefined;
  const claim = isProgram(question, facts)
    ? problem("subject", "service_account", `${shown(sub)} speaks for a program`)
    : explainClaim(sub, facts, match);
  const steps: ExplainStep[] = [];
  if (match === undefined && facts.otherTenants.length > 0)
    steps.push(problem("tenant", "other_tenant", `the subject is known in tenant ${facts.otherTenants.join(", ")}`));
  const held = match === undefined ? explainArrival(facts, nowMs) : undefined;
  steps.push(claim, explainDirectory(facts, match, nowMs, { making, held }));
  if (held !== undefined) steps.push(held);
  if (match !== undefined && isOwn(match)) {
    steps.push(explainSync(match.candidate, facts.standings ?? [], nowMs));
    steps.push(explainStore(question.iss, facts.identities, match.candidate));
  }
  steps.push(explainRevocation(question, facts), explainGateways(facts));
  return making === undefined ? steps : [...steps, making];
}

/** Faults that the value shows by itself. */
function explainShape({ sub, subjectClaim }: ExplainQuestion): ExplainStep | undefined {
  if (sub === undefined || sub === null)
    return problem("subject", "subject_missing", `the claim ${subjectClaim} is absent`);
  if (sub === "") return problem("subject", "subject_empty", `the claim ${subjectClaim} is ""`);
  if (typeof sub !== "string")
    return problem("subject", "subject_malformed", `the claim ${subjectClaim} is no text but ${shown(sub)}`);
  if (sub.length > subjectLengthMax)
    return problem("subject", "subject_malformed", `${sub.length} characters; ${subjectLengthMax} are allowed`);
  if (control.test(sub.trim()))
    return problem("subject", "subject_malformed", `${shown(sub)} contains a control character`);
  return undefined;
}

/** Whether every connection that the token could be of tells a program by it. */
function isProgram({ sub, subjectClaim, claims }: ExplainQuestion, { connections }: SubjectFacts): boolean {
  if (typeof sub !== "string" || connections.length === 0) return false;
  const said = claims ?? { [subjectClaim]: sub };
  return connections.every((connection) => isServiceToken(connection, said, claims === undefined ? "" : sub));
}

function explainClaim(sub: string, facts: SubjectFacts, match: Match | undefined): ExplainStep {
  const theirs = match === undefined ? "" : shown(match.candidate.subject);
  switch (match?.relation) {
    case "exact":
    case "other_connection":
      return passed("subject", `${shown(sub)} is the subject of user ${match.candidate.userId}`);
    case "alias":
      return explainAlias(sub, match);
    case "whitespace":
      return problem("subject", "subject_whitespace", `the token says ${shown(sub)}, the directory ${theirs}`);
    case "case":
      return problem("subject", "subject_case_differs", `the token says ${shown(sub)}, the directory ${theirs}`);
    case "other_attribute": {
      const { connection } = match.candidate;
      const rule =
        connection.subjectRule === "attribute" ? connection.subjectAttribute : `the rule ${connection.subjectRule}`;
      return problem(
        "subject",
        "subject_rule_mismatch",
        `${shown(sub)} is ${otherAttribute(match.candidate, sub) ?? "another attribute"} of user ${match.candidate.userId}; connection ${connection.slug} reads ${rule}`,
      );
    }
    case undefined:
      return explainStranger(sub, facts);
  }
}

/** What a user was called before: whoever looks for them by their present address finds nobody of this one. */
function explainAlias(sub: string, { candidate }: Match): ExplainStep {
  const evidence = `${shown(sub)} is an earlier subject of user ${candidate.userId}, whose subject is ${shown(candidate.subject)} now`;
  const isOfSomebody = candidate.active && candidate.deletedAt === undefined && candidate.denials.length === 0;
  return sub.includes("@") && isOfSomebody
    ? problem("subject", "subject_email_changed", evidence)
    : passed("subject", evidence);
}

function explainStranger(sub: string, { connections }: SubjectFacts): ExplainStep {
  if (sub !== sub.trim()) return problem("subject", "subject_whitespace", `the token says ${shown(sub)}`);
  if (connections.length > 0 && connections.every(({ subjectRule }) => subjectRule === "direct") && !isId(sub)) {
    return problem(
      "subject",
      "subject_malformed",
      `${shown(sub)} is no user id: the rule "direct" expects a UUID in lower case`,
    );
  }
  if (
    connections.length > 0 &&
    connections.every(
      ({ subjectRule, subjectAttribute }) => subjectRule === "attribute" && subjectAttribute.startsWith("emails"),
    ) &&
    !sub.includes("@")
  ) {
    return problem(
      "subject",
      "subject_malformed",
      `${shown(sub)} is no e-mail address, which the connection's rule reads`,
    );
  }
  return passed("subject", `${shown(sub)} is well formed`);
}
