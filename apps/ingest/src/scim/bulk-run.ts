import type { Unit } from "./bulk-order.ts";

export type RunOptions = {
  /** How many units are under way at once. */
  readonly concurrency: number;
  /** After how many errors nothing more is begun. */
  readonly errorsMax: number | undefined;
};

/**
 * Runs units as if one after the other, though those that do not touch each other run at once.
 * `run` answers how many of the unit's operations failed and never throws. A unit begins only where
 * the limit of errors would let it begin even if all before it failed, so that what is done at the
 * limit is what would have been done in turn.
 */
export async function runUnits(
  units: readonly Unit[],
  precedents: readonly ReadonlySet<number>[],
  { concurrency, errorsMax = Number.POSITIVE_INFINITY }: RunOptions,
  run: (unit: Unit) => Promise<number>,
): Promise<void> {
  const waiting = new Set(units.keys());
  const unfinished = new Set(units.keys());
  const running = new Set<Promise<void>>();
  let errors = 0;

  async function runOne(at: number, unit: Unit): Promise<void> {
    const failed = await run(unit);
    // Counted in one step: what is added across a wait is lost to whoever counted meanwhile.
    errors += failed;
    unfinished.delete(at);
  }
  function begin(): void {
    let possible = errors;
    for (const at of unfinished) {
      if (running.size >= concurrency || possible >= errorsMax) return;
      const unit = units[at];
      if (unit === undefined) return;
      possible += unit.members.length;
      if (!waiting.has(at) || isHeldBack(precedents[at], unfinished)) continue;
      waiting.delete(at);
      const running_ = runOne(at, unit).finally(() => running.delete(running_));
      running.add(running_);
    }
  }
  for (begin(); running.size > 0; begin()) await Promise.race(running);
}

function isHeldBack(before: ReadonlySet<number> | undefined, unfinished: ReadonlySet<number>): boolean {
  return before !== undefined && [...before].some((at) => unfinished.has(at));
}
