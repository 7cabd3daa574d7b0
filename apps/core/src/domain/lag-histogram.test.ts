import fc from "fast-check";
import { expect, test } from "vitest";
import { boundAtLeast, bucketOf, figuresOf, lagBounds, unknownBucket } from "./lag-histogram.ts";

const durations = fc.array(fc.double({ min: 0, max: 2e9, noNaN: true }), { minLength: 1, maxLength: 200 });
const countsOf = (all: readonly number[]) => all.map((ms) => ({ bucket: bucketOf(ms), count: 1, maxMs: ms }));

test("bounds grow, by a third at most, and what people set as an objective is one of them", () => {
  lagBounds.forEach((bound, at) => {
    const before = lagBounds[at - 1];
    if (before !== undefined) expect(bound / before).toBeGreaterThan(1.1);
    if (before !== undefined) expect(bound / before).toBeLessThan(1.34);
  });
  for (const ms of [100, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 300_000])
    expect(boundAtLeast(ms)).toBe(ms);
  expect(boundAtLeast(900_000)).toBe(1_000_000);
});

test("a percentile from buckets is in the bucket of the true one, and never above the longest", () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.99), (all, share) => {
      const figures = figuresOf(countsOf(all));
      const sorted = all.toSorted((one, other) => one - other);
      const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
      const told = (share === 0.5 ? figures.p50Ms : figures.p99Ms) ?? Number.NaN;
      const bucket = bucketOf(truth);
      expect(told).toBeGreaterThanOrEqual((lagBounds[bucket - 1] ?? 0) - 0.01);
      expect(told).toBeLessThanOrEqual(Math.max(...all) + 0.01);
      expect(told).toBeLessThanOrEqual((lagBounds[bucket] ?? Number.POSITIVE_INFINITY) + 0.01);
      expect(figures.count).toBe(all.length);
    }),
  );
});

test("in whatever pieces it was folded, a histogram says the same", () => {
  fc.assert(
    fc.property(durations, durations, (one, other) => {
      const together = figuresOf(countsOf([...one, ...other]));
      expect(figuresOf([...countsOf(other), ...countsOf(one)])).toEqual(together);
    }),
  );
});

test("what is not known is in no figure, and is not zero", () => {
  const unknown = { bucket: unknownBucket, count: 7, maxMs: 0 };
  expect(figuresOf([unknown])).toEqual({ count: 0, p50Ms: undefined, p99Ms: undefined, maxMs: undefined });
  expect(figuresOf([unknown, ...countsOf([80])])).toEqual(figuresOf(countsOf([80])));
});
