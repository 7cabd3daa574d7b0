export type GatewayTold = {
  readonly name: string;
  readonly follows: "tenant" | "all";
  readonly standing: string;
  readonly behind?: number;
  readonly asOfAgeMs: number;
  /** Whether it refuses by now what it should. */
  readonly enforces?: boolean;
  readonly sinceAtLatest?: string;
};

export type ExplainStep = {
  readonly step: string;
  readonly status: "ok" | "problem" | "unknown";
  readonly code?: string;
  readonly evidence: string;
  readonly fix?: string;
  readonly gateways?: readonly GatewayTold[];
};

export type Cause = {
  readonly code: string;
  readonly step: string;
  readonly sentence: string;
  readonly fix: string;
  readonly count?: number;
};

/** A refusal that a gateway told of. */
export type Refusal = {
  readonly at: string;
  readonly gateway: string;
  readonly reason: string;
  readonly requestId?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly subHash?: string;
  readonly userId?: string;
};

export type Explanation = {
  readonly verdict: { readonly code: string; readonly sentence: string; readonly fix: string };
  readonly steps: readonly ExplainStep[];
  /** Everything that is wrong, the nearest first; over a span of time, with how often. */
  readonly causes?: readonly Cause[];
  readonly refusal?: Refusal;
  readonly refusals?: {
    readonly from: string;
    readonly to: string;
    readonly total: number;
    readonly reasons: readonly { readonly reason: string; readonly count: number }[];
    readonly subjects: number;
    readonly gateways: readonly string[];
  };
};
