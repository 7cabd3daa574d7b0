import { performance } from "node:perf_hooks";
import type { Receipt, ResolveAnswer, ResolveRequest } from "@rollcall/guard";
import {
  type Bearer,
  beginFeed,
  type Database,
  feedName,
  houseFeedId,
  type LogEntry,
  raiseEpochBehind,
  readSubjectKey,
  resolveInHouse,
  resolveSubject,
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
  resolve(bearer: Bearer, request: ResolveRequest): Promise<ResolveAnswer>;
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
  const names = new Map<string, string>();
  const tails = new Map<string, LogTail<never>>();
  const known = new Map<string, Known>();
  const load = measureLoad();

  const subscription = await subscribe(
    database,
    "rollcall_feed",
    (payload) => {
      const [feedId, log = "revocations"] = payload.split("/") as [string, FeedLog?];
      tails.get(tailName(feedId, log))?.refresh().catch(onError);
    },
    onError,
  );
  const poll = setInterval(() => {
    load.measure();
    for (const tail of tails.values()) if (tail.isWaitedFor) tail.refresh().catch(onError);
    forgetIdle();
  }, pollMs);

  function forgetIdle(): void {
    for (const [name, { follower, askedAtMs }] of known) {
      if (now() - askedAtMs < forgottenMs || follower.tail.isWaitedFor) continue;
      known.delete(name);
      tails.delete(tailName(follower.feedId, follower.log));
    }
  }
  async function rolledBack(feedId: string, log: FeedLog, rollback: Omit<Rollback, "newId">): Promise<boolean> {
    return raiseEpochBehind(database, feedId, log, { ...rollback, newId: options.newId });
  }
  function tailOf<Entry extends { readonly seq: number }>(feedId: string, log: FeedLog, kind: FeedKind<Entry>) {
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
  }
  function follow<Entry extends { readonly seq: number }>(
    feedId: string,
    feed: string,
    log: FeedLog,
    kind: FeedKind<Entry>,
  ): Follower<Entry> {
    const { publicUrl: issuer, signer, staleSecMax } = options;
    const source = { database, signer, shelf, kind, feedId, feed: `${feed}${kind.suffix}`, issuer, staleSecMax, now };
    const answers = createFeedAnswers<Entry>({ ...source, pollAfterMs: load.pollAfterMs });
    return { feedId, log, kind, tail: tailOf(feedId, log, kind), answers };
  }
  async function openKind(bearer: Bearer, feedId: string, feed: string, log: FeedLog): Promise<Follower> {
    // Nobody asks about single subjects in the name of all tenants, so there is no set of them to follow.
    if (log === "subjects" && feedId === houseFeedId) throw new FeedRefusal("not_found");
    if (feedId === houseFeedId) await beginFeed(database, feedId);
    const key = log === "subjects" || bearer.hashed ? await readSubjectKey(database, feedId) : undefined;
    if (log === "subjects" && key !== undefined) return follow(feedId, feed, log, subjectKind(database, feedId, key));
    return follow(feedId, feed, log, revocationKind(database, feedId, key));
  }
  const suspectRollback: Followers["suspectRollback"] = async ({ feedId, log, tail }, ahead, by) => {
    if (await rolledBack(feedId, log, { ahead, ...by })) await tail.refresh();
  };

  return {
    open: async (bearer, feed, log) => {
      const feedId = bearer.tenantId ?? houseFeedId;
      const own = names.get(feedId) ?? (await feedName(database, feedId));
      if (own !== undefined) names.set(feedId, own);
      if (own === undefined || own !== feed) throw new FeedRefusal("not_found");
      const name = `${tailName(feedId, log)} ${bearer.hashed}`;
      const open = known.get(name) ?? { follower: await openKind(bearer, feedId, feed, log), askedAtMs: 0 };
      // Two who came at once would have opened it twice.
      const one = known.get(name) ?? open;
      one.askedAtMs = now();
      known.set(name, one);
      return one.follower;
    },
    suspectRollback,
    receive: async ({ credentialId }, follower, receipt) => {
      const { head } = await follower.tail.present();
      if (isAhead(receipt, head)) {
        const { head: read } = await follower.tail.refresh();
        if (isAhead(receipt, read)) await suspectRollback(follower, receipt, { seenBy: "receipt", credentialId });
      }
      await receipts.put(follower.feedId, receipt);
    },
    resolve: ({ tenantId }, { iss, sub }) =>
      tenantId === undefined ? resolveInHouse(database, iss, sub) : resolveSubject(database, tenantId, iss, sub),
    close: async () => {
      clearInterval(poll);
      for (const tail of tails.values()) tail.close();
      await subscription.close();
    },
  };
}

export function isAhead(told: Cursor, head: Cursor): boolean {
  return told.epoch > head.epoch || (told.epoch === head.epoch && told.seq > head.seq);
}

function tailName(feedId: string, log: FeedLog): string {
  return `${feedId}/${log}`;
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
