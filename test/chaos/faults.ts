import type { Fault } from "./fault.ts";
import { networkFaults } from "./network-faults.ts";
import type { Parts } from "./parts.ts";
import { processFaults } from "./process-faults.ts";
import { type Random, shuffled } from "./random.ts";
import { storeFaults } from "./store-faults.ts";

export const faults: readonly Fault[] = [...processFaults, ...networkFaults, ...storeFaults];

/** The faults that can happen here, and of those that cannot why. */
export function possibleFaults(
  parts: Parts,
  queue: "redis" | "postgres",
): { readonly possible: readonly Fault[]; readonly left: readonly string[] } {
  const missing: Readonly<Record<NonNullable<Fault["needs"]>, string | undefined>> = {
    redis: queue === "redis" ? undefined : "the queue is on PostgreSQL",
    disk: parts.postgres.disk === undefined ? "nothing can be mounted here" : undefined,
  };
  const reasonOf = ({ needs }: Fault): string | undefined => (needs === undefined ? undefined : missing[needs]);
  return {
    possible: faults.filter((fault) => reasonOf(fault) === undefined),
    left: faults.flatMap((fault) => {
      const reason = reasonOf(fault);
      return reason === undefined ? [] : [`${fault.name} is left out: ${reason}`];
    }),
  };
}

/** Draws every fault once before any comes again. */
export function* drawFaults(among: readonly Fault[], random: Random): Generator<Fault, never> {
  for (;;) yield* shuffled(among, random);
}
