import { createBell, type Logger, type Outward } from "@rollcall/core/runtime";
import {
  type Credentials,
  type Database,
  providerDuties,
  pullDuties,
  providerSecretPurpose,
  readBacksDue,
  sourceSecretPurpose,
  sourcesToKeep,
  subscribe,
} from "@rollcall/core/store";
import { doPullDuty } from "../pull/pull-run.ts";
import { createAskers } from "./askers.ts";
import { takeInChanges } from "./provider-changes.ts";
import { testProvider } from "./provider-test.ts";
import { type ReadBackPace, usualReadBackPace } from "./read-back-pace.ts";
import { readAllDue } from "./read-back-round.ts";
import { keepSource } from "./source-upkeep.ts";

export type ReadBacks = { close(): Promise<void> };

export type ReadBackOptions = {
  readonly database: Database;
  readonly credentials: Pick<Credentials, "keyFor">;
  /** With the networks that providers are asked in. */
  readonly outward: Outward;
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  /** Where senders reach ingest. */
  readonly publicUrl: string;
  readonly log: Logger;
  readonly newId: () => string;
  readonly now?: () => number;
  /** For a story that cannot wait. */
  readonly pace?: Partial<ReadBackPace>;
};

/** Connections that are asked at once in one process; each has places of its own, so a slow one delays nobody else. */
const atOnceMax = 64;
/** Listings last, and never take the places of questions. */
const listingsAtOnceMax = 16;

/**
 * Asks providers: about users of whom something was said, about what has changed, about everybody, and for
 * the subscriptions by which they tell. Any number of processes may, for each takes what it does in the
 * database first; nobody leads, so that a slow provider never holds up publication.
 */
export async function startReadBacks(options: ReadBackOptions): Promise<ReadBacks> {
  const { database, credentials, log, outward, newId, wake } = options;
  const pace = { ...usualReadBackPace, ...options.pace };
  const bell = createBell();
  const ending = new AbortController();
  const closing = ending.signal;
  const providerKey = credentials.keyFor(providerSecretPurpose);
  const parts = { database, outward, providerKey, log, newId, wake, pace, closing };
  const askers = createAskers(parts);
  const keeping = {
    ...parts,
    sourceKey: credentials.keyFor(sourceSecretPurpose),
    publicUrl: options.publicUrl,
    now: options.now ?? Date.now,
  };
  const duties = createDuties(log, bell.ring);
  const subscription = await subscribe(database, "rollcall_read_back", bell.ring, (error) =>
    log.warn({ err: error }, "read-backs lost a connection"),
  );

  async function look(): Promise<void> {
    const [due, providers, kept, pulls] = await Promise.all([
      readBacksDue(database),
      providerDuties(database),
      sourcesToKeep(database),
      pullDuties(database),
    ]);
    for (const { tenantId, connectionId, test } of providers)
      if (test)
        duties.begin("test", connectionId, async () => (await testProvider(parts, askers, tenantId, connectionId), 0));
    for (const { tenantId, connectionId } of due)
      duties.begin("read-backs", connectionId, () => readAllDue(parts, askers, tenantId, connectionId));
    for (const { tenantId, connectionId, changes } of providers)
      if (changes) duties.begin("changes", connectionId, () => takeInChanges(parts, askers, tenantId, connectionId));
    for (const pull of pulls)
      duties.begin(`pull ${pull.duty}`, pull.connectionId, () => doPullDuty(parts, askers, pull));
    for (const { tenantId, id } of kept) duties.begin("source", id, () => keepSource(keeping, askers, tenantId, id));
  }
  async function run(): Promise<void> {
    while (!closing.aborted) {
      await look().catch((error: unknown) =>
        log.error({ err: error }, "what providers are to be asked could not be read"),
      );
      if (!closing.aborted) await bell.wait(pace.pollMs);
    }
  }
  const running = run();
  return {
    close: async () => {
      ending.abort();
      bell.ring();
      await running;
      await duties.ended();
      await subscription.close();
    },
  };
}

/** Runs each duty once at a time, and no more than so many at once; what finds no place is found again at the next look-out. */
function createDuties(log: Logger, ring: () => void) {
  const busy = new Map<string, Promise<void>>();
  return {
    begin: (duty: string, of: string, work: () => Promise<number>): void => {
      const key = `${duty} ${of}`;
      const listings = [...busy.keys()].filter(isListing).length;
      const isFull = isListing(key) ? listings >= listingsAtOnceMax : busy.size - listings >= atOnceMax;
      if (busy.has(key) || isFull) return;
      const done = work()
        .catch((error: unknown) => {
          log.error({ err: error, duty }, "a provider's duty failed and will be tried again");
          return 0;
        })
        .then((count) => {
          busy.delete(key);
          // What came while the last of them was under way waits for no look-out.
          if (count > 0) ring();
        });
      busy.set(key, done);
    },
    ended: async (): Promise<void> => void (await Promise.all(busy.values())),
  };
}

function isListing(key: string): boolean {
  return key.startsWith("pull run ");
}
