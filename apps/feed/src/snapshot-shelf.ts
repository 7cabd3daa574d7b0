import { createHash } from "node:crypto";
import { once } from "node:events";
import { createGzip } from "node:zlib";
import { FeedRefusal } from "./errors.ts";

/** A snapshot's body, coded, with what its checkpoint says of it. */
export type Snapshot = { readonly coded: Buffer; readonly bodySha256: string; readonly count: number };

export type WriteSnapshot = (write: (piece: Buffer) => Promise<void>) => Promise<number | undefined>;

export type SnapshotShelf = {
  /** Takes a snapshot from the shelf, or makes it; at the same time only once. Undefined where it cannot be whole. */
  take(name: string, write: WriteSnapshot): Promise<Snapshot | undefined>;
  has(name: string): boolean;
};

const keptBytesMax = 256 * 1024 * 1024;
const madeAtOnceMax = 2;
const waitingMax = 32;
const level = 4;

/** The snapshots of all feeds of this process: immutable, so that one that was made serves everybody who asks. */
export function createSnapshotShelf(): SnapshotShelf {
  const kept = new Map<string, Snapshot>();
  const making = new Map<string, Promise<Snapshot | undefined>>();
  const queue: (() => void)[] = [];
  let atWork = 0;
  let keptBytes = 0;

  async function turn<Made>(make: () => Promise<Made>): Promise<Made> {
    if (atWork >= madeAtOnceMax) {
      if (queue.length >= waitingMax) throw new FeedRefusal("unavailable", { retryAfterSec: 5 });
      await new Promise<void>((resolve) => {
        queue.push(resolve);
      });
    }
    atWork += 1;
    try {
      return await make();
    } finally {
      atWork -= 1;
      queue.shift()?.();
    }
  }
  function keep(name: string, snapshot: Snapshot): void {
    kept.set(name, snapshot);
    keptBytes += snapshot.coded.length;
    for (const [oldest, { coded }] of kept) {
      if (keptBytes <= keptBytesMax || oldest === name) break;
      kept.delete(oldest);
      keptBytes -= coded.length;
    }
  }
  async function make(name: string, write: WriteSnapshot): Promise<Snapshot | undefined> {
    const snapshot = await turn(() => code(write));
    if (snapshot !== undefined) keep(name, snapshot);
    return snapshot;
  }
  return {
    has: (name) => kept.has(name) || making.has(name),
    take: async (name, write) => {
      const known = kept.get(name);
      if (known === undefined) {
        const made = making.get(name) ?? make(name, write).finally(() => making.delete(name));
        making.set(name, made);
        return made;
      }
      // Whoever is asked for last stays longest.
      kept.delete(name);
      kept.set(name, known);
      return known;
    },
  };
}

/** Codes and hashes what is written as it comes: of a million entries only the coded body is ever held whole. */
async function code(write: WriteSnapshot): Promise<Snapshot | undefined> {
  const gzip = createGzip({ level });
  const hash = createHash("sha256");
  const pieces: Buffer[] = [];
  gzip.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = once(gzip, "end");
  const count = await write(async (piece) => {
    hash.update(piece);
    if (!gzip.write(piece)) await once(gzip, "drain");
  }).finally(() => gzip.end());
  await ended;
  if (count === undefined) return undefined;
  return { coded: Buffer.concat(pieces), bodySha256: hash.digest("base64url"), count };
}
