import { boundAtLeast, type LagStage } from "./lag-histogram.ts";

/** How quick a stage is to be: this share of all that passes it within so many milliseconds. */
export type Objective = { readonly p99Ms: number; readonly share: number };

/** What holds for a tenant that has said nothing else. */
export const objectiveDefaults: Readonly<Record<LagStage, Objective>> = {
  // The sender's own queue is in it, and some send in rounds of minutes.
  occurredToAccepted: { p99Ms: 300_000, share: 0.99 },
  acceptedToApplied: { p99Ms: 5_000, share: 0.99 },
  appliedToPublished: { p99Ms: 2_000, share: 0.99 },
  publishedToEnforced: { p99Ms: 10_000, share: 0.99 },
};

/**
 * Between them a share can burn its budget fast enough to be noticed and still forgives something: of 95 in a
 * hundred the budget burns 20 times too fast at most, and the fast alert asks for 14.4.
 */
export const shareMin = 0.95;
export const shareMax = 0.9999;

export type StageState = "ok" | "late" | "unknown";

/**
 * How a stage does now: by what passed it and by what has waited for it longest. What stands still is late once it
 * has stood for longer than the objective, whatever passed before. Unknown where neither says anything.
 */
export function stateOf(
  objective: Objective,
  passedP99Ms: number | undefined,
  waitingMs: number | undefined,
): { readonly p99Ms: number | undefined; readonly state: StageState } {
  const waited = waitingMs !== undefined && waitingMs > objective.p99Ms ? waitingMs : undefined;
  const p99Ms = waited === undefined ? passedP99Ms : Math.max(waited, passedP99Ms ?? 0);
  if (p99Ms === undefined) return { p99Ms, state: waitingMs === undefined ? "unknown" : "ok" };
  return { p99Ms, state: p99Ms > boundAtLeast(objective.p99Ms) ? "late" : "ok" };
}
