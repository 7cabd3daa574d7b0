import type { Receipt, ResolveRequest } from "@rollcall/guard";
import { gatewayName, invalid, number, recordOf, text } from "./body-fields.ts";

const textMax = 2_048;
/** As long as any token that a gateway reads. */
const tokenLengthMax = 16 * 1_024;
const numberMax = 1e12;
/** The most that the column holds, which is longer than any connection's tokens live. */
const lifetimeSecMax = 2_147_483_647;

export function parseResolve(body: unknown): ResolveRequest {
  const { iss, sub, deadline_ms: deadlineMs, token } = recordOf(body);
  return {
    iss: text(iss, textMax),
    sub: text(sub, textMax),
    ...(deadlineMs === undefined ? {} : { deadline_ms: number(deadlineMs, 0, numberMax) }),
    ...(token === undefined ? {} : { token: text(token, tokenLengthMax) }),
  };
}

export function parseReceipt(body: unknown): Receipt {
  const { gateway, epoch, seq, as_of: asOf, entries, digest: given, max_ttl_seen: seenSec } = recordOf(body);
  const digest = text(given, textMax);
  if (Buffer.from(digest, "base64url").length !== 32) throw invalid();
  return {
    gateway: gatewayName(gateway),
    epoch: count(epoch),
    seq: count(seq),
    as_of: number(asOf, 0, numberMax),
    entries: count(entries),
    digest,
    ...(seenSec === undefined ? {} : { max_ttl_seen: lifetime(seenSec) }),
  };
}

/** One beyond every bound is what compaction has to hear of most: it is taken as the longest there is. */
function lifetime(value: unknown): number {
  return Math.min(Math.ceil(number(value, 0, Number.MAX_VALUE)), lifetimeSecMax);
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw invalid();
  return number(value, 0, numberMax);
}
