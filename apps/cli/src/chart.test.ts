import { expect, test } from "vitest";
import { chart } from "./chart.ts";

test("the highest bar is full, and nothing and the unknown are no low bars", () => {
  expect(chart([0, 50, 100, "nothing", "unknown"], 100)).toBe("▁▅█·?");
  expect(chart(["nothing", "unknown"], 0)).toBe("·?");
  expect(chart([0], 0)).toBe("▁");
});
