import { expect, test } from "vitest";
import { retryAfterMs, retryScheduleSec } from "./application-event.ts";

test("what fails is tried ten times within two days, and then no more", () => {
  const waits = retryScheduleSec.map((_, index) => retryAfterMs(index + 1, 0.5));
  expect(waits).toEqual(retryScheduleSec.map((waitSec) => waitSec * 1_000));
  expect(waits.reduce<number>((sum, wait) => sum + (wait ?? 0), 0)).toBeLessThan(48 * 3_600_000);
  expect(retryAfterMs(retryScheduleSec.length + 1, 0.5)).toBeUndefined();
});

test("what failed together does not come back together", () => {
  expect([0, 1].map((chance) => retryAfterMs(1, chance))).toEqual([4_000, 6_000]);
});
