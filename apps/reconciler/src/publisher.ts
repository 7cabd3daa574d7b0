import { addToDigest, removeFromDigest } from "@rollcall/guard";
import { createBell, type Logger } from "@rollcall/core/runtime";
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

export type Publisher = { close(): Promise<void> };

export type PublisherOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly retentionSec: number;
  /** How old a checkpoint may be before a gateway is blind. */
  readonly staleSecMax: number;
  readonly newId: () => string;
  /** How often to look without being told: notifications can be missed. */
  readonly pollMs?: number;
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
  // Whom notifications have named since the last look: they need not be looked for.
  let named = new Set<string>();
  let closed = false;
  const onError = (error: Error): void => log.warn({ err: error }, "the publisher lost a connection");
  const onPending = (tenantId: string): void => {
    named.add(tenantId);
    bell.ring();
  };
  const subscription = await subscribe(database, "rollcall_pending", onPending, onError);

  async function lead(leadership: Leadership): Promise<void> {
    const fence = await beginTerm(database);
    log.info({ fence }, "leading the publication of feeds");
    const upkeep = startUpkeep(options);
    try {
      await publishWhile(fence, () => !closed && !leadership.isLost());
    } finally {
      await upkeep.close();
    }
  }
  async function publishWhile(fence: number, goesOn: () => boolean): Promise<void> {
    let lookAtMs = 0;
    let found = { withSubjects: new Set<string>(), houseFeed: false };
    while (goesOn()) {
      const tenants = named;
      named = new Set();
      if (performance.now() >= lookAtMs || tenants.size === 0) {
        const [pending, sets, houseFeed] = await Promise.all([
          feedsPending(database),
          subjectSets(database),
          hasHouseFeed(database),
        ]);
        for (const tenantId of pending) tenants.add(tenantId);
        for (const set of sets) if (set.pending) tenants.add(set.tenantId);
        found = { withSubjects: new Set(sets.map(({ tenantId }) => tenantId)), houseFeed };
        lookAtMs = performance.now() + pollMs;
      }
      const published = await publishAll(tenants, fence, found);
      if (published === 0 && goesOn()) await bell.wait(pollMs);
    }
  }
  /** Denials of every tenant first: who may enter is told when it is told who may not. */
  async function publishAll(
    tenants: ReadonlySet<string>,
    fence: number,
    found: { readonly withSubjects: ReadonlySet<string>; readonly houseFeed: boolean },
  ): Promise<number> {
    let published = 0;
    for (const tenantId of tenants) {
      const taken = await publishFeed(database, tenantId, fence, feedDigest, pieceMax);
      if (taken === pieceMax) named.add(tenantId);
      published += taken;
    }
    if (found.houseFeed) published += await publishHouseFeed(database, fence, feedDigest);
    for (const tenantId of tenants)
      if (found.withSubjects.has(tenantId)) published += await publishSubjects(database, tenantId, fence);
    return published;
  }

  async function run(): Promise<void> {
    while (!closed) {
      let leadership: Leadership | undefined;
      try {
        leadership = await tryLead(database);
        if (leadership !== undefined) await lead(leadership);
      } catch (error) {
        if (error instanceof Fenced) log.warn("another publisher has taken over");
        else log.error({ err: error }, "publishing failed and will be tried again");
      } finally {
        await leadership?.release();
      }
      if (!closed) await bell.wait(electEveryMs);
    }
  }

  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
      await subscription.close();
    },
  };
}
