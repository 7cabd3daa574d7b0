import type { Candidate, IdentityFact, SubjectFacts } from "./explain-facts.ts";
import { foldCase } from "./identifier.ts";
import { subjectKey } from "./subject.ts";

/** How a directory user relates to the subject in question, the nearest first. */
const relations = ["exact", "alias", "whitespace", "case", "other_connection", "other_attribute"] as const;
type Relation = (typeof relations)[number];
export type Match = { readonly candidate: Candidate; readonly relation: Relation };

/** The directory user whom the subject most likely means. */
export function nearest(facts: SubjectFacts, iss: string | undefined, sub: string): Match | undefined {
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
  const own = identities.filter(
    (identity) => identity.directoryUserId === candidate.directoryUserId && same(identity.sub, sub),
  );
  if (own.some(({ linked, alias }) => linked !== undefined && !alias)) return "exact";
  // Theirs still, or theirs before: a new name that is accepted and not applied yet is not tied to them.
  if (own.length > 0) return "alias";
  if (subject !== undefined && foldCase(subject.trim()) === foldCase(sub.trim())) {
    if (!namesIssuer) return "other_connection";
    return sub !== sub.trim() || subject !== subject.trim() ? "whitespace" : "case";
  }
  return otherAttribute(candidate, sub) === undefined ? undefined : "other_attribute";
}

/** Which attribute of a user the subject is. */
export function otherAttribute(candidate: Candidate, sub: string): string | undefined {
  const key = foldCase(sub.trim());
  const attributes = {
    userName: candidate.userName,
    externalId: candidate.externalId,
    "the user's id": candidate.userId,
  };
  return Object.entries(attributes).find(([, value]) => value !== undefined && foldCase(value) === key)?.[0];
}

/** Whether the subject is this user's own, now or before. */
export function isOwn({ relation }: Match): boolean {
  return relation === "exact" || relation === "alias";
}
