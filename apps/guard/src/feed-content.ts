import { FeedError } from "./feed-error.ts";
import type { ChangesPage, CheckpointClaims, SnapshotHeader } from "./wire.ts";

/** What a feed leaves behind in a guard, and a checkpoint can be compared with. */
export type Holding = { readonly size: () => number; readonly digest: () => string };

export type SnapshotHead = Pick<
  SnapshotHeader,
  "v" | "feed" | "epoch" | "seq" | "n" | "hash" | "hash_key" | "max_stale"
>;
export type PageHead = Pick<
  ChangesPage,
  "v" | "feed" | "epoch" | "from" | "to" | "more" | "hash" | "hash_key" | "poll_after_ms" | "max_stale"
>;

export type ReadSnapshot<H> = { readonly head: SnapshotHead; readonly held: H };
export type ReadPage<E> = { readonly head: PageHead; readonly entries: readonly E[] };

/** What one kind of feed is about. Bodies come here only after their hash was verified. */
export type FeedContent<H extends Holding, E> = {
  /** Reads a snapshot whole, or throws. */
  readonly readSnapshot: (body: Buffer, checkpoint: CheckpointClaims) => Promise<ReadSnapshot<H>>;
  /** Reads a page whole, or throws; undefined if it names subjects otherwise than what is held does. */
  readonly readPage: (body: Buffer, checkpoint: CheckpointClaims, held: H) => ReadPage<E> | undefined;
  readonly apply: (held: H, entry: E) => void;
};

/** True unless the checkpoint says how many entries live, or their digest, and it is not what is held. */
export function agrees(held: Holding, checkpoint: CheckpointClaims): boolean {
  if (checkpoint.n !== undefined && checkpoint.n !== held.size()) return false;
  return checkpoint.digest === undefined || checkpoint.digest === held.digest();
}

/** Throws unless a snapshot's first line speaks of the same point of the same feed as its checkpoint. */
export function checkSnapshotHead(line: unknown, checkpoint: CheckpointClaims): SnapshotHead {
  const head = line as SnapshotHead;
  if (head.v !== 1 || head.feed !== checkpoint.feed) malformed("the snapshot is of another feed or version");
  if (head.epoch !== checkpoint.epoch || head.seq !== checkpoint.seq)
    malformed("the snapshot is of another point than its checkpoint");
  if (!isCount(head.n) || !isCount(head.max_stale)) malformed("the snapshot's header");
  return head;
}

/** Throws unless a page lies where its checkpoint says. */
export function checkPageHead(value: object, checkpoint: CheckpointClaims): PageHead {
  const head = value as PageHead;
  if (head.v !== 1 || head.feed !== checkpoint.feed || head.epoch !== checkpoint.epoch)
    malformed("the page is of another feed or epoch");
  if (!isCount(head.from) || !isCount(head.to) || !isCount(head.max_stale) || typeof head.more !== "boolean")
    malformed("the page's header");
  if (head.poll_after_ms !== undefined && !isCount(head.poll_after_ms)) malformed("poll_after_ms is no number");
  // A page short of the head may carry the head's checkpoint, never an earlier one.
  if (head.more ? checkpoint.seq < head.to : checkpoint.seq !== head.to)
    malformed("the page ends elsewhere than its checkpoint");
  return head;
}

export function checkAgreement(held: Holding, checkpoint: CheckpointClaims): void {
  if (!agrees(held, checkpoint))
    throw new FeedError("digest_mismatch", "the snapshot's entries have another digest than its checkpoint");
}

export function parseLine(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw new FeedError("body_malformed", "a line is no JSON", { cause });
  }
  return malformed("a line is no object");
}

/** A body of millions takes seconds to read; requests are answered in between. */
export async function letOthersRun(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export function malformed(what: string): never {
  throw new FeedError("body_malformed", what);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
