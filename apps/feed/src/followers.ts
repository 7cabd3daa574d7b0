import type { Receipt, ResolveAnswer, ResolveRequest } from "@rollcall/guard";
import { type Database, feedName, recordReceipt, resolveSubject, subscribe } from "@rollcall/core/store";
import { FeedRefusal } from "./errors.ts";
import { createFeedAnswers, type FeedAnswers } from "./feed-answer.ts";
import { type FeedView, openFeedView } from "./feed-view.ts";
import type { Signer } from "./signing-keys.ts";

export type Follower = { readonly tenantId: string; readonly view: FeedView; readonly answers: FeedAnswers };

export type Followers = {
  /** The feed of a tenant under its name. A name that is not the tenant's own is a feed that does not exist. */
  open(tenantId: string, feed: string): Promise<Follower>;
  receive(tenantId: string, receipt: Receipt): Promise<void>;
  resolve(tenantId: string, request: ResolveRequest): Promise<ResolveAnswer>;
  close(): Promise<void>;
};

export type FollowersOptions = {
  readonly database: Database;
  readonly signer: Signer;
  readonly publicUrl: string;
  readonly staleSecMax: number;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

/** Every feed that this process serves, opened when first asked for and told of news by the database. */
export async function openFollowers(options: FollowersOptions): Promise<Followers> {
  const { database, onError } = options;
  const followers = new Map<string, { readonly feed: string; readonly follower: Follower }>();
  const subscription = await subscribe(
    database,
    "rollcall_feed",
    (tenantId) => {
      followers.get(tenantId)?.follower.view.refresh().catch(onError);
    },
    onError,
  );
  // A notification can be missed; whoever waits is looked after twice a second all the same.
  const poll = setInterval(() => {
    for (const { follower } of followers.values()) follower.view.refresh().catch(onError);
  }, 500);

  return {
    open: async (tenantId, feed) => {
      const known = followers.get(tenantId);
      if (known !== undefined) {
        if (known.feed !== feed) throw new FeedRefusal("not_found");
        return known.follower;
      }
      const slug = await feedName(database, tenantId);
      if (slug === undefined || slug !== feed) throw new FeedRefusal("not_found");
      const answers = createFeedAnswers({ ...options, tenantId, feed, issuer: options.publicUrl });
      const follower = { tenantId, answers, view: openFeedView(database, tenantId, options.now) };
      followers.set(tenantId, { feed, follower });
      return follower;
    },
    receive: (tenantId, receipt) =>
      recordReceipt(database, tenantId, {
        gateway: receipt.gateway,
        epoch: receipt.epoch,
        seq: receipt.seq,
        asOf: new Date(receipt.as_of * 1000),
        entries: receipt.entries,
        digest: Buffer.from(receipt.digest, "base64url"),
        ...(receipt.max_ttl_seen === undefined ? {} : { maxTtlSec: receipt.max_ttl_seen }),
      }),
    resolve: (tenantId, { iss, sub }) => resolveSubject(database, tenantId, iss, sub),
    close: async () => {
      clearInterval(poll);
      for (const { follower } of followers.values()) follower.view.close();
      await subscription.close();
    },
  };
}
