/** Every order of these items. */
export function permutations(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) return [items];
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]));
}

/** One event again, somewhere after its first delivery; which and where differs from order to order. */
export function withOneTwice(order: readonly number[], seed: number): readonly number[] {
  const first = seed % order.length;
  const place = first + 1 + (Math.floor(seed / order.length) % (order.length - first));
  return [...order.slice(0, place), order[first] ?? 0, ...order.slice(place)];
}

/** Does the work for all, eight at a time. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item);
    }),
  );
}
