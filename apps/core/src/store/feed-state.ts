import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import { headOf, type HeadRow, toHead } from "./feed-head.ts";
import { houseFeedId, readSubjectKey } from "./feeds.ts";
import { type Sql, sql } from "./sql.ts";

/** A feed as its owner sees it. */
export type FeedState = {
  readonly epoch: number;
  readonly seq: number;
  readonly floorSeq: number;
  readonly entries: number;
  readonly asOf: Date;
  /** The set of known subjects; undefined while nobody follows it. */
  readonly subjects:
    | { readonly epoch: number; readonly seq: number; readonly entries: number; readonly filled: boolean }
    | undefined;
};

export async function readFeedState(database: Database, feedId: string): Promise<FeedState> {
  const read = <Row extends object>(statement: Sql): Promise<readonly Row[]> =>
    feedId === houseFeedId ? database.house<Row>(statement) : database.once<Row>(feedId, statement);
  const [[row], [subjects]] = await Promise.all([
    read<HeadRow>(headOf(feedId)),
    read<{ epoch: number; seq: number; entries: number; filled: boolean }>(
      sql`SELECT epoch, seq, entries, filled_at IS NOT NULL AS filled FROM subject_meta WHERE tenant_id = ${feedId}`,
    ),
  ]);
  if (row === undefined) throw new Error("the head of a feed could not be read");
  const { epoch, seq, floorSeq, entries, asOf } = toHead(row);
  return { epoch, seq, floorSeq, entries, asOf, subjects };
}

/** The feed's subject key for an admin, who gives it to gateways; that it was shown is in the audit. */
export async function showSubjectKey(database: Database, feedId: string, actor: string): Promise<Buffer> {
  const key = await readSubjectKey(database, feedId);
  await database.inTenant(feedId, (transaction) =>
    recordAudit(transaction, feedId, { actor, action: "feed.show_subject_key", target: feedId }),
  );
  return key;
}
