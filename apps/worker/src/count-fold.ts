import { createBell, type Logger } from "@rollcall/core/runtime";
import { type Database, foldCounts } from "@rollcall/core/store";

export type CountFold = { close(): Promise<void> };

/**
 * Every few seconds, folds the changes of how many users and groups there are into the kept
 * numbers. Counts are exact without it; with it, reading one stays cheap.
 */
export function startCountFold(database: Database, log: Logger, everyMs = 5_000): CountFold {
  const bell = createBell();
  let closed = false;

  async function run(): Promise<void> {
    while (!closed) {
      await bell.wait(everyMs);
      if (closed) return;
      await foldCounts(database).catch((error: unknown) =>
        log.warn({ err: error }, "counts could not be folded and will be tried again"),
      );
    }
  }
  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
    },
  };
}
