import type { Json, JsonObject } from "./directory.ts";
import type { SubjectKind } from "./event.ts";

/**
 * How the user store may differ from what a worker would make of the directory:
 * - `missing`: the directory has the subject, and the user store does not;
 * - `ghost`: the user store has one that the directory has never had, or a group that it has deleted;
 * - `wrong_state`: whoever is to be refused is not, or the other way round;
 * - `stale_attribute`: the profile is another;
 * - `wrong_membership`: the groups are others;
 * - `subject_mismatch`: a token's subject finds another user, or none;
 * - `orphan_identity`: a subject finds a user by a directory user that there is not.
 */
export const driftKinds = [
  "missing",
  "ghost",
  "wrong_state",
  "stale_attribute",
  "wrong_membership",
  "subject_mismatch",
  "orphan_identity",
] as const;
export type DriftKind = (typeof driftKinds)[number];

/** One way in which a subject differs, with both sides of it. */
export type Difference = {
  readonly kind: DriftKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  /** Undefined for what no connection knows. */
  readonly connectionId: string | undefined;
  /** What a person calls it: a userName, a displayName, a subject. */
  readonly name: string | undefined;
  readonly directory: Json;
  readonly userStore: Json;
  /** An event of the subject was given up and nothing has come after it: to write another would end in the same way. */
  readonly isGivenUp: boolean;
};

export type DriftCounts = Readonly<Record<DriftKind, number>>;

/** Counts of each kind, with none left out. */
export function driftCounts(counts: Partial<DriftCounts> = {}): DriftCounts {
  return Object.fromEntries(driftKinds.map((kind) => [kind, counts[kind] ?? 0])) as DriftCounts;
}

/** The counts with these differences added. */
export function countDrift(counts: DriftCounts, differences: readonly Pick<Difference, "kind">[]): DriftCounts {
  const added: Record<DriftKind, number> = { ...counts };
  for (const { kind } of differences) added[kind] += 1;
  return added;
}

/** The parts of two objects that differ, by name: what one has not got is null. */
export function differingParts(directory: JsonObject, userStore: JsonObject): readonly [JsonObject, JsonObject] {
  const names = [...new Set([...Object.keys(directory), ...Object.keys(userStore)])].toSorted();
  const differing = names.filter((name) => canonical(directory[name]) !== canonical(userStore[name]));
  const partsOf = (whole: JsonObject): JsonObject =>
    Object.fromEntries(differing.map((name) => [name, whole[name] ?? null]));
  return [partsOf(directory), partsOf(userStore)];
}

/** PostgreSQL orders the names in an object as it likes. */
function canonical(value: Json | undefined): string {
  return JSON.stringify(value ?? null, (_name, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
