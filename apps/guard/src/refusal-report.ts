import { randomUUID } from "node:crypto";
import type { Refused } from "./decision.ts";
import { exchange } from "./exchange.ts";
import { FeedError } from "./feed-error.ts";
import type { FeedSettings } from "./feed-settings.ts";
import type { GuardRequest } from "./options.ts";
import type { RefusalReason } from "./reasons.ts";
import type { RefusalReport, RefusalCounted, RefusalTold } from "./wire.ts";

export type RefusalReportParts = {
  readonly settings: Pick<FeedSettings, "url" | "token" | "gateway" | "subjectKey">;
  /** Where the feed is of all tenants: a refusal says whose it is. */
  readonly ofAllTenants: boolean;
  /** What a hashed feed calls a subject. */
  readonly hashOf: (iss: string, sub: string) => string;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

/** How many refusals Rollcall has taken notice of, and how many it never will. */
export type ReportCounts = { readonly reported: number; readonly dropped: number };

export type RefusalReporter = {
  /** Notes one refusal, at once and in bounded memory. It never throws and never waits. */
  readonly refused: (decision: Refused, request: GuardRequest) => void;
  readonly counts: () => ReportCounts;
};

type Gathered = {
  readonly counts: Map<string, Counted>;
  readonly told: RefusalTold[];
  readonly toldOf: Map<RefusalReason, number>;
};
type Counted = Pick<RefusalCounted, "minute" | "reason" | "tenant" | "iss"> & { count: number };
type Sending = { readonly body: string; readonly count: number; readonly sinceMs: number; readonly dropped: number };

/** So long what is refused is gathered; then the next report waits. */
const gatherMs = 1_000;
const restMs = 5_000;
const retryMsMin = 2_000;
const retryMsMax = 60_000;
const timeoutMs = 5_000;
const answerBytesMax = 64 * 1024;
/** So many of one reason are told one by one in a report; the others are counted alone. */
const toldOfReasonMax = 20;
const toldMax = 200;
/** Minutes, reasons and tenants that are counted apart; past it what comes is dropped, with a count. */
const countsMax = 2_000;
/** What Rollcall has not taken by then is given up. */
const heldMsMax = 3_600_000;
const requestIdLengthMax = 128;
const textLengthMax = 1_024;
const claimsMax = 10;

/** Tells the feed itself, never a relay, what was refused: a few seconds later, all of it counted and some of it one by one. */
export function reportRefusals(parts: RefusalReportParts): RefusalReporter {
  const { now, signal, onError } = parts;
  let open = gather();
  let sending: Sending | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isUnderWay = false;
  let notBeforeMs = 0;
  let retryMs = retryMsMin;
  let reported = 0;
  let dropped = 0;
  let untoldDrops = 0;

  const drop = (count: number): void => {
    dropped += count;
    untoldDrops += count;
  };
  const plan = (): void => {
    if (timer !== undefined || isUnderWay || signal.aborted) return;
    timer = setTimeout(() => void send(), Math.max(gatherMs, notBeforeMs - performance.now())).unref();
  };
  const send = async (): Promise<void> => {
    timer = undefined;
    isUnderWay = true;
    drop(forgetOld(open, now()));
    if (sending !== undefined && now() - sending.sinceMs > heldMsMax) {
      drop(sending.count);
      untoldDrops += sending.dropped;
      sending = undefined;
    }
    if (sending === undefined) {
      sending = seal(parts, open, untoldDrops);
      open = gather();
      untoldDrops = 0;
    }
    const { count } = sending;
    try {
      const taken = await post(parts, sending.body);
      if (taken) reported += count;
      else drop(count);
      sending = undefined;
      retryMs = retryMsMin;
      notBeforeMs = performance.now() + restMs;
    } catch (error) {
      notBeforeMs = performance.now() + retryMs;
      retryMs = Math.min(retryMs * 2, retryMsMax);
      if (!signal.aborted) onError(error instanceof Error ? error : new Error(String(error)));
    }
    isUnderWay = false;
    if (sending !== undefined || open.counts.size > 0) plan();
  };

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    refused: (decision, request) => {
      if (!note(parts, open, decision, request)) drop(1);
      plan();
    },
    counts: () => ({ reported, dropped }),
  };
}

function gather(): Gathered {
  return { counts: new Map(), told: [], toldOf: new Map() };
}

/** Counts a refusal, and keeps it where there is room. False where there is room for neither. */
function note(parts: RefusalReportParts, open: Gathered, decision: Refused, request: GuardRequest): boolean {
  const atMs = parts.now();
  const { reason } = decision;
  const whose = parts.ofAllTenants ? whoseOf(decision) : {};
  const minute = Math.floor(atMs / 60_000) * 60;
  const key = JSON.stringify([minute, reason, whose]);
  const counted = open.counts.get(key);
  if (counted !== undefined) counted.count += 1;
  else if (open.counts.size >= countsMax) return false;
  else open.counts.set(key, { minute, reason, ...whose, count: 1 });
  const alike = open.toldOf.get(reason) ?? 0;
  if (alike < toldOfReasonMax && open.told.length < toldMax) {
    open.toldOf.set(reason, alike + 1);
    open.told.push({ ...toldOf(parts, decision, request, atMs), ...whose });
  }
  return true;
}

/** As far as a refusal can tell whose token it was. */
function whoseOf({ tenant, iss }: Refused): Pick<RefusalCounted, "tenant" | "iss"> {
  // An issuer of any tenant may write anything there.
  if (tenant !== undefined && isTellable(tenant)) return { tenant };
  return iss === undefined ? {} : { iss };
}

function toldOf(
  { settings, hashOf }: RefusalReportParts,
  { reason, iss, sub, claims }: Refused,
  { requestId }: GuardRequest,
  atMs: number,
): RefusalTold {
  const named = (issuer: string, subject: string): Pick<RefusalTold, "sub" | "hash"> =>
    settings.subjectKey === undefined
      ? isTellable(subject)
        ? { sub: subject }
        : {}
      : { hash: hashOf(issuer, subject) };
  return {
    at: atMs / 1_000,
    reason,
    ...requestOf(requestId),
    ...(iss === undefined ? {} : { iss }),
    ...(iss === undefined || sub === undefined ? {} : named(iss, sub)),
    ...(claims === undefined ? {} : { claims: claims.slice(0, claimsMax) }),
  };
}

/** As much of a request's name as Rollcall takes, and never half a character of it. */
function requestOf(requestId: string | undefined): Pick<RefusalTold, "request"> {
  if (typeof requestId !== "string") return {};
  const request = requestId.slice(0, requestIdLengthMax).replace(/[\ud800-\udbff]$/, "");
  return isTellable(request) ? { request } : {};
}

/** Whether Rollcall takes it as a text: with one that it does not take it would refuse the report as a whole. */
function isTellable(text: string): boolean {
  return text !== "" && text.length <= textLengthMax && !text.includes("\0") && text.isWellFormed();
}

/** Forgets what is too old to be told, and answers how many that were. */
function forgetOld(open: Gathered, nowMs: number): number {
  let forgotten = 0;
  for (const [key, { minute, count }] of open.counts) {
    if (nowMs - minute * 1_000 <= heldMsMax) continue;
    forgotten += count;
    open.counts.delete(key);
  }
  if (forgotten > 0) {
    const kept = open.told.filter(({ at }) => nowMs - Math.floor(at / 60) * 60_000 <= heldMsMax);
    open.told.splice(0, open.told.length, ...kept);
  }
  return forgotten;
}

/** What was gathered, as it is sent however often: a report that comes twice counts once. */
function seal({ settings, now }: RefusalReportParts, { counts, told }: Gathered, dropped: number): Sending {
  const all: readonly RefusalCounted[] = [...counts.values()];
  const report: RefusalReport = { gateway: settings.gateway, id: randomUUID(), counts: all, refusals: told, dropped };
  const count = all.reduce((sum, one) => sum + one.count, 0);
  return { body: JSON.stringify(report), count, sinceMs: now(), dropped };
}

/** False where the report is refused for good; throws where it may be taken later. */
async function post({ settings, signal, onError }: RefusalReportParts, body: string): Promise<boolean> {
  const { status } = await exchange({
    url: `${settings.url}/refusals`,
    method: "POST",
    headers: { authorization: `Bearer ${settings.token}`, "content-type": "application/json" },
    body,
    timeoutMs,
    bytesMax: answerBytesMax,
    signal,
  });
  if (status >= 200 && status <= 299) return true;
  const error = new FeedError("report_refused", `POST /refusals answered ${status}`);
  if (status === 400 || status === 404 || status === 413) {
    onError(error);
    return false;
  }
  throw error;
}
