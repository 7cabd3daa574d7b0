import { quantile } from "../bench/statistics.ts";
import type { Findings } from "./compare.ts";
import type { Parts } from "./parts.ts";
import type { Ledger } from "./provider.ts";

export type Recovery = { readonly fault: string; readonly ms: number };

export type Outcome = {
  readonly json: boolean;
  readonly recoveries: readonly Recovery[];
  readonly ledger: Ledger;
  readonly findings: Findings;
  readonly fallen: readonly string[];
  readonly seed: number;
  readonly queue: string;
};

export function countWrong(findings: Findings, parts: Pick<Parts, "fallen">): number {
  return Object.values(findings).reduce((sum, found) => sum + found.length, parts.fallen().length);
}

/** Writes what is wrong to standard error, and the figures to standard output: their last line is all of them. */
export function report({ json, recoveries, ledger, findings, fallen, seed, queue }: Outcome): void {
  for (const finding of [...Object.values(findings).flat(), ...fallen]) process.stderr.write(`WRONG  ${finding}\n`);
  const perFault = Map.groupBy(recoveries, ({ fault }) => fault);
  const recovery = Object.fromEntries(
    [...perFault]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([fault, own]) => [fault, { cycles: own.length, ...quantiles(own) }]),
  );
  const line = {
    cycles: recoveries.length,
    acked: ledger.acked,
    lost: findings.lost.length,
    doubled: findings.doubled.length,
    resurrected: findings.resurrected.length,
    feed_gaps: findings.gaps.length,
    stale_writes: findings.stale.length,
    unanswered_or_refused: findings.unanswered.length,
    stuck: findings.stuck.length,
    fallen: fallen.length,
    p99_recovery_ms: quantiles(recoveries).p99_ms,
    settled: ledger.settled,
    // Nothing went wrong in so many cycles: with 95 % certainty it does so in at most this share of them.
    ...(recoveries.length === 0 ? {} : { upper_bound_95: Number(Math.min(1, 3 / recoveries.length).toPrecision(2)) }),
    queue,
    seed,
  };
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...line, recovery })}\n`);
    return;
  }
  for (const [fault, { cycles, p50_ms: p50, p99_ms: p99 }] of Object.entries(recovery))
    process.stdout.write(`${fault.padEnd(18)} ${cycles} cycles, whole again after p50 ${p50} ms, p99 ${p99} ms\n`);
  const words = Object.entries(line).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`${words.join("  ")}\n`);
}

function quantiles(recoveries: readonly Recovery[]): { readonly p50_ms: number; readonly p99_ms: number } {
  const ms = recoveries.map((recovery) => recovery.ms);
  return ms.length === 0
    ? { p50_ms: 0, p99_ms: 0 }
    : { p50_ms: Math.round(quantile(ms, 0.5)), p99_ms: Math.round(quantile(ms, 0.99)) };
}
