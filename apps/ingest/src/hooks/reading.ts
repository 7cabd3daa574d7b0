import type { Json } from "@rollcall/core/domain";

/** From here on a number of seconds is one of milliseconds: some senders mean the one and some the other. */
const millisecondsFrom = 100_000_000_000;

/** A time as a sender writes it: ISO 8601, or seconds or milliseconds since 1970. Undefined for what is none: an unknown time is not made up. */
export function timeOf(value: Json | undefined): Date | undefined {
  if (typeof value === "number" && Number.isFinite(value) && value > 0)
    return dateOf(value >= millisecondsFrom ? value : value * 1_000);
  if (
    typeof value !== "string" ||
    !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})$/.test(value)
  )
    return undefined;
  return dateOf(Date.parse(value));
}

/** Within the years that PostgreSQL and people can read. */
function dateOf(ms: number): Date | undefined {
  return ms >= 0 && ms < 253_402_300_800_000 ? new Date(ms) : undefined;
}
