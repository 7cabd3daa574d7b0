import type { Receipt, ResolveRequest } from "@rollcall/guard";
import { FeedRefusal } from "./errors.ts";

const textMax = 2_048;
/** As long as any token that a gateway reads. */
const tokenLengthMax = 16 * 1_024;

export function parseResolve(body: unknown): ResolveRequest {
  const { iss, sub, deadline_ms: deadlineMs, token } = recordOf(body);
  return {
    iss: text(iss),
    sub: text(sub),
    ...(deadlineMs === undefined ? {} : { deadline_ms: number(deadlineMs) }),
    ...(token === undefined ? {} : { token: text(token, tokenLengthMax) }),
  };
}

export function parseReceipt(body: unknown): Receipt {
  const fields = recordOf(body);
  const maxTtl = fields["max_ttl_seen"];
  const digest = text(fields["digest"]);
  if (Buffer.from(digest, "base64url").length !== 32) throw new FeedRefusal("body_invalid");
  return {
    gateway: text(fields["gateway"]),
    epoch: count(fields["epoch"]),
    seq: count(fields["seq"]),
    as_of: number(fields["as_of"]),
    entries: count(fields["entries"]),
    digest,
    ...(maxTtl === undefined ? {} : { max_ttl_seen: Math.ceil(number(maxTtl)) }),
  };
}

function recordOf(body: unknown): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new FeedRefusal("body_invalid");
  return body as Record<string, unknown>;
}

function text(value: unknown, lengthMax = textMax): string {
  if (typeof value !== "string" || value === "" || value.length > lengthMax) throw new FeedRefusal("body_invalid");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || value > 1e12)
    throw new FeedRefusal("body_invalid");
  return value;
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new FeedRefusal("body_invalid");
  return number(value);
}
