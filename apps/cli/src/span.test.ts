import { expect, test } from "vitest";
import { CommandError } from "./admin-api.ts";
import { readSpan as read, type SpanOptions } from "./span.ts";

const readSpan = (options: SpanOptions) => read(options, Date.parse("2026-11-22T12:00:00Z"));

test("a span is what is said of it, and none where nothing is", () => {
  expect(readSpan({})).toBeUndefined();
  expect(readSpan({ from: "2026-11-22T12:00:00+01:00" })).toEqual({ from: "2026-11-22T11:00:00.000Z" });
  expect(readSpan({ from: "2026-11-22", to: "2026-11-23" })).toEqual({
    from: "2026-11-22T00:00:00.000Z",
    to: "2026-11-23T00:00:00.000Z",
  });
  expect(readSpan({ since: "90m" })).toEqual({ from: "2026-11-22T10:30:00.000Z" });
});

test.each([
  { since: "soon" },
  { since: "1w" },
  { since: "" },
  { from: "now" },
  { to: "2026-11-22" },
  { from: "2026-11-22", to: "x" },
])("%j is used wrongly", (options) => {
  expect(() => readSpan(options)).toThrow(CommandError);
});
