import {
  type ChangesPage,
  type CheckpointClaims,
  type FeedEntry,
  type HashedBy,
  snapshotMediaType,
  type SnapshotHeader,
  type SubjectChangesPage,
  subjectHash,
  subjectsMediaType,
  subjectsPath,
  type SubjectSnapshotHeader,
  toWire,
  type WireEntry,
} from "@rollcall/guard";
import {
  type Database,
  type FeedHead,
  type FeedNews,
  hashedEntry,
  hashSubject,
  keepSubjects,
  type LogEntry,
  readChanges,
  readFeedNews,
  readFeedSnapshot,
  readSubjectChanges,
  readSubjectNews,
  readSubjectSnapshot,
  type SubjectChange,
} from "@rollcall/core/store";
import { FeedRefusal } from "./errors.ts";
import type { Cursor } from "./log-tail.ts";

type PageHead = Omit<ChangesPage, "iss" | "ops" | keyof HashedBy>;
type SnapshotHead = Omit<SnapshotHeader, "iss" | "n" | keyof HashedBy>;

/** What is particular to one kind of feed: how it is read, and how it is written down. */
export type FeedKind<Entry extends { readonly seq: number }> = {
  readonly log: "feed_entry" | "subject_entry";
  /** What follows the feed's path and name. */
  readonly suffix: string;
  readonly snapshotType: string;
  /** Whether it names nobody who does not have the key, so that shared caches may keep it. */
  readonly isHashed: boolean;
  readNews(after: number | undefined, limit: number): Promise<FeedNews<Entry>>;
  readChanges(since: number, to: number, limit: number): Promise<readonly Entry[]>;
  /** What a checkpoint says of the whole state at the head. */
  whole(head: FeedHead): Pick<CheckpointClaims, "n" | "digest">;
  writePage(head: PageHead, entries: readonly Entry[]): string;
  /** Writes the state at a moment, piece by piece, and answers how many entries it has; undefined where it is not whole. */
  writeSnapshot(at: SnapshotHead, write: (piece: Buffer) => Promise<void>): Promise<number | undefined>;
};

/** Who is denied, and whose older tokens are dead: under their names, or where there is a key under their hashes. */
export function revocationKind(database: Database, feedId: string, subjectKey: Buffer | undefined): FeedKind<LogEntry> {
  const named = (entry: LogEntry): LogEntry => (subjectKey === undefined ? entry : hashedEntry(subjectKey, entry));
  const hash = subjectKey === undefined ? {} : hashedBy(subjectKey);
  return {
    log: "feed_entry",
    suffix: "",
    snapshotType: snapshotMediaType,
    isHashed: subjectKey !== undefined,
    readNews: (after, limit) => readFeedNews(database, feedId, after, limit),
    readChanges: (since, to, limit) => readChanges(database, feedId, since, to, limit),
    whole: (head) => {
      const digest = subjectKey === undefined ? head.digest : head.hashedDigest;
      return digest === undefined ? {} : { n: head.entries, digest: digest.toString("base64url") };
    },
    writePage: (head, entries) => {
      const iss = [...new Set(entries.map((entry) => entry.iss))];
      const indexes = new Map(iss.map((issuer, index) => [issuer, index]));
      const ops = entries.map((entry) => wireOf(named(entry), indexes));
      return JSON.stringify({ ...head, ...hash, iss, ops } satisfies ChangesPage);
    },
    writeSnapshot: async (at, write) => {
      let count = 0;
      let indexes: ReadonlyMap<string, number> = new Map();
      let header: string | undefined;
      const begin = (outline: { readonly count: number; readonly issuers: readonly string[] }): void => {
        const line: SnapshotHeader = { ...at, n: outline.count, ...hash, iss: outline.issuers };
        header = `${JSON.stringify(line)}\n`;
        count = outline.count;
        indexes = new Map(outline.issuers.map((issuer, index) => [issuer, index]));
      };
      const isWhole = await readFeedSnapshot(database, feedId, at, begin, async (entries) => {
        const lines = entries.map((entry) => `${JSON.stringify(wireOf(named(entry), indexes))}\n`).join("");
        await write(Buffer.from(`${header ?? ""}${lines}`));
        header = undefined;
      });
      if (header !== undefined) await write(Buffer.from(header));
      return isWhole ? count : undefined;
    },
  };
}

/** Which subjects Rollcall knows, by their hashes. */
export function subjectKind(database: Database, tenantId: string, subjectKey: Buffer): FeedKind<SubjectChange> {
  const hash = hashedBy(subjectKey);
  return {
    log: "subject_entry",
    suffix: subjectsPath,
    snapshotType: subjectsMediaType,
    isHashed: true,
    readNews: async (after, limit) => {
      const news = await readSubjectNews(database, tenantId, after, limit);
      if (news === undefined) throw new FeedRefusal("unavailable", { retryAfterSec: 1 });
      if (after === undefined) await keepSubjects(database, tenantId);
      return news;
    },
    readChanges: (since, to, limit) => readSubjectChanges(database, tenantId, since, to, limit),
    whole: (head) => ({ n: head.entries, digest: head.digest.toString("base64url") }),
    writePage: (head, changes) => {
      const ops = changes.map(({ known, hash }) => `${known ? "+" : "-"}${hash.toString("base64url")}`);
      return JSON.stringify({ ...head, ...hash, ops } satisfies SubjectChangesPage);
    },
    writeSnapshot: async (at, write) => {
      let count = 0;
      let header: Buffer | undefined;
      const begin = (n: number): void => {
        const line: SubjectSnapshotHeader = { ...at, n, ...hash };
        header = Buffer.from(`${JSON.stringify(line)}\n`);
        count = n;
      };
      const isWhole = await readSubjectSnapshot(database, tenantId, at, begin, async (hashes) => {
        await write(Buffer.concat([header ?? Buffer.alloc(0), ...hashes]));
        header = undefined;
      });
      if (header !== undefined) await write(header);
      return isWhole ? count : undefined;
    },
  };
}

/** What a body says of its names: how they are hashed, and by which key, in one that tells nobody the key. */
function hashedBy(subjectKey: Buffer): HashedBy {
  return { hash: subjectHash, hash_key: hashSubject(subjectKey, "", "").toString("base64url") };
}

function wireOf(entry: LogEntry, issuers: ReadonlyMap<string, number>): WireEntry {
  const { acceptedAt, ...rest } = entry;
  const told: FeedEntry = { ...rest, acceptedAt: acceptedAt.getTime() / 1000 };
  return toWire(told, issuers.get(entry.iss) ?? 0);
}

export function cursorText({ epoch, seq }: Cursor): string {
  return `${epoch}-${seq}`;
}
