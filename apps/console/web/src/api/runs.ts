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

/** How the user store may differ from what the directory says, as an admin calls it. */
export const driftWords: Readonly<Record<DriftKind, readonly [name: string, meaning: string]>> = {
  missing: ["Missing", "The directory has them, the user store does not."],
  ghost: ["Ghost", "The user store has them, the directory does not."],
  wrong_state: ["Wrong state", "Whoever is to be refused is not, or the other way round."],
  stale_attribute: ["Stale profile", "The profile is another."],
  wrong_membership: ["Wrong groups", "The groups are others."],
  subject_mismatch: ["Wrong subject", "A token's subject finds another user, or none."],
  orphan_identity: ["Orphan subject", "A subject finds a user by a directory user that there is not."],
};

export type Found = Readonly<Partial<Record<DriftKind, number>>>;

export type Resync = {
  readonly id: string;
  readonly scope: "user" | "group" | "connection" | "tenant";
  readonly dryRun?: boolean;
  readonly state?: "queued" | "running" | "finished" | "cancelled" | "failed";
  readonly total: number;
  readonly compared?: number;
  readonly found?: Found;
  readonly healed?: number;
  readonly dead?: number;
  /** Who began it. */
  readonly cause?: "admin" | "schedule";
  /** Why it failed. */
  readonly error?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string | null;
  readonly secondsLeft?: number | null;
};

export type Difference = {
  readonly id: string | number;
  readonly kind: DriftKind;
  readonly subjectKind: "user" | "group";
  readonly subjectId: string;
  readonly name?: string | null;
  readonly connection?: string | null;
  readonly directory: unknown;
  readonly userStore: unknown;
  readonly healedAt?: string | null;
};

export type Drift = { readonly comparedAt?: string | null; readonly open: Found };

export function isOver({ state, finishedAt }: Resync): boolean {
  if (state === undefined) return (finishedAt ?? undefined) !== undefined;
  return state === "finished" || state === "cancelled" || state === "failed";
}

export function sumOf(found: Readonly<Record<string, number | undefined>> | undefined): number {
  return Object.values(found ?? {}).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
