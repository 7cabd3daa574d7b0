/** The way of a change through the house, in stages, and in the order in which they are passed. */
export const lagStages = [
  "occurredToAccepted",
  "acceptedToApplied",
  "appliedToPublished",
  "publishedToEnforced",
] as const;
export type LagStage = (typeof lagStages)[number];

/** How many took as long as one bucket says. */
export type BucketCount = {
  /** The index of the bucket: how many bounds are not above what it counts. */
  readonly bucket: number;
  readonly count: number;
  /** The longest of them. */
  readonly maxMs: number;
};

/** What a stage took. The figures are undefined where nothing is known to have passed it. */
export type LagFigures = {
  readonly count: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
};

/** The bucket of what passed a stage at nobody knows what distance: it is in no figure, and never zero. */
export const unknownBucket = -1;

const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
const decades = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/**
 * The bounds of the buckets in milliseconds, from one to over eleven days, ten in each decade and all of them round:
 * what somebody sets as an objective is one of them. Stored counts are counted by these, so they never change.
 */
export const lagBounds: readonly number[] = [...decades.flatMap((decade) => steps.map((step) => step * decade)), 1e9];

/** The bucket of a duration: the same that PostgreSQL's `width_bucket` answers for these bounds. */
export function bucketOf(ms: number): number {
  const above = lagBounds.findIndex((bound) => bound > ms);
  return above === -1 ? lagBounds.length : above;
}

/** The least bound that is not below: what an objective is counted by. */
export function boundAtLeast(ms: number): number {
  return lagBounds.find((bound) => bound >= ms) ?? 1e9;
}

/** The figures of a histogram, exact but for where within its bucket a value lies. */
export function figuresOf(counts: readonly BucketCount[]): LagFigures {
  const known = counts.filter(({ bucket, count }) => bucket !== unknownBucket && count > 0);
  if (known.length === 0) return { count: 0, p50Ms: undefined, p99Ms: undefined, maxMs: undefined };
  const merged = mergeBuckets(known);
  const maxMs = Math.max(...merged.map((one) => one.maxMs));
  return {
    count: merged.reduce((sum, { count }) => sum + count, 0),
    p50Ms: rounded(quantile(merged, 0.5)),
    p99Ms: rounded(quantile(merged, 0.99)),
    maxMs: rounded(maxMs),
  };
}

/** One count for each bucket, the quickest first. */
function mergeBuckets(counts: readonly BucketCount[]): readonly BucketCount[] {
  return [...Map.groupBy(counts, ({ bucket }) => bucket)]
    .map(([bucket, own]) => ({
      bucket,
      count: own.reduce((sum, { count }) => sum + count, 0),
      maxMs: Math.max(...own.map((one) => one.maxMs)),
    }))
    .toSorted((one, other) => one.bucket - other.bucket);
}

/** Within its bucket a value is taken to lie in proportion, and never above the longest that was seen there. */
function quantile(merged: readonly BucketCount[], share: number): number {
  const rank = share * merged.reduce((sum, { count }) => sum + count, 0);
  let before = 0;
  for (const { bucket, count, maxMs } of merged) {
    if (before + count >= rank) {
      const low = bucket === 0 ? 0 : (lagBounds[bucket - 1] ?? 0);
      const high = Math.min(maxMs, lagBounds[bucket] ?? maxMs);
      return low + ((high - low) * (rank - before)) / count;
    }
    before += count;
  }
  return merged.at(-1)?.maxMs ?? 0;
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
