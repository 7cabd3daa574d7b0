import type { FeedHead, FeedNews } from "@rollcall/core/store";

export type Cursor = { readonly epoch: number; readonly seq: number };

/** A log at one instant: its head, and the newest entries, which end there. */
export type Present<Entry> = {
  readonly head: FeedHead;
  /** Entries with `from < seq ≤ head.seq`, all of them. */
  readonly from: number;
  readonly newest: readonly Entry[];
};

export type LogTail<Entry> = {
  /** The present as last read, at most a second old. */
  present(): Promise<Present<Entry>>;
  /** Reads it again, now. */
  refresh(): Promise<Present<Entry>>;
  /** Resolves when the log passes the cursor or leaves its epoch, when `ms` have gone by, when the signal aborts, or when the tail closes. */
  waitPast(cursor: Cursor, ms: number, signal: AbortSignal): Promise<void>;
  readonly isWaitedFor: boolean;
  readonly isClosed: boolean;
  close(): void;
};

export type TailSource<Entry> = {
  /** The head with the entries behind `after`, of one instant. */
  readNews(after: number | undefined, limit: number): Promise<FeedNews<Entry>>;
  /** The log has less than this process has told of. Resolves when it is fit to be told again. */
  onRolledBack(told: Cursor): Promise<void>;
  readonly now: () => number;
};

const freshMs = 1_000;
const newestMax = 2_000;

/** One log as this process sees it: shared by all who follow it, so a thousand of them cost one query. */
export function openLogTail<Entry>(source: TailSource<Entry>): LogTail<Entry> {
  let known: { readonly present: Present<Entry>; readonly atMs: number } | undefined;
  let reading: Promise<Present<Entry>> | undefined;
  let next: Promise<Present<Entry>> | undefined;
  const waiting = openWaitingRoom();

  function begin(): Promise<Present<Entry>> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }
  async function read(): Promise<Present<Entry>> {
    const before = known?.present;
    const atMs = source.now();
    const news = await source.readNews(before?.head.seq, newestMax);
    if (before !== undefined && isBehind(news.head, before.head)) {
      await source.onRolledBack(before.head);
      known = undefined;
      return read();
    }
    const present = extend(before, news);
    known = { present, atMs };
    waiting.tell(present.head);
    return present;
  }
  /** A clock that is put back makes nothing fresh for longer. */
  function isFresh(atMs: number): boolean {
    const ageMs = source.now() - atMs;
    return ageMs >= 0 && ageMs < freshMs;
  }
  return {
    present: async () => (known !== undefined && isFresh(known.atMs) ? known.present : begin()),
    // A read under way may have begun before what the caller was told of; only one begun now counts, and
    // everybody who asks while the first is under way shares it.
    refresh: () => {
      if (reading === undefined) return begin();
      next ??= reading
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          return begin();
        });
      return next;
    },
    waitPast: (cursor, ms, signal) => waiting.waitPast(cursor, ms, signal, known?.present.head),
    get isWaitedFor() {
      return waiting.size > 0;
    },
    get isClosed() {
      return waiting.isClosed;
    },
    close: waiting.close,
  };
}

/** Those who wait for a log to go on. Nobody waits any more once it is closed. */
function openWaitingRoom() {
  const waiting = new Map<() => void, Cursor>();
  let closed = false;
  return {
    get size() {
      return waiting.size;
    },
    get isClosed() {
      return closed;
    },
    tell: (head: Cursor): void => {
      for (const [release, cursor] of waiting) if (hasPassed(head, cursor)) release();
    },
    waitPast: (cursor: Cursor, ms: number, signal: AbortSignal, head: Cursor | undefined): Promise<void> =>
      new Promise((resolve) => {
        const release = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", release);
          waiting.delete(release);
          resolve();
        };
        const timer = setTimeout(release, ms);
        signal.addEventListener("abort", release, { once: true });
        waiting.set(release, cursor);
        if (closed || signal.aborted || (head !== undefined && hasPassed(head, cursor))) release();
      }),
    close: (): void => {
      closed = true;
      for (const release of waiting.keys()) release();
    },
  };
}

function isBehind(now: Cursor, before: Cursor): boolean {
  return now.epoch < before.epoch || (now.epoch === before.epoch && now.seq < before.seq);
}

function hasPassed(head: Cursor, cursor: Cursor): boolean {
  return head.epoch !== cursor.epoch || head.seq > cursor.seq;
}

function extend<Entry>(before: Present<Entry> | undefined, { head, entries }: FeedNews<Entry>): Present<Entry> {
  const added = head.seq - (before?.head.seq ?? head.seq);
  // More than was read lies between: what was held does not lead to the head any more.
  if (before === undefined || before.head.epoch !== head.epoch || added !== entries.length)
    return { head, from: head.seq, newest: [] };
  if (added === 0) return { head, from: before.from, newest: before.newest };
  const newest = [...before.newest, ...entries].slice(-newestMax);
  return { head, from: head.seq - newest.length, newest };
}
