import { expect, test } from "vitest";
import { spikeOf } from "./refusal-spike.ts";

const now = 1_000_000 * 60_000;
const usual = (count: number) =>
  Array.from({ length: 355 }, (_, at) => ({ minuteMs: now - (360 - at) * 60_000, count }));
const lately = (count: number) => Array.from({ length: 5 }, (_, at) => ({ minuteMs: now - (5 - at) * 60_000, count }));

test("what is refused all day is no spike, and eight times of it is", () => {
  expect(spikeOf([...usual(20), ...lately(20)], now)).toBe(0);
  expect(spikeOf([...usual(20), ...lately(100)], now)).toBe(0);
  expect(spikeOf([...usual(20), ...lately(200)], now)).toBe(1);
  expect(spikeOf([...usual(20), ...lately(2_000)], now)).toBe(2);
});

test("a handful is no spike, though there never was one before", () => {
  expect(spikeOf(lately(5), now)).toBe(0);
  expect(spikeOf(lately(7), now)).toBe(1);
  expect(spikeOf([], now)).toBe(0);
});
