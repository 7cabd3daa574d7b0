import { type BrakeLimits, usualBrake } from "./brake.ts";

/** What an admin has set of a connection's listings. */
export type PullSettings = {
  /** How often everybody is listed. */
  readonly everySec: number;
  readonly brakeShare: number;
  readonly brakeCount: number;
};

/** A run that waits for a person is `braked`; the last three are ends. */
export type PullState = "listing" | "comparing" | "braked" | "applying" | "finished" | "cancelled" | "failed";

/**
 * What differs between a listing and the directory. `missing` was not in this listing, and `gone` in none of two
 * in a row; of the others, each says what would become of them.
 */
export const pullDifferenceKinds = [
  "gone",
  "shut_out",
  "let_in",
  "attributes",
  "new",
  "missing",
  "membership",
  "new_group",
  "group_gone",
  "group_missing",
] as const;
export type PullDifferenceKind = (typeof pullDifferenceKinds)[number];

/** From these nothing follows yet. */
export const waitingKinds: readonly PullDifferenceKind[] = ["missing", "group_missing"];

/** Whoever loses access goes first, then whoever is new, then groups: their members are there by then. */
export const pullRanks: Readonly<Record<PullDifferenceKind, number>> = {
  gone: 0,
  shut_out: 0,
  let_in: 1,
  attributes: 1,
  new: 2,
  new_group: 3,
  membership: 4,
  group_gone: 5,
  missing: 9,
  group_missing: 9,
};

export function brakeLimitsOf(settings: PullSettings | undefined): BrakeLimits {
  return {
    ...usualBrake,
    share: settings?.brakeShare ?? usualBrake.share,
    count: settings?.brakeCount ?? usualBrake.count,
  };
}
