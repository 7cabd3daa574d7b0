import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { CheckpointClaims } from "@rollcall/guard";
import { type Database, type FeedHead, oldestAcceptedAfter } from "@rollcall/core/store";
import { cursorText, type FeedKind } from "./feed-kind.ts";
import type { Cursor, Present } from "./log-tail.ts";
import { bodyHash, type Signer } from "./signing-keys.ts";
import type { Snapshot, SnapshotShelf } from "./snapshot-shelf.ts";

/** A page of changes, made once for everybody who asks for it. */
export type Page = {
  readonly to: number;
  readonly more: boolean;
  readonly body: Buffer;
  readonly checkpoint: string;
  /** The body as gzip has it, made when first asked for. */
  coded(): Promise<Buffer>;
};

export type FeedAnswers<Entry> = {
  /** A signed statement of where the feed is. */
  unchanged(present: Present<Entry>): Promise<string>;
  /** Undefined where the log no longer reaches back to `since`. */
  changes(present: Present<Entry>, since: number, limit: number): Promise<Page | undefined>;
  /** Which snapshot whoever begins should take: the present, unless a recent one spares making a large one. */
  bestSnapshot(present: Present<Entry>): Cursor;
  /** Whether it takes no work to tell it. */
  isSnapshotMade(at: Cursor): boolean;
  /** Undefined where that state cannot be told any more. */
  snapshot(
    present: Present<Entry>,
    at: Cursor,
  ): Promise<{ readonly snapshot: Snapshot; readonly checkpoint: string } | undefined>;
};

export type FeedSource<Entry extends { readonly seq: number }> = {
  readonly database: Database;
  readonly signer: Signer;
  readonly shelf: SnapshotShelf;
  readonly kind: FeedKind<Entry>;
  readonly feedId: string;
  /** The name that checkpoints carry. */
  readonly feed: string;
  readonly issuer: string;
  readonly staleSecMax: number;
  /** How long followers are to rest before they ask again. */
  readonly pollAfterMs: () => number;
  readonly now: () => number;
};

const compress = promisify(gzip);
const piecesMax = 32;
/** From so many entries on a snapshot is worth saving, and a follower rather catches up with this share of it. */
const largeMin = 10_000;
const catchUpShare = 0.1;

/** Makes and signs what one feed answers. What is the same for many is made once: they share the bytes and the signature. */
export function createFeedAnswers<Entry extends { readonly seq: number }>(
  source: FeedSource<Entry>,
): FeedAnswers<Entry> {
  const { kind, feedId, feed, staleSecMax, shelf } = source;
  const shared = createSharedAnswers<Present<Entry>>();
  const pieceOf = createPieces(kind);
  let large: (Cursor & { readonly count: number }) | undefined;

  async function makePage(present: Present<Entry>, since: number, limit: number): Promise<Page | undefined> {
    const { head, from, newest } = present;
    const entries =
      since >= from ? newest.slice(since - from, since - from + limit) : await pieceOf(head, since, limit);
    const to = entries.at(-1)?.seq;
    if (to === undefined || entries[0]?.seq !== since + 1 || to - since !== entries.length) return undefined;
    const more = to < head.seq;
    const page = { v: 1, feed, epoch: head.epoch, from: since, to, more } as const;
    const pace = { poll_after_ms: source.pollAfterMs(), max_stale: staleSecMax };
    const body = Buffer.from(kind.writePage({ ...page, ...pace }, entries));
    // A page that stops short promises only what came before the first entry that it leaves out.
    const { asOf, ...whole } = await promised(source, head, to);
    const signed = { ...claims(source, { epoch: head.epoch, seq: to }, asOf, bodyHash(body)), ...whole };
    let coded: Promise<Buffer> | undefined;
    return { to, more, body, checkpoint: source.signer.sign(signed), coded: () => (coded ??= compress(body)) };
  }
  const shelved = (at: Cursor): string => `${feedId} ${feed} ${kind.isHashed} ${cursorText(at)}`;

  return {
    unchanged: (present) =>
      shared(present, "unchanged", async () => {
        const { head } = present;
        const { asOf, ...whole } = await promised(source, head, head.seq);
        return source.signer.sign({ ...claims(source, head, asOf), ...whole });
      }),
    changes: (present, since, limit) => shared(present, `${since} ${limit}`, () => makePage(present, since, limit)),
    bestSnapshot: ({ head }) => {
      const saves =
        large !== undefined &&
        large.epoch === head.epoch &&
        large.seq >= head.floorSeq &&
        head.seq - large.seq <= large.count * catchUpShare;
      return saves && large !== undefined ? large : head;
    },
    isSnapshotMade: (at) => shelf.has(shelved(at)),
    snapshot: (present, at) =>
      shared(present, `snapshot ${cursorText(at)}`, async () => {
        const outline = { v: 1, feed, epoch: at.epoch, seq: at.seq, max_stale: staleSecMax } as const;
        const snapshot = await shelf.take(shelved(at), (write) => kind.writeSnapshot(outline, write));
        if (snapshot === undefined) return undefined;
        if (snapshot.count >= largeMin && at.seq >= (large?.epoch === at.epoch ? large.seq : 0))
          large = { epoch: at.epoch, seq: at.seq, count: snapshot.count };
        const { asOf, ...whole } = await promised(source, present.head, at.seq);
        return {
          snapshot,
          checkpoint: source.signer.sign({ ...claims(source, at, asOf, snapshot.bodySha256), ...whole }),
        };
      }),
  };
}

/** What is the same for all who ask of one present: made once, and forgotten with it. */
function createSharedAnswers<Of extends object>() {
  const made = new WeakMap<Of, Map<string, Promise<unknown>>>();
  return <Made>(present: Of, name: string, make: () => Promise<Made>): Promise<Made> => {
    const own = made.get(present) ?? new Map<string, Promise<unknown>>();
    made.set(present, own);
    const known = own.get(name) as Promise<Made> | undefined;
    if (known !== undefined) return known;
    const fresh = make();
    own.set(name, fresh);
    // What failed is tried again by whoever asks next.
    fresh.catch(() => own.delete(name));
    return fresh;
  };
}

/** Full pages of the past do not change, and a crowd that catches up asks for the same ones. */
function createPieces<Entry extends { readonly seq: number }>(kind: FeedKind<Entry>) {
  const pieces = new Map<string, Promise<readonly Entry[]>>();
  return (head: FeedHead, since: number, limit: number): Promise<readonly Entry[]> => {
    const name = `${cursorText({ epoch: head.epoch, seq: since })} ${limit}`;
    const known = pieces.get(name);
    if (known !== undefined) return known;
    const read = kind.readChanges(since, head.seq, limit);
    pieces.set(name, read);
    const forget = (): void => void (pieces.get(name) === read && pieces.delete(name));
    read.then((entries) => entries.length < limit && forget(), forget);
    if (pieces.size > piecesMax) pieces.delete(pieces.keys().next().value as string);
    return read;
  };
}

type Speaker = Pick<FeedSource<{ readonly seq: number }>, "issuer" | "feed" | "now" | "staleSecMax">;

function claims(source: Speaker, at: Cursor, asOf: Date, bodySha256?: string): CheckpointClaims {
  const iat = Math.floor(source.now() / 1000);
  return {
    iss: source.issuer,
    feed: source.feed,
    epoch: at.epoch,
    seq: at.seq,
    as_of: asOf.getTime() / 1000,
    iat,
    exp: iat + source.staleSecMax,
    ...(bodySha256 === undefined ? {} : { body_sha256: bodySha256 }),
  };
}

/** What an answer up to `seq` may promise, and where that is the head what the whole sums up to. */
async function promised<Entry extends { readonly seq: number }>(
  { database, feedId, kind }: FeedSource<Entry>,
  head: FeedHead,
  seq: number,
): Promise<{ asOf: Date } & Pick<CheckpointClaims, "n" | "digest">> {
  if (seq === head.seq) return { asOf: head.asOf, ...kind.whole(head) };
  return { asOf: await oldestAcceptedAfter(database, feedId, kind.log, seq, head.asOf) };
}
