import { describe, expect, test } from "vitest";
import { decideMissing, doubtOf } from "./pull-decision.ts";

const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 1, 0, minute));
const old = { createdAt: at(0), saidAt: at(0), missingSince: undefined };

describe("whoever a complete listing has left out", () => {
  test("is missing the first time and gone the second", () => {
    expect(decideMissing(old, at(10))).toBe("missing");
    expect(decideMissing({ ...old, missingSince: at(10) }, at(20))).toBe("gone");
  });

  test("is neither where the directory got them, or heard of them, after it began", () => {
    expect(decideMissing({ ...old, createdAt: at(11), saidAt: at(11) }, at(10))).toBe("newer");
    expect(decideMissing({ ...old, saidAt: at(20), missingSince: at(10) }, at(20))).toBe("newer");
  });

  test("is not gone by the same listing told twice, nor by one from before they came", () => {
    expect(decideMissing({ ...old, missingSince: at(10) }, at(10))).toBe("missing");
    expect(decideMissing({ ...old, createdAt: at(15), missingSince: at(10) }, at(20))).toBe("missing");
  });
});

describe("a listing", () => {
  const whole = { listed: 10, living: 10, known: 10, named: 10, tookMs: 1_000 };

  test("is believed where it knows somebody, also of a new company", () => {
    expect(doubtOf(whole)).toBeUndefined();
    expect(doubtOf({ ...whole, living: 0, known: 0, named: 0 })).toBeUndefined();
    expect(doubtOf({ ...whole, listed: 0, living: 0, known: 0, named: 0 })).toBeUndefined();
    expect(doubtOf({ ...whole, listed: 9, living: 4, known: 0, named: 0 })).toBeUndefined();
  });

  test.each([
    [{ listed: 0, known: 0, named: 0 }, /it listed nobody/],
    [{ known: 0, named: 0 }, /none of the 10 users here/],
    [{ living: 2, known: 0, named: 1 }, /none of the 2 users here/],
    [{ tookMs: 25 * 3_600_000 }, /longer than a day/],
  ])("is not believed: %j", (facts, why) => {
    expect(doubtOf({ ...whole, ...facts })).toMatch(why);
  });
});
