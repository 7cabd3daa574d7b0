import { isId } from "@rollcall/core/domain";
import { minuteOf } from "@rollcall/core/store";
import { refusalReasons, type RefusalReport } from "@rollcall/guard";
import { gatewayName, invalid, number, recordOf, text } from "./body-fields.ts";

const countsMax = 2_000;
const toldMax = 200;
const countMax = 1_000_000_000;
const textLengthMax = 1_024;
const requestIdLengthMax = 128;
const claimLengthMax = 100;
const claimsMax = 10;
const hashBytes = 16;
/** A gateway gives up what is older; its clock may be off by a minute, as the feed lets it be. */
const pastMsMax = 2 * 3_600_000;
const futureMsMax = 60_000;

/** A reason that only a later guard knows. */
const otherReason = "other";

/** A report as a gateway sends it. It is refused whole or not at all: one of which a part counted would be sent again, and the part would count twice. */
export function parseRefusalReport(body: unknown, nowMs: number): RefusalReport {
  const { gateway, id, counts, refusals, dropped } = recordOf(body);
  if (typeof id !== "string" || !isId(id)) throw invalid();
  const report: RefusalReport = {
    gateway: gatewayName(gateway),
    id,
    counts: list(counts, countsMax).map((item) => parseCounted(item, nowMs)),
    refusals: list(refusals, toldMax).map((item) => parseTold(item, nowMs)),
    dropped: number(dropped, 0, countMax),
  };
  const counted = new Set(report.counts.map(({ minute, reason }) => `${minute} ${reason}`));
  const isCounted = report.refusals.every(({ at, reason }) => counted.has(`${minuteSecOf(at)} ${reason}`));
  if (!isCounted) throw invalid();
  return report;
}

function parseCounted(item: unknown, nowMs: number): RefusalReport["counts"][number] {
  const { minute, reason, tenant, iss, count } = recordOf(item);
  return {
    minute: minuteSecOf(moment(minute, nowMs)),
    reason: reasonOf(reason),
    ...optional("tenant", tenant, textLengthMax),
    ...optional("iss", iss, textLengthMax),
    count: number(count, 1, countMax),
  };
}

function parseTold(item: unknown, nowMs: number): RefusalReport["refusals"][number] {
  const { at, reason, request, iss, sub, hash, tenant, claims } = recordOf(item);
  return {
    at: moment(at, nowMs),
    reason: reasonOf(reason),
    ...optional("request", request, requestIdLengthMax),
    ...optional("iss", iss, textLengthMax),
    ...optional("sub", sub, textLengthMax),
    ...(hash === undefined ? {} : { hash: hashOf(hash) }),
    ...optional("tenant", tenant, textLengthMax),
    ...(claims === undefined ? {} : { claims: list(claims, claimsMax).map((claim) => text(claim, claimLengthMax)) }),
  };
}

function minuteSecOf(sec: number): number {
  return minuteOf(new Date(sec * 1_000)).getTime() / 1_000;
}

/** Seconds since the epoch, moved to where anything may be counted. */
function moment(value: unknown, nowMs: number): number {
  const ms = number(value, 0, 1e11) * 1_000;
  return Math.min(Math.max(ms, nowMs - pastMsMax), nowMs + futureMsMax) / 1_000;
}

function reasonOf(value: unknown): string {
  const reason = text(value, textLengthMax);
  return Object.hasOwn(refusalReasons, reason) ? reason : otherReason;
}

function hashOf(value: unknown): string {
  const hash = text(value, textLengthMax);
  if (!/^[\w-]+$/.test(hash) || Buffer.from(hash, "base64url").length !== hashBytes) throw invalid();
  return hash;
}

function optional<Name extends string>(
  name: Name,
  value: unknown,
  lengthMax: number,
): { readonly [Key in Name]?: string } {
  return value === undefined ? {} : ({ [name]: text(value, lengthMax) } as { readonly [Key in Name]: string });
}

function list(value: unknown, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw invalid();
  return value;
}
