import { performance } from "node:perf_hooks";
import type { Receipt } from "@rollcall/guard";
import {
  type Bearer,
  beginFeed,
  type Database,
  feedName,
  houseFeedId,
  type LogEntry,
  raiseEpochBehind,
  readSubjectKey,
  type Rollback,
  type SubjectChange,
  subscribe,
} from "@rollcall/core/store";
import { FeedRefusal } from "./errors.ts";
import { createFeedAnswers, type FeedAnswers } from "./feed-answers.ts";
import { type FeedKind, revocationKind, subjectKind } from "./feed-kind.ts";
import { type Cursor, type LogTail, openLogTail } from "./log-tail.ts";
import { createReceiptBox } from "./receipt-box.ts";
import type { Signer } from "./signing-keys.ts";
import { createSnapshotShelf } from "./snapshot-shelf.ts";

export type FeedLog = "revocations" | "subjects";

/** One feed, as one kind of token reads it. */
export type Follower<Entry extends { readonly seq: number } = LogEntry | SubjectChange> = {
  readonly feedId: string;
  readonly log: FeedLog;
  readonly kind: Pick<FeedKind<Entry>, "snapshotType" | "isHashed">;
  readonly tail: LogTail<Entry>;
  readonly answers: FeedAnswers<Entry>;
};

export type Followers = {
  /** The feed of the bearer's tenant under its name. A name that is not the tenant's own is a feed that does not exist. */
  open(bearer: Bearer, feed: string, log: FeedLog): Promise<Follower>;
  /** Somebody has been told of more than there is: the database was rolled back, unless they lie. */
  suspectRollback(follower: Follower, ahead: Cursor, by: Pick<Rollback, "seenBy" | "credentialId">): Promise<void>;
  receive(bearer: Bearer, follower: Follower, receipt: Receipt): Promise<void>;
  close(): Promise<void>;
};

export type FollowersOptions = {
  readonly database: Database;
  readonly signer: Signer;
  readonly publicUrl: string;
  readonly staleSecMax: number;
  readonly now: () => number;
  readonly newId: () => string;
  readonly onError: (error: Error) => void;
};

type Known = { readonly follower: Follower; askedAtMs: number };

/** A notification can be missed; whoever waits is looked after every second all the same. */
const pollMs = 1_000;
const forgottenMs = 600_000;
/** A process that has this little of its time left asks its followers to come less often. */
const busyShare = 0.9;
const busyPollAfterMs = 500;

/** Every feed that this process serves, opened when first asked for and told of news by the database. */
export async function openFollowers(options: FollowersOptions): Promise<Followers> {
  const { database, now, onError } = options;
  const shelf = createSnapshotShelf();
  const receipts = createReceiptBox(database, options.staleSecMax);
  const nameOf = rememberNames(database);
  const tails = createTails(options);
  const known = new Map<string, Known>();
  const load = measureLoad();
  const surroundings: Surroundings = { options, shelf, tails, pollAfterMs: load.pollAfterMs };

  const onNews = (payload: string): void => {
    const [feedId, log = "revocations"] = payload.split("/") as [string, FeedLog?];
    tails.refresh(feedId, log);
  };
  const subscription = await subscribe(database, "rollcall_feed", onNews, onError);
  const poll = setInterval(() => {
    load.measure();
    tails.refreshAwaited();
    forgetIdle();
  }, pollMs);

  function forgetIdle(): void {
    for (const [name, { follower, askedAtMs }] of known) {
      if (now() - askedAtMs < forgottenMs || follower.tail.isWaitedFor) continue;
      known.delete(name);
      const { feedId, log } = follower;
      // Those who read it under names and those who read it under hashes share one tail.
      const isShared = [true, false].some((hashed) => known.has(followerName(feedId, log, hashed)));
      if (!isShared) tails.forget(feedId, log);
    }
  }
  const suspectRollback: Followers["suspectRollback"] = async ({ feedId, log, tail }, ahead, by) => {
    if (await tails.rolledBack(feedId, log, { ahead, ...by })) await tail.refresh();
  };

  return {
    open: async (bearer, feed, log) => {
      const feedId = bearer.tenantId ?? houseFeedId;
      if (feed !== (await nameOf(feedId))) throw new FeedRefusal("not_found");
      const name = followerName(feedId, log, bearer.hashed);
      const open = known.get(name) ?? {
        follower: await openFollower(surroundings, bearer, { id: feedId, name: feed }, log),
        askedAtMs: 0,
      };
      // Two who came at once would have opened it twice.
      const one = known.get(name) ?? open;
      one.askedAtMs = now();
      known.set(name, one);
      return one.follower;
    },
    suspectRollback,
    receive: async ({ credentialId }, follower, receipt) => {
      if (await isAheadOfLog(follower, receipt))
        await suspectRollback(follower, receipt, { seenBy: "receipt", credentialId });
      await receipts.put(follower.feedId, receipt);
    },
    close: async () => {
      clearInterval(poll);
      tails.close();
      await subscription.close();
    },
  };
}

type Surroundings = {
  readonly options: FollowersOptions;
  readonly shelf: ReturnType<typeof createSnapshotShelf>;
  readonly tails: ReturnType<typeof createTails>;
  readonly pollAfterMs: () => number;
};

async function openFollower(
  surroundings: Surroundings,
  bearer: Bearer,
  feed: { readonly id: string; readonly name: string },
  log: FeedLog,
): Promise<Follower> {
  const { database } = surroundings.options;
  // Nobody asks about single subjects in the name of all tenants, so there is no set of them to follow.
  if (log === "subjects" && feed.id === houseFeedId) throw new FeedRefusal("not_found");
  if (feed.id === houseFeedId) await beginFeed(database, feed.id);
  const key = log === "subjects" || bearer.hashed ? await readSubjectKey(database, feed.id) : undefined;
  if (log === "subjects" && key !== undefined)
    return follow(surroundings, feed, log, subjectKind(database, feed.id, key));
  return follow(surroundings, feed, log, revocationKind(database, feed.id, key));
}

function follow<Entry extends { readonly seq: number }>(
  { options, shelf, tails, pollAfterMs }: Surroundings,
  feed: { readonly id: string; readonly name: string },
  log: FeedLog,
  kind: FeedKind<Entry>,
): Follower<Entry> {
  const { database, publicUrl: issuer, signer, staleSecMax, now } = options;
  const answers = createFeedAnswers<Entry>({
    database,
    signer,
    shelf,
    kind,
    feedId: feed.id,
    feed: `${feed.name}${kind.suffix}`,
    issuer,
    staleSecMax,
    now,
    pollAfterMs,
  });
  return { feedId: feed.id, log, kind, tail: tails.open(feed.id, log, kind), answers };
}

/** The logs that this process follows, each once for all who ask. */
function createTails({ database, now, newId, onError }: FollowersOptions) {
  const tails = new Map<string, LogTail<never>>();
  const rolledBack = (feedId: string, log: FeedLog, rollback: Omit<Rollback, "newId">): Promise<boolean> =>
    raiseEpochBehind(database, feedId, log, { ...rollback, newId });
  return {
    rolledBack,
    open: <Entry extends { readonly seq: number }>(feedId: string, log: FeedLog, kind: FeedKind<Entry>) => {
      const name = tailName(feedId, log);
      // A name is of one log, and a log of one kind.
      const open = tails.get(name) as LogTail<Entry> | undefined;
      if (open !== undefined) return open;
      const tail = openLogTail<Entry>({
        readNews: kind.readNews,
        onRolledBack: async (ahead) => void (await rolledBack(feedId, log, { ahead, seenBy: "memory" })),
        now,
      });
      tails.set(name, tail as LogTail<never>);
      return tail;
    },
    refresh: (feedId: string, log: FeedLog): void => {
      tails.get(tailName(feedId, log))?.refresh().catch(onError);
    },
    refreshAwaited: (): void => {
      for (const tail of tails.values()) if (tail.isWaitedFor) tail.refresh().catch(onError);
    },
    forget: (feedId: string, log: FeedLog): void => void tails.delete(tailName(feedId, log)),
    close: (): void => {
      for (const tail of tails.values()) tail.close();
    },
  };
}

/** A feed's name never changes once there is one. */
function rememberNames(database: Database): (feedId: string) => Promise<string | undefined> {
  const names = new Map<string, string>();
  return async (feedId) => {
    const name = names.get(feedId) ?? (await feedName(database, feedId));
    if (name !== undefined) names.set(feedId, name);
    return name;
  };
}

async function isAheadOfLog({ tail }: Follower, told: Cursor): Promise<boolean> {
  const { head } = await tail.present();
  // What is at hand may be a second old.
  return isAhead(told, head) && isAhead(told, (await tail.refresh()).head);
}

export function isAhead(told: Cursor, head: Cursor): boolean {
  return told.epoch > head.epoch || (told.epoch === head.epoch && told.seq > head.seq);
}

function tailName(feedId: string, log: FeedLog): string {
  return `${feedId}/${log}`;
}

function followerName(feedId: string, log: FeedLog, hashed: boolean): string {
  return `${tailName(feedId, log)} ${hashed}`;
}

/** How much of its time this process works, by the second. */
function measureLoad(): { measure(): void; pollAfterMs(): number } {
  let last = performance.eventLoopUtilization();
  let share = 0;
  return {
    measure: () => {
      const present = performance.eventLoopUtilization();
      share = performance.eventLoopUtilization(present, last).utilization;
      last = present;
    },
    pollAfterMs: () => (share > busyShare ? busyPollAfterMs : 0),
  };
}
