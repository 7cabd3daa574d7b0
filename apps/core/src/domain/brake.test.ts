import { describe, expect, test } from "vitest";
import { decideBrake, usualBrake } from "./brake.ts";

const calm = { living: 1_000, mayEnter: 1_000, shutOut: 0, changed: 0 };

describe("the brake", () => {
  test("lets a small company lose several people, and a large one a few hundred", () => {
    expect(decideBrake({ living: 25, mayEnter: 25, shutOut: 20, changed: 20 }, usualBrake)).toBeUndefined();
    expect(decideBrake({ living: 10_000, mayEnter: 10_000, shutOut: 500, changed: 500 }, usualBrake)).toBeUndefined();
  });

  test("stops what is over the share and over the count, with the figures", () => {
    expect(decideBrake({ ...calm, shutOut: 51, changed: 51 }, usualBrake)).toEqual({
      cause: "shut_out",
      share: 0.05,
      count: 20,
      would: 51,
      of: 1_000,
    });
  });

  test("is not lulled by users who are shut out already", () => {
    expect(decideBrake({ living: 10_000, mayEnter: 400, shutOut: 21, changed: 21 }, usualBrake)).toMatchObject({
      of: 400,
    });
  });

  test("stops a change of almost a third and more, though nobody would be shut out", () => {
    expect(decideBrake({ ...calm, changed: 300 }, usualBrake)).toBeUndefined();
    expect(decideBrake({ ...calm, changed: 301 }, usualBrake)).toMatchObject({ cause: "changed", would: 301 });
  });

  test("stops everything over the count where an admin allows no share", () => {
    expect(decideBrake({ ...calm, shutOut: 1 }, { ...usualBrake, share: 0, count: 0 })).toMatchObject({ would: 1 });
  });
});
