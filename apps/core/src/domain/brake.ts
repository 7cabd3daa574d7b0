/** What one listing may change before a person is asked. */
export type BrakeLimits = {
  /** The share of those who may enter that it may shut out. */
  readonly share: number;
  /** So many may be shut out, or changed, whatever share of all they are. */
  readonly count: number;
  /** The share of the living that it may change. */
  readonly changedShare: number;
};

export const usualBrake: BrakeLimits = { share: 0.05, count: 20, changedShare: 0.3 };

/** What a listing would do to a connection's users, and to how many. */
export type MassChange = {
  /** Users who are not deleted. */
  readonly living: number;
  /** Those of them who are active. */
  readonly mayEnter: number;
  /** Those of them who would not be any more. */
  readonly shutOut: number;
  /** Living users of whom anything would be changed, those included. */
  readonly changed: number;
};

/** Why a listing was stopped: `would` of `of` users, where `share` and more than `count` are too many. */
export type Brake = {
  readonly cause: "shut_out" | "changed";
  readonly share: number;
  readonly count: number;
  readonly would: number;
  readonly of: number;
};

/**
 * Whether a listing would do so much at once that a mistake is likelier than the truth. Shares are of those
 * who can lose something: users who are shut out already would make every share look small.
 */
export function decideBrake(change: MassChange, limits: BrakeLimits): Brake | undefined {
  const { living, mayEnter, shutOut, changed } = change;
  const { share, count, changedShare } = limits;
  if (shutOut > count && shutOut > share * mayEnter)
    return { cause: "shut_out", share, count, would: shutOut, of: mayEnter };
  if (changed > count && changed > changedShare * living)
    return { cause: "changed", share: changedShare, count, would: changed, of: living };
  return undefined;
}
