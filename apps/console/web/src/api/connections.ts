import type { UseQueryResult } from "@tanstack/react-query";
import type { Problem } from "./problem.ts";
import { useAnswer } from "./use-answer.ts";

export type PullPlan = { readonly everySec: number; readonly brakeShare: number; readonly brakeCount: number };

export type Connection = {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: string;
  readonly issuers: readonly string[];
  readonly audience?: string | null;
  readonly subjectClaim: string;
  readonly subjectRule: "direct" | "attribute" | "federated";
  readonly subjectAttribute: string;
  readonly subjectCompare: "exact" | "casefold";
  readonly tokenLifetimeSec: number;
  readonly pausedAt?: string | null;
  /** How often everybody is listed, and where the brake is; left out where nobody is, but by hand. */
  readonly pull?: PullPlan;
  readonly rules?: readonly {
    readonly rule: string;
    readonly choice: string;
    readonly means: string;
    readonly from: "kind" | "admin";
  }[];
};

/** One thing that a connection needs, whether it is there, and what to do where it is not. */
export type ConnectionCheck = {
  readonly name: string;
  readonly ok: boolean | null;
  readonly detail?: string | null;
  readonly fix?: string | null;
};

/** A tenant has few connections: they are one answer. */
export function useConnections(): UseQueryResult<{ readonly items: readonly Connection[] }, Problem> {
  return useAnswer<{ readonly items: readonly Connection[] }>("connections", "/connections");
}
