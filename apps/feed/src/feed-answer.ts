import { gzip } from "node:zlib";
import { promisify } from "node:util";
import {
  type ChangesPage,
  type CheckpointClaims,
  digestText,
  type FeedEntry,
  type SnapshotHeader,
  toWire,
} from "@rollcall/guard";
import {
  type Database,
  type FeedHead,
  type LogEntry,
  oldestAcceptedAfter,
  readChanges,
  readSnapshot,
} from "@rollcall/core/store";
import { bodyHash, type Signer } from "./signing-keys.ts";

export type FeedAnswers = {
  /** A signed statement that nothing follows `head`. */
  unchanged(head: FeedHead): Promise<string>;
  /** Undefined where the log no longer reaches back to `since`. */
  changes(
    head: FeedHead,
    since: number,
    limit: number,
  ): Promise<{ readonly body: string; readonly to: number; readonly checkpoint: string } | undefined>;
  /** Undefined where that state cannot be told any more. Compressed. */
  snapshot(
    head: FeedHead,
    epoch: number,
    seq: number,
  ): Promise<{ readonly body: Buffer; readonly checkpoint: string } | undefined>;
};

export type FeedSource = {
  readonly database: Database;
  readonly signer: Signer;
  readonly tenantId: string;
  readonly feed: string;
  readonly issuer: string;
  readonly staleSecMax: number;
  readonly now: () => number;
};

const compress = promisify(gzip);

/** Makes and signs what one feed answers. */
export function createFeedAnswers(source: FeedSource): FeedAnswers {
  const { database, tenantId, feed, staleSecMax } = source;

  function claims(epoch: number, seq: number, asOf: Date, body?: string): CheckpointClaims {
    const iat = Math.floor(source.now() / 1000);
    return {
      iss: source.issuer,
      feed,
      epoch,
      seq,
      as_of: asOf.getTime() / 1000,
      iat,
      exp: iat + staleSecMax,
      ...(body === undefined ? {} : { body_sha256: bodyHash(body) }),
    };
  }

  return {
    unchanged: (head) => source.signer.sign({ ...claims(head.epoch, head.seq, head.asOf), ...whole(head) }),
    changes: async (head, since, limit) => {
      const entries = await readChanges(database, tenantId, since, head.seq, limit);
      const to = entries.at(-1)?.seq;
      if (to === undefined || entries[0]?.seq !== since + 1 || to - since !== entries.length) return undefined;
      const more = to < head.seq;
      const page: ChangesPage = {
        v: 1,
        feed,
        epoch: head.epoch,
        from: since,
        to,
        more,
        ...wireOf(entries),
        poll_after_ms: 0,
        max_stale: staleSecMax,
      };
      const body = JSON.stringify(page);
      // A page that stops short promises only what came before the first entry it leaves out.
      const asOf = more ? await oldestAcceptedAfter(database, tenantId, to, head.asOf) : head.asOf;
      return {
        body,
        to,
        checkpoint: await source.signer.sign({ ...claims(head.epoch, to, asOf, body), ...(more ? {} : whole(head)) }),
      };
    },
    snapshot: async (head, epoch, seq) => {
      const entries = await readSnapshot(database, tenantId, epoch, seq);
      if (entries === undefined) return undefined;
      const { iss, ops } = wireOf(entries);
      const header: SnapshotHeader = { v: 1, feed, epoch, seq, n: entries.length, iss, max_stale: staleSecMax };
      const body = `${[header, ...ops].map((line) => JSON.stringify(line)).join("\n")}\n`;
      const asOf = await oldestAcceptedAfter(database, tenantId, seq, head.asOf);
      return {
        body: await compress(body),
        checkpoint: await source.signer.sign({
          ...claims(epoch, seq, asOf, body),
          ...(seq === head.seq ? whole(head) : {}),
        }),
      };
    },
  };
}

/** What a checkpoint says of a feed's whole state, where the answer leads up to its head. */
function whole(head: FeedHead): Pick<CheckpointClaims, "n" | "digest"> {
  return { n: head.entries, digest: digestText(BigInt(`0x${head.digest.toString("hex")}`)) };
}

function wireOf(entries: readonly LogEntry[]): Pick<ChangesPage, "iss" | "ops"> {
  const issuers = new Map<string, number>();
  const ops = entries.map((entry) => {
    const index = issuers.get(entry.iss) ?? issuers.size;
    issuers.set(entry.iss, index);
    return toWire(toFeedEntry(entry), index);
  });
  return { iss: [...issuers.keys()], ops };
}

function toFeedEntry({ acceptedAt, publishedAt: _, ...entry }: LogEntry): FeedEntry {
  return { ...entry, acceptedAt: acceptedAt.getTime() / 1000 };
}
