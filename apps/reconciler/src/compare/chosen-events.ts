import type { Difference, SubjectKind } from "@rollcall/core/domain";
import type { ResyncRun, ResyncStep } from "@rollcall/core/store";

type Choice = {
  readonly differences: readonly Difference[];
  readonly subjects: readonly { readonly kind: SubjectKind; readonly ids: readonly string[] }[];
};

/**
 * So many of those whom the directory has never had a run takes out of the user store unasked. More of
 * them are no slip of a hand: somebody has lost a part of the directory, and a person is to look first.
 */
const strangersMax = 100;

/** Whose events a run writes for what it has looked at. */
export function chosenEvents(run: ResyncRun, { differences, subjects }: Choice): ResyncStep["events"] {
  if (run.heals === "none") return [];
  const strangers = differences.filter(isStranger).length + run.found.ghost + run.found.orphan_identity;
  // Of a stranger every difference leads to the same event: no connection knows them.
  const isTooMany = (difference: Difference): boolean =>
    strangers > strangersMax && (isStranger(difference) || difference.connectionId === undefined);
  // Unasked it leaves alone what was tried and given up, of which an alert tells.
  const isLeft = (difference: Difference): boolean => difference.isGivenUp || isTooMany(difference);
  const differing = run.cause === "schedule" ? differences.filter((difference) => !isLeft(difference)) : differences;
  return (["user", "group"] as const).flatMap((kind) => {
    const named = run.heals === "all" ? subjects.filter((one) => one.kind === kind).flatMap(({ ids }) => ids) : [];
    const found = differing.filter(({ subjectKind }) => subjectKind === kind).map(({ subjectId }) => subjectId);
    const ids = [...new Set([...named, ...found])];
    return ids.length === 0 ? [] : [{ kind, ids }];
  });
}

function isStranger({ kind }: Difference): boolean {
  return kind === "ghost" || kind === "orphan_identity";
}
