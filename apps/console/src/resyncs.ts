import { setTimeout as delay } from "node:timers/promises";
import { type Database, enqueueResync, type ResyncRun } from "@rollcall/core/store";
import type { FastifyBaseLogger } from "fastify";

/** Runs that this process is writing the events of. */
export type Resyncs = {
  /** Writes the run's events behind the answer; `close` waits for it. */
  begin(tenantId: string, run: ResyncRun, log: FastifyBaseLogger): void;
  close(): Promise<void>;
};

export function createResyncs({
  database,
  wake,
}: {
  readonly database: Database;
  wake(lanes: readonly number[]): void;
}): Resyncs {
  const under = new Set<Promise<void>>();
  let stopped = false;
  const pace = { wake, wait: async (ms: number) => delay(ms), isStopped: () => stopped };
  return {
    begin: (tenantId, run, log) => {
      const writing = enqueueResync(database, tenantId, run, pace)
        .catch((error: unknown) => log.error({ err: error, run: run.id }, "a resync ended before its last subject"))
        .finally(() => under.delete(writing));
      under.add(writing);
    },
    close: async () => {
      stopped = true;
      await Promise.all(under);
    },
  };
}
