export const stages = ["occurredToAccepted", "acceptedToApplied", "appliedToPublished", "publishedToEnforced"] as const;
export type Stage = (typeof stages)[number];

/** Each way between two moments of a change, as an admin calls it. */
export const stageNames: Readonly<Record<Stage, { readonly from: string; readonly to: string }>> = {
  occurredToAccepted: { from: "Occurred", to: "Accepted" },
  acceptedToApplied: { from: "Accepted", to: "Applied" },
  appliedToPublished: { from: "Applied", to: "Published" },
  publishedToEnforced: { from: "Published", to: "Enforced" },
};

export type StageState = {
  readonly p99Ms?: number | null;
  readonly objectiveMs?: number | null;
  readonly state: "ok" | "late" | "unknown";
};

export type Overview = {
  readonly people: { readonly shutOut: number; readonly admitted: number };
  readonly leaversToday: {
    readonly count: number;
    readonly enforced: number;
    readonly p50Ms?: number | null;
    readonly p99Ms?: number | null;
    readonly slowestMs?: number | null;
    readonly notYetEnforced: number;
    /** Whom no gateway was there to refuse. */
    readonly unknown?: number;
  };
  readonly joinersToday: { readonly count: number; readonly applied: number };
  readonly lag: Readonly<Partial<Record<Stage, StageState>>>;
  readonly openAlerts: number;
  readonly waiting: number;
  readonly deadLetters: number;
  readonly gateways: { readonly following: number; readonly blind: number };
  readonly connections: readonly {
    readonly slug: string;
    readonly lastEventAt?: string | null;
    readonly silent?: boolean;
  }[];
};

/** So large a share of what passes a stage is to pass it within so long. */
export type Objective = {
  readonly stage: Stage;
  readonly p99Ms: number;
  readonly share: number;
  /** Nobody has said anything else. */
  readonly isDefault: boolean;
};

export type StageFigures = {
  readonly count: number;
  readonly p50Ms?: number | null;
  readonly p99Ms?: number | null;
  readonly maxMs?: number | null;
};

export type LagPoint = {
  readonly at: string;
  readonly stages: Readonly<Partial<Record<Stage, StageFigures>>>;
  /** Events whose sender did not say when they occurred: never zero, and in no figure. */
  readonly occurredUnknown: number;
};
export type LagHistory = { readonly stepSec: number; readonly points: readonly LagPoint[] };

export type Gateway = {
  readonly id: string;
  readonly name: string;
  readonly standing: "live" | "behind" | "blind" | "gone";
  readonly epoch: number;
  readonly seq: number;
  readonly behind?: number;
  readonly asOfAgeMs: number;
  readonly receivedAt: string;
  readonly heardAgeMs: number;
  readonly digestMatches?: boolean;
  readonly maxTtlSec?: number;
};

export type Alert = {
  readonly id: string;
  readonly kind: string;
  readonly key?: string | null;
  readonly detail?: Readonly<Record<string, unknown>> | null;
  /** 1 needs somebody, 2 needs them now. */
  readonly level?: 1 | 2;
  readonly raisedAt?: string;
  readonly resolvedAt?: string | null;
  readonly acknowledgedAt?: string | null;
  readonly acknowledgedBy?: string | null;
  readonly note?: string | null;
};
