import { type Database, type FeedHead, readHead } from "@rollcall/core/store";

export type FeedView = {
  /** The head as last read, at most a second old. */
  head(): Promise<FeedHead>;
  /** Reads the head again, now. */
  refresh(): Promise<FeedHead>;
  /** Resolves when the head passes `seq`, when `ms` have gone by, when the signal aborts, or when the view closes. */
  waitPast(seq: number, ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
};

const freshMs = 1_000;

/** One feed as this process sees it: shared by all its followers, so a thousand of them cost one query. */
export function openFeedView(database: Database, tenantId: string, now: () => number): FeedView {
  let known: { readonly head: FeedHead; readonly atMs: number } | undefined;
  let reading: Promise<FeedHead> | undefined;
  let closed = false;
  const waiting = new Map<() => void, number>();

  function refresh(): Promise<FeedHead> {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  }
  async function read(): Promise<FeedHead> {
    const atMs = now();
    const head = await readHead(database, tenantId);
    known = { head, atMs };
    for (const [release, seq] of waiting) if (head.seq > seq) release();
    return head;
  }
  return {
    head: async () => (known !== undefined && now() - known.atMs < freshMs ? known.head : refresh()),
    // A read under way may have begun before what the caller was told of; only one begun now counts.
    refresh: async () => {
      await reading;
      return refresh();
    },
    waitPast: (seq, ms, signal) =>
      new Promise((resolve) => {
        const release = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", release);
          waiting.delete(release);
          resolve();
        };
        const timer = setTimeout(release, ms);
        signal.addEventListener("abort", release, { once: true });
        waiting.set(release, seq);
        if (closed || signal.aborted || (known?.head.seq ?? 0) > seq) release();
      }),
    close: () => {
      closed = true;
      for (const release of waiting.keys()) release();
    },
  };
}
