import { createFeedClient } from "./feed-client.ts";
import type { FeedContent, Holding } from "./feed-content.ts";
import { createFeedFile } from "./feed-file.ts";
import { followFeed } from "./feed-follower.ts";
import { createIntake } from "./feed-intake.ts";
import type { FeedSettings } from "./feed-settings.ts";
import { createFeedState, type FeedPosition, type FeedState } from "./feed-state.ts";
import type { KeySource } from "./key-source.ts";

/** A feed moved on, or said that it need not. */
export type FeedEvent = {
  readonly feed: "revocations" | "subjects";
  readonly epoch: number;
  readonly seq: number;
  readonly asOf: number;
  readonly entries: number;
  /** How many entries came with it; undefined where a snapshot replaced them all. */
  readonly applied: number | undefined;
};

export type HeldFeed = FeedPosition & { readonly entries: number; readonly digest: string };

export type Following<H> = {
  readonly held: () => H | undefined;
  readonly fresh: (nowMs: number) => boolean;
  /** For how long what is held is still the present; negative where it no longer is, undefined while nothing is. */
  readonly freshForSec: () => number | undefined;
  readonly status: () => HeldFeed | undefined;
  readonly follow: () => { readonly ready: Promise<void>; readonly done: Promise<void> };
};

/** What the followings of one guard share. */
export type FollowingHouse = {
  readonly settings: FeedSettings;
  readonly keys: KeySource;
  readonly now: () => number;
  readonly uptimeMs: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
  readonly onFeed: (event: FeedEvent) => void;
};

/** One of the feeds that a guard follows. */
export type FollowedFeed<H extends Holding, E> = {
  readonly kind: FeedEvent["feed"];
  /** What follows the feed's URL and name, and the file's path. */
  readonly path: string;
  readonly snapshotType: string;
  readonly content: FeedContent<H, E>;
  readonly onChange: (entries: readonly E[] | undefined) => void;
};

/** Puts together what following a feed takes; nothing is asked before `follow`. */
export function createFollowing<H extends Holding, E>(house: FollowingHouse, feed: FollowedFeed<H, E>): Following<H> {
  const { settings, keys, now, uptimeMs, signal, onError } = house;
  const state = createFeedState<H, E>({ apply: feed.content.apply, now, uptimeMs, onError });
  const client = createFeedClient({
    sources: settings.sources,
    path: feed.path,
    snapshotType: feed.snapshotType,
    uptimeMs,
    signal,
  });
  const intake = createIntake<H, E>({
    scope: { feed: `${settings.name}${feed.path}`, keys, now },
    content: feed.content,
    state,
    onTaken: (entries) => {
      if (entries?.length !== 0) feed.onChange(entries);
      const event = eventOf(feed.kind, state, entries);
      if (event !== undefined) house.onFeed(event);
    },
  });
  const { persistPath, transport, waitSec: waitSecMax, pollMs } = settings;
  const file = persistPath === undefined ? undefined : createFeedFile(`${persistPath}${feed.path.replace("/", ".")}`);

  return {
    held: state.held,
    fresh: state.fresh,
    freshForSec: state.freshForSec,
    status: () => {
      const [position, held] = [state.position(), state.held()];
      return position && held && { ...position, entries: held.size(), digest: held.digest() };
    },
    follow: () =>
      followFeed({ ...state, client, keys, intake, file, transport, waitSecMax, pollMs, now, signal, onError }),
  };
}

function eventOf<H extends Holding, E>(
  feed: FeedEvent["feed"],
  state: FeedState<H, E>,
  entries: readonly E[] | undefined,
): FeedEvent | undefined {
  const [position, held] = [state.position(), state.held()];
  if (position === undefined || held === undefined) return undefined;
  const { epoch, seq, asOf } = position;
  return { feed, epoch, seq, asOf, entries: held.size(), applied: entries?.length };
}
