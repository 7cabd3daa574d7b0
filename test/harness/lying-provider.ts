import { ProviderFailure } from "@rollcall/reconciler/providers";

/** Numbers between 0 and 1, the same for the same seed. */
export type Random = () => number;

/** Mulberry32: small, and good enough to choose lies. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)] as Value;
}

/** How a page may be otherwise than the truth. */
const lies = [
  "a part of a page",
  "the page before once more",
  "too fast",
  "another total",
  "another order from now on",
  "an empty page",
  "somebody left out, and out of the total",
  "a page of another listing",
  "no answer",
] as const;
export type Lie = (typeof lies)[number];

export type Listed = { readonly id: string };
type Page = { readonly items: readonly Listed[]; readonly total: number };

/** A provider of which the pages of one listing may lie; what it has is told by `people` at each moment. */
export function lyingPages(random: Random, people: () => readonly string[], pageSize: number) {
  const share = pick(random, [0, 0, 0.1, 0.3, 0.6]);
  let order: readonly string[] | undefined;
  let before: Page | undefined;
  const told: Lie[] = [];
  const read = (offset: number): Page => {
    const all = order === undefined ? people() : order.filter((id) => people().includes(id));
    const truth = { items: all.slice(offset, offset + pageSize).map((id) => ({ id })), total: all.length };
    if (random() >= share) return keep(truth);
    const lie = pick(random, lies);
    told.push(lie);
    return keep(spoilt(lie, truth));
  };
  const keep = (page: Page): Page => {
    before = page;
    return page;
  };
  function spoilt(lie: Lie, truth: Page): Page {
    const { items, total } = truth;
    switch (lie) {
      case "a part of a page":
        return { items: items.filter(() => random() < 0.7), total };
      case "the page before once more":
        return before ?? truth;
      case "too fast":
        throw new ProviderFailure("throttled", "it asked to be asked more slowly", 1);
      case "another total":
        return { items, total: Math.max(0, total + pick(random, [-3, -2, -1, 1, 2])) };
      case "another order from now on":
        order = people().toSorted(() => random() - 0.5);
        return truth;
      case "an empty page":
        return { items: [], total };
      case "somebody left out, and out of the total":
        return { items: items.toSpliced(Math.floor(random() * items.length), 1), total: Math.max(0, total - 1) };
      case "a page of another listing":
        return { items: items.map((_, at) => ({ id: `other-${at}` })), total };
      case "no answer":
        throw new ProviderFailure("incomplete", "a page of the listing did not come");
    }
  }
  return { read, told: told as readonly Lie[] };
}
