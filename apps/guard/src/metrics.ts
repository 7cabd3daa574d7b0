import type { Decision } from "./decision.ts";
import { FeedError } from "./feed-error.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import type { ReportCounts } from "./refusal-report.ts";

/** How many decisions there were, by reason, and how many faults, by code; since the guard was created. */
export type DecisionCounts = {
  readonly decisions: Readonly<Record<"ok" | RefusalReason, number>>;
  /** Allowed while the feed was too old to decide by. */
  readonly allowedStale: number;
  /** A `FeedError`'s code; everything else is `other`. */
  readonly faults: Readonly<Record<string, number>>;
};

export type FeedGauges = {
  readonly fresh: boolean;
  readonly entries: number;
  /** How long ago everything acknowledged was in what is held. */
  readonly ageSec: number;
};

export type GuardMetrics = DecisionCounts & {
  readonly tokens: { readonly remembered: number; readonly recalled: number; readonly verified: number };
  /** Undefined while nothing is held. */
  readonly feed: FeedGauges | undefined;
  readonly subjects: FeedGauges | undefined;
  /** Refusals that Rollcall was told of; undefined where it is told of none. */
  readonly reports: ReportCounts | undefined;
  readonly issuers: readonly {
    readonly issuer: string;
    readonly keys: number;
    readonly keysAgeSec: number | undefined;
  }[];
};

export function createCounters() {
  const reasons = ["ok", ...Object.keys(refusalReasons)] as ("ok" | RefusalReason)[];
  const decisions = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<"ok" | RefusalReason, number>;
  const faults: Record<string, number> = {};
  let allowedStale = 0;
  return {
    decided: (decision: Decision): void => {
      decisions[decision.reason] += 1;
      if (decision.allow && decision.stale) allowedStale += 1;
    },
    failed: (error: Error): void => {
      const code = error instanceof FeedError ? error.code : "other";
      faults[code] = (faults[code] ?? 0) + 1;
    },
    read: (): DecisionCounts => ({ decisions: { ...decisions }, allowedStale, faults: { ...faults } }),
  };
}

/** The metrics in Prometheus' text format, for a route that is scraped. */
export function renderMetrics(metrics: GuardMetrics): string {
  const { decisions, allowedStale, faults, tokens, feed, subjects, reports, issuers } = metrics;
  const feeds = Object.entries({ revocations: feed, subjects }).filter(([, gauges]) => gauges !== undefined) as [
    string,
    FeedGauges,
  ][];
  const families = [
    family("revocation_checks_total", "counter", "Decisions by reason.", labelled("result", Object.entries(decisions))),
    family("allowed_stale_total", "counter", "Allowed while the feed was too old.", [["", allowedStale]]),
    family(
      "feed_errors_total",
      "counter",
      "What the guard did not act on, by code.",
      labelled("code", Object.entries(faults)),
    ),
    family("tokens_verified_total", "counter", "Signatures that held.", [["", tokens.verified]]),
    family("tokens_recalled_total", "counter", "Tokens that were remembered.", [["", tokens.recalled]]),
    family("tokens_remembered", "gauge", "Tokens remembered now.", [["", tokens.remembered]]),
    family(
      "feed_fresh",
      "gauge",
      "1 while decisions rest on the feed as it is.",
      labelled(
        "feed",
        feeds.map(([name, { fresh }]) => [name, fresh ? 1 : 0]),
      ),
    ),
    family(
      "feed_age_seconds",
      "gauge",
      "Age of what is held.",
      labelled(
        "feed",
        feeds.map(([name, { ageSec }]) => [name, ageSec]),
      ),
    ),
    family(
      "feed_entries",
      "gauge",
      "Entries held.",
      labelled(
        "feed",
        feeds.map(([name, { entries }]) => [name, entries]),
      ),
    ),
    family(
      "issuer_keys",
      "gauge",
      "Keys held of an issuer.",
      labelled(
        "issuer",
        issuers.map(({ issuer, keys }) => [issuer, keys]),
      ),
    ),
    ...(reports === undefined ? [] : reportFamilies(reports)),
  ];
  return families.join("");
}

function reportFamilies({ reported, dropped }: ReportCounts): readonly string[] {
  return [
    family("refusals_reported_total", "counter", "Refusals that Rollcall was told of.", [["", reported]]),
    family("refusals_dropped_total", "counter", "Refusals that Rollcall was not told of in time.", [["", dropped]]),
  ];
}

type Sample = readonly [labels: string, value: number];

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const full = `rollcall_guard_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function labelled(label: string, values: readonly (readonly [string, number])[]): readonly Sample[] {
  return values.map(([name, value]) => [`{${label}="${escaped(name)}"}`, value]);
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
