import type { ExplainStep } from "./explain-causes.ts";
import type { Candidate, DenialFact, ExplainQuestion, IdentityFact, SubjectFacts } from "./explain-facts.ts";
import { explainProvisioning } from "./explain-provisioning.ts";
import { explainGateways, explainRevocation } from "./explain-revocation.ts";
import { passed, problem, shown, span, unknown } from "./explain-token.ts";
import { foldCase, isId } from "./identifier.ts";
import { subjectKey } from "./subject.ts";

/** How a directory user relates to the subject in question, the nearest first. */
const relations = ["exact", "alias", "whitespace", "case", "other_connection", "other_attribute"] as const;
type Relation = (typeof relations)[number];
type Match = { readonly candidate: Candidate; readonly relation: Relation };

/** OpenID Connect Core 1.0 §2: a sub is at most 255 characters. */
const lengthMax = 255;
const control = /\p{Cc}/u;

/** The steps from the subject claim to the gateway. */
export function explainSubject(question: ExplainQuestion, facts: SubjectFacts, nowMs: number): readonly ExplainStep[] {
  const { sub } = question;
  const shape = explainShape(question);
  if (shape !== undefined || typeof sub !== "string") return shape === undefined ? [] : [shape];

  const match = nearest(facts, question.iss, sub);
  const isStranger = match === undefined || !isOwn(match);
  const making = isStranger && facts.provisioning !== undefined ? explainProvisioning(facts.provisioning) : undefined;
  const steps = [explainClaim(sub, facts, match), explainDirectory(facts, match, nowMs, making)];
  if (match !== undefined && isOwn(match))
    steps.push(explainSync(match.candidate, nowMs), explainStore(question.iss, facts.identities, match.candidate));
  steps.push(explainRevocation(question.token, facts), explainGateways(facts));
  return making === undefined ? steps : [...steps, making];
}

/** Faults that the value shows by itself. */
function explainShape({ sub, subjectClaim }: ExplainQuestion): ExplainStep | undefined {
  if (sub === undefined || sub === null)
    return problem("subject", "subject_missing", `the claim ${subjectClaim} is absent`);
  if (sub === "") return problem("subject", "subject_empty", `the claim ${subjectClaim} is ""`);
  if (typeof sub !== "string")
    return problem("subject", "subject_malformed", `the claim ${subjectClaim} is no text but ${shown(sub)}`);
  if (sub.length > lengthMax)
    return problem("subject", "subject_malformed", `${sub.length} characters; ${lengthMax} are allowed`);
  if (control.test(sub.trim()))
    return problem("subject", "subject_malformed", `${shown(sub)} contains a control character`);
  return undefined;
}

function nearest(facts: SubjectFacts, iss: string | undefined, sub: string): Match | undefined {
  const matches = facts.candidates.flatMap((candidate): readonly Match[] => {
    const relation = relationOf(candidate, facts.identities, iss, sub);
    return relation === undefined ? [] : [{ candidate, relation }];
  });
  const rank = ({ candidate, relation }: Match): number =>
    relations.indexOf(relation) * 2 + (candidate.deletedAt === undefined ? 0 : 1);
  return matches.toSorted((a, b) => rank(a) - rank(b))[0];
}

function relationOf(
  candidate: Candidate,
  identities: readonly IdentityFact[],
  iss: string | undefined,
  sub: string,
): Relation | undefined {
  const { connection, subject } = candidate;
  const same = (a: string, b: string): boolean =>
    subjectKey(connection.subjectCompare, a) === subjectKey(connection.subjectCompare, b);
  const namesIssuer = iss === undefined || connection.issuers.includes(iss);
  if (subject !== undefined && same(subject, sub)) return namesIssuer ? "exact" : "other_connection";
  if (identities.some((identity) => identity.alias && identity.directoryUserId === candidate.directoryUserId))
    return "alias";
  if (subject !== undefined && foldCase(subject.trim()) === foldCase(sub.trim())) {
    if (!namesIssuer) return "other_connection";
    return sub !== sub.trim() || subject !== subject.trim() ? "whitespace" : "case";
  }
  return otherAttribute(candidate, sub) === undefined ? undefined : "other_attribute";
}

function otherAttribute(candidate: Candidate, sub: string): string | undefined {
  const key = foldCase(sub.trim());
  const attributes = {
    userName: candidate.userName,
    externalId: candidate.externalId,
    "the user's id": candidate.userId,
  };
  return Object.entries(attributes).find(([, value]) => value !== undefined && foldCase(value) === key)?.[0];
}

function isOwn({ relation }: Match): boolean {
  return relation === "exact" || relation === "alias";
}

function explainClaim(sub: string, facts: SubjectFacts, match: Match | undefined): ExplainStep {
  const theirs = match === undefined ? "" : shown(match.candidate.subject);
  switch (match?.relation) {
    case "exact":
    case "other_connection":
      return passed("subject", `${shown(sub)} is the subject of user ${match.candidate.userId}`);
    case "alias":
      return passed(
        "subject",
        `${shown(sub)} is an earlier subject of user ${match.candidate.userId}, whose subject is ${theirs} now`,
      );
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

function explainDirectory(
  facts: SubjectFacts,
  match: Match | undefined,
  nowMs: number,
  making: ExplainStep | undefined,
): ExplainStep {
  if (match === undefined) {
    if (facts.otherTenants.length > 0)
      return problem("directory", "other_tenant", `known in tenant ${facts.otherTenants.join(", ")}`);
    // An admin's denial of a subject that nobody holds is why it is refused, provisioned or not.
    if (facts.revocations.some(({ deny }) => deny))
      return unknown("directory", "no directory user of this tenant has this subject; it is denied without one");
    // Nobody need have told of a subject whose token makes a user: then that is what decides.
    if (making !== undefined && making.status !== "unknown")
      return unknown("directory", "no directory user of this tenant has this subject; what its token makes, decides");
    return problem(
      "directory",
      "never_provisioned",
      "no directory user of this tenant has this subject, and none ever had",
    );
  }
  const { candidate } = match;
  const who = `directory user ${candidate.directoryUserId} of connection ${candidate.connection.slug}`;
  if (match.relation === "other_connection") {
    return problem(
      "directory",
      "other_connection",
      `${who}, which names ${candidate.connection.issuers.join(", ") || "no issuer"}`,
    );
  }
  const event = candidate.left === undefined ? "" : `, by event ${candidate.left.id} (${candidate.left.kind})`;
  if (candidate.deletedAt !== undefined)
    return problem("directory", "user_deleted", `${who} was deleted ${ago(candidate.deletedAt, nowMs)}${event}`);
  if (!candidate.active) {
    const since = candidate.left === undefined ? "" : ` since ${ago(candidate.left.at, nowMs)}`;
    return problem("directory", "user_inactive", `${who} is inactive${since}${event}`);
  }
  return passed("directory", `${who} is active`);
}

function explainSync(candidate: Candidate, nowMs: number): ExplainStep {
  const { waiting, dead } = candidate;
  if (waiting !== undefined) {
    const tried = waiting.attempts === 0 ? "" : `, tried ${waiting.attempts} times`;
    return problem(
      "sync",
      "not_applied",
      `event ${waiting.id} (${waiting.kind}) was accepted ${ago(waiting.at, nowMs)}; lane ${waiting.lane}, ${waiting.ahead} of this tenant before it${tried}`,
    );
  }
  if (dead !== undefined)
    return problem(
      "sync",
      "dead_lettered",
      `event ${dead.id} (${dead.kind}) was given up ${ago(dead.at, nowMs)}: ${dead.reason}`,
    );
  if (candidate.appliedVersion < candidate.version) {
    return problem(
      "sync",
      "drift",
      `the directory is at version ${candidate.version}, the user store at ${candidate.appliedVersion}`,
    );
  }
  return passed("sync", `version ${candidate.version} is applied`);
}

function explainStore(iss: string | undefined, identities: readonly IdentityFact[], candidate: Candidate): ExplainStep {
  const owner = identities.find(({ userId }) => userId === candidate.userId) ?? identities[0];
  const settled =
    candidate.waiting === undefined && candidate.dead === undefined && candidate.appliedVersion >= candidate.version;
  if (owner !== undefined && owner.userId !== candidate.userId) {
    return problem(
      "user_store",
      "identity_elsewhere",
      `the subject is user ${owner.userId}'s, the directory says ${candidate.userId}`,
    );
  }
  // What the identity provider denies, the directory has said already; until its change is applied an old denial is no cause either.
  const own = candidate.denials.filter(({ reason }) => !reason.startsWith("idp_"));
  if (own.length > 0) return explainDenial(own);
  if (owner === undefined) {
    if (!settled) return unknown("user_store", "not there yet: the change above brings it");
    if (iss !== undefined)
      return problem("user_store", "identity_missing", `user ${candidate.userId} holds no subject of ${iss}`);
  }
  const theirs = candidate.denials.map(({ reason }) => reason);
  if (theirs.length > 0)
    return unknown("user_store", `user ${candidate.userId} is denied as the directory says: ${theirs.join(", ")}`);
  return passed("user_store", `user ${candidate.userId} holds the subject, and nothing denies it`);
}

function explainDenial(denials: readonly DenialFact[]): ExplainStep {
  const evidence = denials
    .map(
      ({ reason, since, by }) =>
        `${reason} since ${since.toISOString()}${by === undefined ? "" : ` by credential ${by}`}`,
    )
    .join("; ");
  if (denials.some(({ reason }) => reason === "admin_revoked")) return problem("user_store", "revoked", evidence);
  if (denials.some(({ reason }) => reason === "admin_suspended")) return problem("user_store", "suspended", evidence);
  return problem("user_store", "denied", evidence);
}

function ago(at: Date, nowMs: number): string {
  return `${at.toISOString()} (${span(Math.max(0, nowMs - at.getTime()) / 1_000)} ago)`;
}
