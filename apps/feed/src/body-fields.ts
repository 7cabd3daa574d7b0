import { FeedRefusal } from "./errors.ts";

/** A JSON object, whatever it holds. Like all that is read here it throws `body_invalid` where it is none. */
export function recordOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid();
  return value as Record<string, unknown>;
}

/** A text that PostgreSQL can hold: it has no NUL, and no half of a surrogate pair. */
export function text(value: unknown, lengthMax: number): string {
  const isText = typeof value === "string" && value !== "" && value.length <= lengthMax;
  if (!isText || value.includes("\0") || !value.isWellFormed()) throw invalid();
  return value;
}

/** An index of PostgreSQL's holds 2,704 bytes in a row, and a letter may have four. */
const gatewayBytesMax = 1_024;

/** What a gateway calls itself: an index holds it. */
export function gatewayName(value: unknown): string {
  const name = text(value, gatewayBytesMax);
  if (Buffer.byteLength(name) > gatewayBytesMax) throw invalid();
  return name;
}

export function number(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) throw invalid();
  return value;
}

export function invalid(): FeedRefusal {
  return new FeedRefusal("body_invalid");
}
