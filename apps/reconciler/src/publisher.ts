import { addToDigest, removeFromDigest } from "@rollcall/guard";
import { createBell, type Logger, type Metrics } from "@rollcall/core/runtime";
import {
  beginTerm,
  type Database,
  type Digest,
  Fenced,
  feedsPending,
  hasHouseFeed,
  type Leadership,
  publishFeed,
  publishHouseFeed,
  publishSubjects,
  subjectSets,
  subscribe,
  tryLead,
} from "@rollcall/core/store";
import { startUpkeep } from "./upkeep.ts";
import { watchHouse } from "./watch/house-metrics.ts";
import { startWatch } from "./watch/watch.ts";

export type Publisher = { close(): Promise<void> };

export type PublisherOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly retentionSec: number;
  /** How old a checkpoint may be before a gateway is blind. */
  readonly staleSecMax: number;
  /** How often each tenant's user store is compared with its directory, and what follows; without it only when asked. */
  readonly compare?: { readonly everySec: number; readonly heals: boolean };
  readonly newId: () => string;
  /** How often to look without being told: notifications can be missed. */
  readonly pollMs?: number;
  /** Told of what passes each stage, of what waits, and of who follows. */
  readonly metrics?: Metrics | undefined;
};

const electEveryMs = 500;
const pieceMax = 1_000;

export const feedDigest: Digest = {
  add: addToDigest,
  remove: removeFromDigest,
  isLive: (entry) => entry.op !== "allow" || entry.nbf !== undefined,
};

/** Publishes pending revocations into the feeds' logs while this process leads, and stands by while another does. */
export async function startPublisher(options: PublisherOptions): Promise<Publisher> {
  const { database, log, pollMs = 250 } = options;
  const bell = createBell();
  const onFolded = options.metrics && watchHouse(options.metrics, database, options.staleSecMax).onFolded;
  // Whom notifications have named since the last look: they need not be looked for.
  let named = new Set<string>();
  let closed = false;
  const onPending = (tenantId: string): void => {
    named.add(tenantId);
    bell.ring();
  };
  const subscription = await subscribe(database, "rollcall_pending", onPending, (error) =>
    log.warn({ err: error }, "the publisher lost a connection"),
  );

  // Done twice is harmless, so nobody waits for it who would lead next, here or elsewhere.
  let ending: Promise<unknown> = Promise.resolve();
  async function lead(leadership: Leadership): Promise<void> {
    const fence = await beginTerm(database);
    log.info({ fence }, "leading the publication of feeds");
    const watch = startWatch({ ...options, onFolded });
    // What is trimmed is counted before.
    const upkeep = watch.folded.then(() => startUpkeep(options));
    try {
      await publishWhile(fence, () => !closed && !leadership.isLost());
    } finally {
      const ended = watch.close().then(async () => (await upkeep).close());
      ending = Promise.all([ending, ended]).catch((error: unknown) => logFailure(log, error));
    }
  }
  async function publishWhile(fence: number, goesOn: () => boolean): Promise<void> {
    let lookAtMs = 0;
    let kept: Kept = { withSubjects: new Set(), houseFeed: false };
    while (goesOn()) {
      const tenants = named;
      named = new Set();
      if (performance.now() >= lookAtMs || tenants.size === 0) {
        const found = await findPending(database);
        for (const tenantId of found.pending) tenants.add(tenantId);
        kept = found;
        lookAtMs = performance.now() + pollMs;
      }
      const { published, unfinished } = await publishAll(options, tenants, fence, kept);
      for (const tenantId of unfinished) named.add(tenantId);
      if (published === 0 && goesOn()) await bell.wait(pollMs);
    }
  }

  const running = leadInTurn(options, bell, () => !closed, lead);
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
      await ending;
      await subscription.close();
    },
  };
}

/** Stands for election until it leads, and again when it no longer does. */
async function leadInTurn(
  { database, log }: PublisherOptions,
  bell: Pick<ReturnType<typeof createBell>, "wait">,
  isOpen: () => boolean,
  lead: (leadership: Leadership) => Promise<void>,
): Promise<void> {
  while (isOpen()) {
    let leadership: Leadership | undefined;
    try {
      leadership = await tryLead(database);
      if (leadership !== undefined) await lead(leadership);
    } catch (error) {
      logFailure(log, error);
    } finally {
      await leadership?.release();
    }
    if (isOpen()) await bell.wait(electEveryMs);
  }
}

function logFailure(log: Logger, error: unknown): void {
  if (error instanceof Fenced) log.warn("another publisher has taken over");
  else log.error({ err: error }, "publishing failed and will be tried again");
}

/** Which feeds there are besides one log for each tenant. */
type Kept = { readonly withSubjects: ReadonlySet<string>; readonly houseFeed: boolean };

async function findPending(database: Database): Promise<Kept & { readonly pending: readonly string[] }> {
  const [pending, sets, houseFeed] = await Promise.all([
    feedsPending(database),
    subjectSets(database),
    hasHouseFeed(database),
  ]);
  return {
    pending: [...pending, ...sets.filter((set) => set.pending).map(({ tenantId }) => tenantId)],
    withSubjects: new Set(sets.map(({ tenantId }) => tenantId)),
    houseFeed,
  };
}

/**
 * Denials of every tenant first: who may enter is told when it is told who may not. A feed that cannot be
 * published keeps no other waiting, and is tried again with the next look.
 */
async function publishAll(
  { database, log }: Pick<PublisherOptions, "database" | "log">,
  tenants: ReadonlySet<string>,
  fence: number,
  kept: Kept,
): Promise<{ readonly published: number; readonly unfinished: readonly string[] }> {
  const unfinished: string[] = [];
  let published = 0;
  async function publish(feed: string, work: () => Promise<number>): Promise<number> {
    try {
      const taken = await work();
      published += taken;
      return taken;
    } catch (error) {
      if (error instanceof Fenced) throw error;
      log.error({ err: error, feed }, "a feed could not be published and will be tried again");
      return 0;
    }
  }
  for (const tenantId of tenants) {
    const taken = await publish(tenantId, () => publishFeed(database, tenantId, fence, feedDigest, pieceMax));
    if (taken === pieceMax) unfinished.push(tenantId);
  }
  if (kept.houseFeed) await publish("house", () => publishHouseFeed(database, fence, feedDigest));
  for (const tenantId of tenants)
    if (kept.withSubjects.has(tenantId)) await publish(tenantId, () => publishSubjects(database, tenantId, fence));
  return { published, unfinished };
}
