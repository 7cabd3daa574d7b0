import type { Json } from "../domain/index.ts";
import { openAlert } from "./alerts.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { beginFeed } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

export type FeedLogName = "revocations" | "subjects";

/** What showed that the database is not the one that the followers know. */
export type Rollback = {
  readonly newId: () => string;
  /** Where a follower is, or this process was. */
  readonly ahead: { readonly epoch: number; readonly seq: number };
  /** `cursor`, `receipt`, or `memory` where this process itself has told of more. */
  readonly seenBy: "cursor" | "receipt" | "memory";
  /** The credential that showed it; undefined where nobody's word had to be taken. */
  readonly credentialId?: string;
};

/** A follower's word raises an epoch once in so long: one that lies costs the others no more than a snapshot each. */
const believedAgainSec = 300;

/**
 * Epochs are seconds since 1970 once they are raised, so that a database restored from a backup
 * cannot give one that was given since: it has forgotten which those were.
 */
const next = (epoch: Sql): Sql => sql`greatest(${epoch} + 1, extract(epoch FROM clock_timestamp())::bigint)`;

/** Makes every follower of a feed, and of its subjects, take a new snapshot. For whoever has restored the database. */
export async function raiseEpoch(
  database: Database,
  feedId: string,
  actor: string,
): Promise<{ readonly epoch: number; readonly seq: number }> {
  await beginFeed(database, feedId);
  return database.inTenant(feedId, async (transaction) => {
    const [before] = await transaction.query<{ epoch: number }>(sql`SELECT epoch FROM feed_meta FOR UPDATE`);
    const [raised] = await transaction.query<{ epoch: number; seq: number }>(
      sql`UPDATE feed_meta SET epoch = ${next(sql`epoch`)}, floor_seq = seq, epoch_at = now() RETURNING epoch, seq`,
    );
    if (before === undefined || raised === undefined) throw new Error("a feed's head is missing");
    await transaction.query(
      sql`UPDATE subject_meta SET epoch = ${next(sql`epoch`)}, floor_seq = seq, epoch_at = now()`,
    );
    await tell(transaction, feedId);
    await recordAudit(transaction, feedId, { actor, action: "feed.new_epoch", target: feedId, before, after: raised });
    return raised;
  });
}

/**
 * Raises the epoch of a log that is behind what its followers were told: it was rolled back, and
 * what it will say next would not follow from what they hold. Answers whether it did; a point that
 * this log can never have told of proves nothing.
 */
export async function raiseEpochBehind(
  database: Database,
  feedId: string,
  log: FeedLogName,
  rollback: Rollback,
): Promise<boolean> {
  const { ahead, seenBy } = rollback;
  if (log === "revocations") await beginFeed(database, feedId);
  const meta = log === "revocations" ? sql`feed_meta` : sql`subject_meta`;
  const believed =
    seenBy === "memory"
      ? sql`true`
      : sql`(epoch_at IS NULL OR epoch_at < now() - ${believedAgainSec} * interval '1 second')`;
  return database.inTenant(feedId, async (transaction) => {
    const [raised] = await transaction.query<{ epoch: number; seq: number }>(sql`
      UPDATE ${meta} SET epoch = ${next(sql`epoch`)}, floor_seq = seq, epoch_at = now()
      WHERE ((epoch = ${ahead.epoch} AND seq < ${ahead.seq}) OR (epoch < ${ahead.epoch} AND ${ahead.epoch} <= extract(epoch FROM clock_timestamp()) + 60))
        AND ${believed}
      RETURNING epoch, seq`);
    if (raised === undefined) return false;
    await tell(transaction, feedId);
    const { credentialId } = rollback;
    const by: { readonly [name: string]: Json } = { seenBy, ...(credentialId === undefined ? {} : { credentialId }) };
    await openAlert(transaction, feedId, {
      id: rollback.newId(),
      kind: "feed_restored",
      key: log,
      detail: { ...by, toldEpoch: ahead.epoch, toldSeq: ahead.seq, epoch: raised.epoch, seq: raised.seq },
    });
    return true;
  });
}

async function tell(transaction: Transaction, feedId: string): Promise<void> {
  await transaction.query(sql`SELECT pg_notify('rollcall_feed', ${feedId})`);
}
