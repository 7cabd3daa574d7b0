import { createBell, type Logger } from "@rollcall/core/runtime";
import { canariesDue, type Database } from "@rollcall/core/store";
import { type CanaryParts, runCanary } from "./canary-round.ts";

export type Canaries = { close(): Promise<void> };

export type CanariesOptions = Omit<CanaryParts, "closing"> & {
  readonly database: Database;
  readonly log: Logger;
  /** How often to look for rounds that are due. */
  readonly pollMs?: number;
};

/** Rounds that are run at once in one process. */
const atOnceMax = 8;

/**
 * Tries the whole way of each connection whose admin has asked for it, on its schedule. Any number of processes
 * may, for each round is taken in the database first; a queue has no part in it that could be lost.
 */
export function startCanaries(options: CanariesOptions): Canaries {
  const { database, log, pollMs = 1_000 } = options;
  const bell = createBell();
  const ending = new AbortController();
  const parts: CanaryParts = { ...options, closing: ending.signal };
  const busy = new Map<string, Promise<void>>();

  async function look(): Promise<void> {
    for (const due of await canariesDue(database)) {
      const { connectionId } = due;
      if (busy.has(connectionId) || busy.size >= atOnceMax) continue;
      const round = runCanary(parts, due)
        .catch((error: unknown) => log.error({ err: error, connection: connectionId }, "a canary's round broke off"))
        .finally(() => busy.delete(connectionId));
      busy.set(connectionId, round);
    }
  }
  async function run(): Promise<void> {
    while (!ending.signal.aborted) {
      await look().catch((error: unknown) => log.error({ err: error }, "which canaries are due could not be read"));
      if (!ending.signal.aborted) await bell.wait(pollMs);
    }
  }
  const running = run();
  return {
    close: async () => {
      ending.abort();
      bell.ring();
      await running;
      await Promise.all(busy.values());
    },
  };
}
