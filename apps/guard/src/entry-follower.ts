import { settleFeed } from "./feed-settings.ts";
import { createFollowing, type HeldFeed } from "./following.ts";
import { createHeldEntries } from "./held-entries.ts";
import { fetchedKeys, fetchKeySet, pinnedKeys } from "./key-source.ts";
import { type FeedOptions, GuardConfigError } from "./options.ts";
import { sendReceipts } from "./receipts.ts";
import { revocationContent } from "./revocation-content.ts";
import type { RevocationEntry } from "./revocations.ts";
import { type Receipt, snapshotMediaType } from "./wire.ts";

export type { HeldFeed } from "./following.ts";
export type { RevocationEntry } from "./revocations.ts";

export type EntryFollowerOptions = {
  readonly feed: FeedOptions;
  /** Entries that were applied, or undefined where a snapshot replaced them all; none of them where only time went on. */
  readonly onChange: (entries: readonly RevocationEntry[] | undefined) => void;
  readonly onError: (error: Error) => void;
  readonly now?: () => number;
};

/** Follows a feed for a gateway that decides elsewhere: the same verification and the same staleness as a guard's. */
export type EntryFollower = {
  /** Resolves when the feed has answered once, well or not. */
  readonly start: () => Promise<void>;
  readonly status: () => HeldFeed | undefined;
  /** For how long what is held is still the present; negative where it no longer is, undefined while nothing is. */
  readonly freshForSec: () => number | undefined;
  /** Every live entry. */
  readonly entries: () => Iterable<RevocationEntry>;
  /** The gateway decides by this from now on: it is what receipts tell, and nothing else is. */
  readonly enforced: (held: HeldFeed) => void;
  readonly close: () => Promise<void>;
};

/** Throws a `GuardConfigError` that names everything wrong with the options. */
export function createEntryFollower({ feed, onChange, onError, now = Date.now }: EntryFollowerOptions): EntryFollower {
  const problems: string[] = [];
  const settings = settleFeed(feed, (problem) => problems.push(problem));
  if (settings === undefined || problems.length > 0) throw new GuardConfigError(problems);
  const closing = new AbortController();
  const { signal } = closing;
  const keys =
    settings.keys === undefined
      ? fetchedKeys({ load: (stop) => fetchKeySet(settings.keysUrl, stop), now, signal, onError })
      : pinnedKeys(settings.keys);
  let enforced: HeldFeed | undefined;
  let followed: Promise<unknown> = Promise.resolve();
  const receipt = (): Receipt | undefined => enforced && receiptOf(settings.gateway, enforced);
  const receipts = sendReceipts({ settings, receipt, signal, onError });
  let told: readonly RevocationEntry[] | undefined = [];
  const following = createFollowing(
    {
      settings,
      keys,
      now,
      uptimeMs: () => performance.now(),
      signal,
      onError,
      onFeed: () => {
        const entries = told;
        told = [];
        onChange(entries);
      },
    },
    {
      kind: "revocations",
      path: "",
      snapshotType: snapshotMediaType,
      content: revocationContent(settings.subjectKey, createHeldEntries),
      onChange: (entries) => (told = entries),
    },
  );
  return {
    start: async () => {
      await keys.start();
      const { ready, done } = following.follow();
      followed = done;
      await ready;
    },
    status: following.status,
    freshForSec: following.freshForSec,
    entries: () => following.held()?.all() ?? [],
    enforced: (held) => {
      const moved = enforced?.epoch !== held.epoch || enforced.seq !== held.seq;
      enforced = held;
      if (moved) receipts.changed();
    },
    close: async () => {
      closing.abort(new Error("the follower was closed"));
      await followed;
    },
  };
}

function receiptOf(gateway: string, { epoch, seq, asOf, entries, digest }: HeldFeed): Receipt {
  return { gateway, epoch, seq, as_of: asOf, entries, digest };
}
