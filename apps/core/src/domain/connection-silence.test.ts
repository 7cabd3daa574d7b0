import { expect, test } from "vitest";
import { silenceOf } from "./connection-silence.ts";

const hour = 3_600_000;
const day = 24 * hour;
const now = 100 * day;

/** Office hours, five days a week, for two weeks that end on a Monday morning. */
const office = Array.from({ length: 14 }, (_, at) => now - (14 - at) * day)
  .filter((_, at) => at % 7 < 5)
  .flatMap((morning) => [0, 2, 4, 6, 8].map((hours) => morning + hours * hour));

test("a weekend is no silence to a connection that rests on weekends, and a longer one is", () => {
  const friday = office.at(-1) ?? 0;
  expect(silenceOf(office, friday, now)).toMatchObject({ isSilent: false });
  expect(silenceOf(office, friday, friday + 80 * hour)).toMatchObject({ isSilent: false });
  expect(silenceOf(office, friday, friday + 110 * hour)).toMatchObject({ isSilent: true });
});

test("a connection that speaks day and night is silent after little more than an hour", () => {
  const steady = Array.from({ length: 14 * 96 }, (_, at) => now - (14 * 96 - at) * (hour / 4));
  const last = steady.at(-1) ?? 0;
  expect(silenceOf(steady, last, last + 0.9 * hour)).toMatchObject({ isSilent: false });
  expect(silenceOf(steady, last, last + 1.1 * hour)).toMatchObject({ isSilent: true });
});

test("of a new connection nobody knows what is usual", () => {
  const fresh = Array.from({ length: 50 }, (_, at) => now - 2 * day + at * (hour / 4));
  expect(silenceOf(fresh, fresh.at(-1) ?? 0, now)).toMatchObject({ usualMs: undefined, isSilent: undefined });
  expect(silenceOf([now - 9 * day, now - 8 * day], now - 8 * day, now)).toMatchObject({ isSilent: undefined });
  expect(silenceOf([], now - 30 * day, now)).toMatchObject({ isSilent: undefined });
});
