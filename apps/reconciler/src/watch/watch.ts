import { type Logger, type Rounds, startRounds } from "@rollcall/core/runtime";
import {
  countPeople,
  type Database,
  type Folded,
  foldLag,
  notePulses,
  remindOfAlerts,
  tenantsHeard,
  tenantsRefusing,
  tenantsToRemind,
  trimLag,
} from "@rollcall/core/store";
import { createAlertWatch } from "./alert-watch.ts";

export type Watch = {
  /** Resolves after the first fold: before it, nothing of what is to be counted may be trimmed. */
  readonly folded: Promise<void>;
  close(): Promise<void>;
};

export type WatchOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly newId: () => string;
  /** Told of everything that was folded. */
  readonly onFolded?: ((folded: readonly Folded[]) => void) | undefined;
};

const foldEveryMs = 2_000;
const evaluateEveryMs = 10_000;
const pulseEveryMs = 60_000;
const trimEveryMs = 600_000;

/** An alert that nobody has acknowledged is told again after so long. */
const remindAfterSec = 4 * 3_600;
/** A count that took a second is made again after a hundred at the earliest. */
const countPause = 100;
const countEveryMsMin = 5_000;

/**
 * What the leader watches: it folds lag into histograms, counts people, notes who was heard of, and opens and closes
 * alerts by it. Two leaders at once double nothing, and a new one begins its patience anew: an alert opens later for
 * it, and never twice.
 */
export function startWatch(options: WatchOptions): Watch {
  const { database, log } = options;
  const first = Promise.withResolvers<void>();
  const people = createPeopleCounts(database);
  const alerts = createAlertWatch(options);
  const failed = (what: string) => (error: unknown) => {
    log.error({ err: error, duty: what }, "a duty failed and will be tried again");
    first.resolve();
  };
  const rounds: readonly Rounds[] = [
    startRounds(
      foldEveryMs,
      async () => {
        const folded = await foldLag(database);
        options.onFolded?.(folded);
        people.changed(folded);
        first.resolve();
      },
      failed("fold lag"),
    ),
    startRounds(countEveryMsMin, (closed) => people.count(closed), failed("count people")),
    startRounds(pulseEveryMs, () => notePulses(database), failed("note pulses")),
    startRounds(
      evaluateEveryMs,
      async (closed) => {
        const [heard, refusing] = await Promise.all([tenantsHeard(database), tenantsRefusing(database)]);
        for (const tenantId of new Set([...heard, ...refusing])) {
          if (closed()) return;
          await alerts.evaluate(tenantId, performance.now());
        }
        for (const tenantId of await tenantsToRemind(database, remindAfterSec))
          await remindOfAlerts(database, tenantId, remindAfterSec);
      },
      failed("evaluate alerts"),
    ),
    startRounds(trimEveryMs, () => trimLag(database), failed("trim lag")),
  ];
  return {
    folded: first.promise,
    close: async () => {
      await Promise.all(rounds.map((one) => one.close()));
      first.resolve();
    },
  };
}

/** Counts the people of tenants in which something happened, each as often as its size allows. */
function createPeopleCounts(database: Database) {
  const changed = new Set<string>();
  const notBefore = new Map<string, number>();
  return {
    changed: (folded: readonly Folded[]): void => {
      for (const { tenantId } of folded) changed.add(tenantId);
    },
    count: async (closed: () => boolean): Promise<void> => {
      for (const tenantId of changed) {
        const beganAt = performance.now();
        if (closed()) return;
        if (beganAt < (notBefore.get(tenantId) ?? 0)) continue;
        changed.delete(tenantId);
        await countPeople(database, tenantId);
        notBefore.set(tenantId, performance.now() + countPause * (performance.now() - beganAt));
      }
    },
  };
}
