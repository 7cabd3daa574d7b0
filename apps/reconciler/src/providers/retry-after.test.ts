import { expect, test } from "vitest";
import { retryAfterSec, spentForSec } from "./retry-after.ts";

const nowMs = Date.UTC(2025, 0, 1);
const date = new Date(nowMs).toUTCString();
const inMinute = String(nowMs / 1_000 + 60);

test.each([
  ["seconds", { "retry-after": "7" }, 7],
  ["parts of a second", { "retry-after": "0.5" }, 0.5],
  [
    "a date, by the sender's clock",
    { "retry-after": new Date(nowMs + 30_000).toUTCString(), date: new Date(nowMs + 20_000).toUTCString() },
    10,
  ],
  ["a date that is past", { "retry-after": new Date(nowMs - 30_000).toUTCString(), date }, 0],
  ["longer than an hour", { "retry-after": "86400" }, 3_600],
  ["Okta's second of renewal", { "x-rate-limit-reset": inMinute, date }, 60],
  ["Auth0's", { "x-ratelimit-reset": inMinute, date }, 60],
  ["nothing", {}, undefined],
  ["nonsense", { "retry-after": "soon" }, undefined],
] as const)("a wait is read from %s", (_name, headers, seconds) => {
  expect(retryAfterSec(headers, nowMs)).toBe(seconds);
});

test("a budget is spent where it says that nothing is left of it", () => {
  expect(spentForSec({ "x-rate-limit-remaining": "0", "x-rate-limit-reset": inMinute, date }, nowMs)).toBe(60);
  expect(spentForSec({ "x-rate-limit-remaining": "1", "x-rate-limit-reset": inMinute, date }, nowMs)).toBeUndefined();
});
