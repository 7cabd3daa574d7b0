import { type Logger, type Rounds, startRounds } from "@rollcall/core/runtime";
import { type Database, foldCounts } from "@rollcall/core/store";

/**
 * Every few seconds, folds the changes of how many users and groups there are into the kept
 * numbers. Counts are exact without it; with it, reading one stays cheap.
 */
export function startCountFold(database: Database, log: Logger, everyMs = 5_000): Rounds {
  return startRounds(
    everyMs,
    () => foldCounts(database),
    (error) => log.warn({ err: error }, "counts could not be folded and will be tried again"),
  );
}
