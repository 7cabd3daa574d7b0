import type { Answer, Exchange } from "./exchange.ts";
import { ProviderFailure } from "./provider.ts";

/** What is listed: the provider's id tells it from all others. */
type Listed = { readonly id: string };

/** Counts what was listed, and has seen each of it. */
export type Tally = {
  /** Throws `incomplete` where one of them was there before: then another may be missing. */
  add(page: readonly Listed[]): void;
  readonly size: () => number;
  has(id: string): boolean;
};

/** How a listing that may be broken off goes on. */
export type Progress = {
  /** Where it goes on, as `reached` was told once; undefined at the beginning. */
  readonly from: string | undefined;
  /** Told before each page where the one after it begins; undefined where there is none. Providers that cannot go on never tell. */
  reached(mark: string | undefined): void;
  /** Sees each page, in the place of a memory of everybody. */
  readonly tally: Tally;
};

/** More than any of the providers has; an endless listing ends here. */
const listedMax = 5_000_000;
const pagesMax = 200_000;
/** Microsoft Graph answers empty pages on the way; a provider that answers nothing else gets nowhere. */
const emptyPagesMax = 20;

export function createTally(): Tally {
  const seen = new Set<string>();
  return {
    add: (page) => {
      for (const { id } of page) {
        if (seen.has(id)) throw incomplete("somebody was listed twice");
        seen.add(id);
      }
      if (seen.size > listedMax) throw incomplete(`there are more than ${listedMax}`);
    },
    size: () => seen.size,
    has: (id) => seen.has(id),
  };
}

/** Counts, for whoever finds out by other means who was listed twice. */
export function createCount(): Tally {
  let size = 0;
  return {
    add: (page) => {
      size += page.length;
      if (size > listedMax) throw incomplete(`there are more than ${listedMax}`);
    },
    size: () => size,
    has: () => false,
  };
}

/** A page, and what leads to the next one; undefined where the provider says that this was the last. */
export type LinkedPage<Item> = { readonly items: readonly Item[]; readonly next: string | undefined };

/**
 * Walks pages each of which names the next. A provider that gives no total proves with the end of its links
 * that this was all, so a link that was followed before, and pages without end or without anybody, are failures.
 */
export async function* linkedPages<Item extends Listed>(
  read: (next: string | undefined) => Promise<LinkedPage<Item>>,
  progress?: Progress,
): AsyncGenerator<readonly Item[]> {
  const tally = progress?.tally ?? createTally();
  const followed = new Set<string>();
  let empty = 0;
  for (let next = progress?.from; ;) {
    const page = await read(next);
    empty = page.items.length === 0 ? empty + 1 : 0;
    if (empty > emptyPagesMax) throw incomplete("page after page was empty and named another");
    tally.add(page.items);
    progress?.reached(page.next);
    if (page.items.length > 0) yield page.items;
    if (page.next === undefined) return;
    if (followed.has(page.next) || followed.size >= pagesMax) throw incomplete("its pages lead in a circle");
    followed.add(page.next);
    next = page.next;
  }
}

/** A page by its place; `total` is how many there are in all, as it says with every page. */
export type CountedPage<Item> = { readonly items: readonly Item[]; readonly total: number };

/** How far a walk by places has come: how many were listed, of how many, and who was the last. */
type Place = { readonly listed: number; readonly total: number; readonly last: string };

/**
 * Walks pages by their place. Who leaves moves all behind them, and the next page would pass somebody over while
 * the total may stay: so each page begins with the last of the one before, and it must be the same.
 */
export async function* countedPages<Item extends Listed>(
  read: (offset: number) => Promise<CountedPage<Item>>,
  progress?: Progress,
): AsyncGenerator<readonly Item[]> {
  const tally = progress?.tally ?? createTally();
  let { listed, total, last }: Partial<Place> & { listed: number } =
    progress?.from === undefined ? { listed: 0 } : (JSON.parse(progress.from) as Place);
  while (total === undefined || listed < total) {
    const page = await read(Math.max(listed - 1, 0));
    if (total !== undefined && page.total !== total)
      throw incomplete(`its total changed from ${total} to ${page.total} on the way`);
    if (listed > 0 && page.items[0]?.id !== last) throw incomplete("its order changed on the way");
    const items = listed > 0 ? page.items.slice(1) : page.items;
    ({ total } = page);
    if (items.length === 0 && listed < total)
      throw incomplete(
        listed === 0
          ? `it says that there are ${total} and lists nobody`
          : `a page was empty after ${listed} of ${total}`,
      );
    tally.add(items);
    listed += items.length;
    last = items.at(-1)?.id ?? last;
    progress?.reached(last !== undefined && listed < total ? JSON.stringify({ listed, total, last }) : undefined);
    if (items.length > 0) yield items;
  }
  if (listed !== total) throw incomplete(`it listed ${listed} and says that there are ${total}`);
  // Its total may be too small, and what lies beyond it is not asked for by anybody else.
  const beyond = last === undefined ? undefined : await read(total - 1);
  if (beyond !== undefined && (beyond.items.length !== 1 || beyond.items[0]?.id !== last || beyond.total !== total))
    throw incomplete(`it says that there are ${total} and shows others beyond them`);
}

/** A listing of nobody by a provider that gives no total: who may not see others is shown the same. */
export async function* ofSomebody<Item>(
  pages: AsyncIterable<readonly Item[]>,
  progress?: Progress,
): AsyncGenerator<readonly Item[]> {
  // One that goes on has had somebody before.
  let isEmpty = progress?.from === undefined;
  for await (const page of pages) {
    isEmpty &&= page.length === 0;
    yield page;
  }
  if (isEmpty) throw incomplete("it listed nobody at all: whoever asks may lack the permission to see them");
}

export function incomplete(message: string): ProviderFailure {
  return new ProviderFailure("incomplete", `the listing is not whole: ${message}`);
}

/** Reads a page. Where one is refused or does not come, and others did, what was listed is a part. */
export async function readPage(exchange: Exchange, url: URL, isFirst: boolean, signal: AbortSignal): Promise<Answer> {
  if (isFirst) return exchange.get(url, signal);
  const answer = await exchange.get(url, signal, [400, 404, 410]).catch((error: unknown) => {
    throw partOf(error, signal);
  });
  if (answer.status !== 200) throw incomplete(`a page was refused with ${answer.status}`);
  return answer;
}

/** What a failure means once others have been listed: that this was not all. */
export function partOf(error: unknown, signal: AbortSignal): unknown {
  const isPart =
    !signal.aborted &&
    error instanceof ProviderFailure &&
    (error.reason === "unreachable" || error.reason === "interrupted");
  if (!isPart) return error;
  return new ProviderFailure("incomplete", `a page of the listing did not come: ${error.message}`, error.retryAfterSec);
}
