import { addToDigest, removeFromDigest } from "@rollcall/guard";
import { createBell, type Logger } from "@rollcall/core/runtime";
import {
  beginTerm,
  type Database,
  type Digest,
  Fenced,
  feedsPending,
  feedTenants,
  type Leadership,
  publishFeed,
  subscribe,
  trimFeed,
  tryLead,
} from "@rollcall/core/store";

export type Publisher = { close(): Promise<void> };

export type PublisherOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly retentionSec: number;
  /** How often to look without being told: notifications can be missed. */
  readonly pollMs?: number;
};

const trimEveryMs = 60_000;
const electEveryMs = 500;

export const feedDigest: Digest = {
  add: addToDigest,
  remove: removeFromDigest,
  isLive: (entry) => entry.op !== "allow" || entry.nbf !== undefined,
};

/** Publishes pending revocations into the feeds' logs while this process leads, and stands by while another does. */
export async function startPublisher({
  database,
  log,
  retentionSec,
  pollMs = 250,
}: PublisherOptions): Promise<Publisher> {
  const bell = createBell();
  let closed = false;
  const onError = (error: Error): void => log.warn({ err: error }, "the publisher lost a connection");
  const subscription = await subscribe(database, "rollcall_pending", bell.ring, onError);

  async function lead(leadership: Leadership): Promise<void> {
    const fence = await beginTerm(database);
    log.info({ fence }, "leading the publication of feeds");
    let trimAtMs = 0;
    while (!closed && !leadership.isLost()) {
      let published = 0;
      for (const tenantId of await feedsPending(database))
        published += await publishFeed(database, tenantId, fence, feedDigest);
      if (Date.now() >= trimAtMs) {
        for (const tenantId of await feedTenants(database)) await trimFeed(database, tenantId, retentionSec);
        trimAtMs = Date.now() + trimEveryMs;
      }
      if (published === 0 && !closed) await bell.wait(pollMs);
    }
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
