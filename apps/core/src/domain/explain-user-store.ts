import type { Candidate, DenialFact, IdentityFact, TieFact } from "./explain-facts.ts";
import { type ExplainStep, passed, problem, unknown } from "./explain-step.ts";

/** Whether the application knows the subject as the directory says, and lets it in. */
export function explainStore(
  iss: string | undefined,
  identities: readonly IdentityFact[],
  candidate: Candidate,
): ExplainStep {
  const owner = identities.find(({ userId }) => userId === candidate.userId) ?? identities[0];
  const settled =
    candidate.waiting === undefined && candidate.dead === undefined && candidate.appliedVersion >= candidate.version;
  if (owner !== undefined && owner.userId !== candidate.userId) {
    return problem(
      "user_store",
      "identity_elsewhere",
      `the subject is user ${owner.userId}'s, the directory says ${candidate.userId}${tiesOf(owner, candidate)}`,
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
  const ties = tiesOf(owner, candidate);
  if (theirs.length > 0)
    return unknown(
      "user_store",
      `user ${candidate.userId} is denied as the directory says: ${theirs.join(", ")}${ties}`,
    );
  return passed("user_store", `user ${candidate.userId} holds the subject, and nothing denies it${ties}`);
}

/** What of it an admin tied by hand. */
function tiesOf(owner: IdentityFact | undefined, { directoryUserId, userId, linked }: Candidate): string {
  const tied = ({ at, by }: TieFact): string => `${at.toISOString()}${by === undefined ? "" : ` by credential ${by}`}`;
  return [
    linked && `; directory user ${directoryUserId} is linked to user ${userId} since ${tied(linked)}`,
    owner?.linked && `; user ${owner.userId} was given the subject on ${tied(owner.linked)}`,
  ]
    .filter((tie) => tie !== undefined)
    .join("");
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
