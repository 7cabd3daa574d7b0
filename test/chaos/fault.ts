import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { type Credentials, type Database, sql } from "@rollcall/core/store";
import { until } from "../harness/until.ts";
import type { Findings, Tenant } from "./compare.ts";
import type { Parts } from "./parts.ts";
import type { Ledger } from "./provider.ts";
import type { Random } from "./random.ts";
import type { Witness } from "./witness.ts";

/** What a fault may reach while the provider's traffic goes on. */
export type Scene = {
  readonly parts: Parts;
  readonly database: Database;
  readonly credentials: Credentials;
  readonly witness: Witness;
  readonly tenants: readonly Tenant[];
  readonly ledger: Ledger;
  readonly random: Random;
  /** Faults that have a length last long. */
  readonly long: boolean;
  readonly findings: Findings;
};

export type Fault = {
  readonly name: string;
  /** What must be there for it; without it the fault is left out. */
  readonly needs?: "redis" | "disk";
  /**
   * Lets it happen, and ends it. Answers since when, on the monotonic clock, everything was whole
   * again but for what the house has to mend by itself; of a kill that is the kill itself.
   */
  readonly happen: (scene: Scene) => Promise<number>;
};

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

/** A fault holds for `shortMs` to twice that, or for `longMs` in a long run. */
export async function hold({ random, long }: Scene, shortMs: number, longMs: number): Promise<void> {
  await delay(long ? longMs : shortMs * (1 + random()));
}

/** Waits until all that is accepted by now is applied and published, though something is broken; says so where it never is. */
export async function flowsOn(scene: Scene, meanwhile: string, msMax = 40_000): Promise<void> {
  const mark = new Date();
  const flowed = async (): Promise<boolean> => {
    for (const { id } of scene.tenants) {
      const [row] = await scene.database.once<{ waiting: number }>(
        id,
        sql`SELECT (SELECT count(*) FROM lifecycle_event WHERE applied_at IS NULL AND accepted_at < ${mark})
          + (SELECT count(*) FROM feed_pending WHERE accepted_at < ${mark}) AS waiting`,
      );
      if (row?.waiting !== 0) return false;
    }
    return true;
  };
  await until("what was accepted is applied and published", () => flowed().catch(() => false), msMax).catch(() => {
    scene.findings.stuck.push(`${meanwhile}, nothing is applied and published within ${msMax} ms`);
  });
}

export function nowMs(): number {
  return performance.now();
}
