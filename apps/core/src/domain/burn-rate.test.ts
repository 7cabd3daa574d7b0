import fc from "fast-check";
import { expect, test } from "vitest";
import { type BurnWindows, burning, burnRate, lateMin } from "./burn-rate.ts";
import { shareMax, shareMin } from "./objective.ts";

const share = fc.double({ min: shareMin, max: shareMax, noNaN: true });
const window = fc
  .tuple(fc.nat(10_000), fc.nat(10_000))
  .map(([one, other]) => ({ total: Math.max(one, other), late: Math.min(one, other) }));
const windows: fc.Arbitrary<BurnWindows> = fc.record({
  fiveMinutes: window,
  halfHour: window,
  hour: window,
  sixHours: window,
});
const speeds = ["no", "slow", "fast"];

test("where nothing was late, nothing burns, however much or little there was", () => {
  fc.assert(
    fc.property(windows, share, (counts, budget) => {
      const punctual = Object.fromEntries(
        Object.entries(counts).map(([name, { total }]) => [name, { total, late: 0 }]),
      ) as BurnWindows;
      expect(burning(punctual, budget)).toBe("no");
    }),
  );
});

test("where all was late, it burns fast whatever the objective is", () => {
  fc.assert(
    fc.property(fc.integer({ min: lateMin, max: 10_000 }), share, (total, budget) => {
      const all = { total, late: total };
      expect(burning({ fiveMinutes: all, halfHour: all, hour: all, sixHours: all }, budget)).toBe("fast");
    }),
  );
});

test("more that is late never burns less", () => {
  fc.assert(
    fc.property(windows, share, fc.nat(100), (counts, budget, more) => {
      const later = Object.fromEntries(
        Object.entries(counts).map(([name, { total, late }]) => [name, { total, late: Math.min(total, late + more) }]),
      ) as BurnWindows;
      expect(speeds.indexOf(burning(later, budget))).toBeGreaterThanOrEqual(speeds.indexOf(burning(counts, budget)));
    }),
  );
});

test("what is over in the short window alerts no more, though the long one remembers", () => {
  const bad = { total: 100, late: 100 };
  const good = { total: 100, late: 0 };
  expect(burning({ fiveMinutes: good, halfHour: good, hour: bad, sixHours: bad }, 0.99)).toBe("no");
  expect(burning({ fiveMinutes: good, halfHour: bad, hour: bad, sixHours: bad }, 0.99)).toBe("slow");
  expect(burning({ fiveMinutes: bad, halfHour: bad, hour: good, sixHours: good }, 0.99)).toBe("no");
});

test("one slow change in a quiet hour is no alert", () => {
  const one = { total: 1, late: 1 };
  expect(burning({ fiveMinutes: one, halfHour: one, hour: one, sixHours: one }, 0.99)).toBe("no");
});

test("the budget of 99 in a hundred is burnt at its own pace by one late in a hundred", () => {
  expect(burnRate({ total: 100, late: 1 }, 0.99)).toBeCloseTo(1);
  expect(burnRate({ total: 0, late: 0 }, 0.99)).toBe(0);
});
