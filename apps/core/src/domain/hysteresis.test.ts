import fc from "fast-check";
import { expect, test } from "vitest";
import { type Hold, holdOf, type Level, look, type Turn } from "./hysteresis.ts";

const patience = { openMs: 30_000, closeMs: 60_000 };
const level = fc.constantFrom<Level | undefined>(0, 1, 2, undefined);
const looks = fc.array(fc.record({ afterMs: fc.integer({ min: 1, max: 40_000 }), level }), { maxLength: 80 });

type Seen = { readonly atMs: number; readonly level: Level | undefined; readonly turn: Turn; readonly hold: Hold };

function watch(all: readonly { readonly afterMs: number; readonly level: Level | undefined }[]): readonly Seen[] {
  let atMs = 0;
  let hold = holdOf(0);
  return all.map((one) => {
    atMs += one.afterMs;
    const { hold: next, turn } = look(hold, one.level, atMs, patience);
    hold = next;
    return { atMs, level: one.level, turn, hold };
  });
}

test("an alert opens only after it was bad on end, and closes only after it was well on end", () => {
  fc.assert(
    fc.property(looks, (all) => {
      const seen = watch(all);
      seen.forEach(({ atMs, turn }, at) => {
        if (turn === undefined) return;
        const span = turn === "resolved" ? patience.closeMs : patience.openMs;
        const first = seen.slice(0, at + 1).findLastIndex((one) => one.atMs <= atMs - span);
        const isSo = ({ level: found }: Seen) => (turn === "resolved" ? found === 0 : found !== undefined && found > 0);
        // Nobody turns at a first look: what was seen when the span began, or before it, was the same.
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThan(at);
        expect(seen.slice(first, at + 1).every(isSo)).toBe(true);
      });
    }),
  );
});

test("what comes and goes faster than anybody's patience never flaps", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 29_999 }), fc.integer({ min: 2, max: 60 }), (everyMs, times) => {
      const all = Array.from({ length: times }, (_, at) => ({ afterMs: everyMs, level: (at % 2) as Level }));
      expect(watch(all).filter(({ turn }) => turn !== undefined)).toEqual([]);
    }),
  );
});

test("turns follow one another: opened once, worse at most once, over once", () => {
  fc.assert(
    fc.property(looks, (all) => {
      let before: Turn = "resolved";
      for (const { turn } of watch(all)) {
        if (turn === undefined) continue;
        expect({ opened: ["resolved"], worsened: ["opened"], resolved: ["opened", "worsened"] }[turn]).toContain(
          before,
        );
        before = turn;
      }
    }),
  );
});

test("what stays bad is told, and what stays well is over, whatever was before", () => {
  fc.assert(
    fc.property(looks, fc.constantFrom<Level>(0, 1, 2), (all, last) => {
      const end = Array.from({ length: 8 }, () => ({ afterMs: 20_000, level: last }));
      const told = watch([...all, ...end]).at(-1)?.hold.told ?? 0;
      if (last === 0) expect(told).toBe(0);
      else expect(told).toBeGreaterThanOrEqual(last);
    }),
  );
});

test("what cannot be told opens nothing and closes nothing", () => {
  fc.assert(
    fc.property(fc.constantFrom<Level>(0, 1, 2), fc.array(fc.nat(100_000), { maxLength: 20 }), (told, waits) => {
      let hold = holdOf(told);
      let atMs = 0;
      for (const wait of waits) {
        atMs += wait;
        const { hold: next, turn } = look(hold, undefined, atMs, patience);
        expect(turn).toBeUndefined();
        hold = next;
      }
      expect(hold.told).toBe(told);
    }),
  );
});

test("an open alert that gets worse is told again, and one that gets better is not over", () => {
  const seen = watch([1, 1, 1, 2, 2, 2, 1, 0, 0, 0, 0].map((found) => ({ afterMs: 20_000, level: found as Level })));
  expect(seen.flatMap(({ turn }) => turn ?? [])).toEqual(["opened", "worsened", "resolved"]);
});
