import type { IncomingHttpHeaders } from "node:http";

const waitSecMax = 3_600;
// Okta writes its headers in one way, Auth0 in another; both give the second since 1970 at which the budget is whole again.
const names = [
  { reset: "x-rate-limit-reset", remaining: "x-rate-limit-remaining" },
  { reset: "x-ratelimit-reset", remaining: "x-ratelimit-remaining" },
] as const;

/** How long a provider wants to be left alone, in seconds: by Retry-After (RFC 9110 §10.2.3), or by its own headers. */
export function retryAfterSec(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const text = headers["retry-after"];
  if (text === undefined) return resetSec(headers, nowMs);
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : secondsUntil(Date.parse(text), headers, nowMs);
  return bounded(seconds);
}

/** How long until the budget is whole again, where an answer says that nothing of it is left. */
export function spentForSec(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  return names.some(({ remaining }) => headers[remaining] === "0") ? resetSec(headers, nowMs) : undefined;
}

function resetSec(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const reset = names.map((name) => headers[name.reset]).find((text) => typeof text === "string");
  return reset === undefined ? undefined : bounded(secondsUntil(Number(reset) * 1_000, headers, nowMs));
}

/** Its clock may be wrong, and what it says is by its clock. */
function secondsUntil(thenMs: number, headers: IncomingHttpHeaders, nowMs: number): number {
  const theirMs = Date.parse(headers.date ?? "");
  return (thenMs - (Number.isNaN(theirMs) ? nowMs : theirMs)) / 1_000;
}

function bounded(seconds: number): number | undefined {
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), waitSecMax) : undefined;
}
