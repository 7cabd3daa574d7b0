import type { SubjectFacts } from "./explain-facts.ts";
import { ago, type ExplainStep, passed, problem, unknown } from "./explain-step.ts";
import type { Match } from "./explain-match.ts";

/** What the identity provider last said of the subject. `held` is why nobody came who may be on the way. */
export function explainDirectory(
  facts: SubjectFacts,
  match: Match | undefined,
  nowMs: number,
  { making, held }: { readonly making: ExplainStep | undefined; readonly held: ExplainStep | undefined },
): ExplainStep {
  if (match === undefined) {
    if (facts.otherTenants.length > 0) return unknown("directory", "no directory user of this tenant has this subject");
    // An admin's denial of a subject that nobody holds is why it is refused, provisioned or not.
    if (facts.revocations.some(({ deny }) => deny))
      return unknown("directory", "no directory user of this tenant has this subject; it is denied without one");
    // Nobody need have told of a subject whose token makes a user: then that is what decides.
    if (making !== undefined && making.status !== "unknown")
      return unknown("directory", "no directory user of this tenant has this subject; what its token makes, decides");
    if (held?.status === "problem")
      return unknown("directory", "no directory user of this tenant has this subject; the step sync tells why");
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
