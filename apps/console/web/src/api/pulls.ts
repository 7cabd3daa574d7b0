export type PullState = "listing" | "comparing" | "braked" | "applying" | "finished" | "cancelled" | "failed";

/** Why a listing was stopped: it would do something to `would` of `of` users. */
export type Brake = {
  readonly cause?: "shut_out" | "changed";
  readonly share: number;
  readonly count: number;
  readonly would: number;
  readonly of: number;
};

export type Pull = {
  readonly id: string;
  readonly connection: string;
  readonly dryRun?: boolean;
  readonly state: PullState;
  readonly listed?: number | null;
  readonly complete?: boolean | null;
  readonly found?: Readonly<Record<string, number>>;
  /** Of how many of them something has come. */
  readonly settled?: number;
  readonly brake?: Brake | null;
  readonly reason?: string | null;
  readonly startedAt?: string;
  readonly finishedAt?: string | null;
};

export type PullDifference = {
  readonly id: string;
  readonly kind: string;
  readonly subjectKind: "user" | "group";
  readonly subjectId: string | null;
  readonly name: string;
  readonly detail: unknown;
  readonly outcome: string | null;
  readonly healedAt: string | null;
};

/** What differs between what the provider listed and the directory, as an admin calls it. */
export const pullWords: Readonly<Record<string, string>> = {
  gone: "Gone from two listings in a row: shut out",
  shut_out: "Not active any more: shut out",
  let_in: "Active again: let in",
  attributes: "Profile changed",
  new: "New",
  missing: "Missing from this listing: waited for once more",
  membership: "Groups changed",
  new_group: "New group",
  group_gone: "Group gone",
  group_missing: "Group missing from this listing",
};

export function isOver({ state }: Pull): boolean {
  return state === "finished" || state === "cancelled" || state === "failed";
}
