import { type ExplainCode, explainCauses, type ExplainStepName } from "./explain-causes.ts";

/** One gateway, as the step `gateway` tells of it. */
export type GatewayTold = {
  readonly name: string;
  readonly follows: "tenant" | "all";
  readonly standing: "live" | "behind" | "stale" | "blind" | "gone";
  /** Entries that it has not reported yet; left out where it follows another epoch. */
  readonly behind?: number;
  readonly asOfAgeMs: number;
  /** Whether it enforces what stands against the subject; left out where nothing does. */
  readonly enforces?: boolean;
  /** It may have done so earlier: a gateway says where it is, and not since when it was past an entry. */
  readonly sinceAtLatest?: string;
};

export type ExplainStep = {
  readonly step: ExplainStepName;
  /** `unknown` may name a cause too: one that is there and does not decide. */
  readonly status: "ok" | "problem" | "unknown";
  readonly code?: ExplainCode;
  /** What was seen; never the token. */
  readonly evidence: string;
  readonly fix?: string;
  /** Of the step `gateway`, each by itself. */
  readonly gateways?: readonly GatewayTold[];
};

export function passed(step: ExplainStepName, evidence: string): ExplainStep {
  return { step, status: "ok", evidence };
}

export function problem(step: ExplainStepName, code: ExplainCode, evidence: string): ExplainStep {
  return { step, status: "problem", code, evidence, fix: explainCauses[code].fix };
}

export function unknown(step: ExplainStepName, evidence: string, code?: ExplainCode): ExplainStep {
  return code === undefined
    ? { step, status: "unknown", evidence }
    : { step, status: "unknown", code, evidence, fix: explainCauses[code].fix };
}

export function isNumericDate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

const shownMax = 200;

/** A claim's value as evidence: quoted, so that white space shows, and cut, so that it stays a line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

export function atSecond(seconds: number): string {
  // Past the range of dates the number itself says more.
  return Math.abs(seconds) > 8.64e12 ? String(seconds) : new Date(seconds * 1_000).toISOString();
}

/** A length of time as a person would say it. */
export function span(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const [unit, size] = units.find(([, least]) => seconds >= least) ?? ["s", 1];
  return `${Math.round((seconds / size) * 10) / 10} ${unit}`;
}

export function ago(at: Date, nowMs: number): string {
  return `${at.toISOString()} (${span(Math.max(0, nowMs - at.getTime()) / 1_000)} ago)`;
}
