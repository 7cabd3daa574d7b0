import { createBoundedMemory } from "./bounded-memory.ts";
import type { GuardedUser, Subject } from "./decision.ts";
import { exchange } from "./exchange.ts";
import type { RevocationEntry } from "./revocations.ts";
import type { ResolveSettings } from "./settings.ts";
import type { SubjectNaming } from "./subject-naming.ts";
import type { ResolveAnswer, ResolveRequest } from "./wire.ts";

export type Resolution =
  | { readonly user: GuardedUser }
  | {
      readonly reason: "subject_denied" | "subject_unknown" | "claims_missing" | "resolve_unavailable";
      readonly claims?: readonly string[];
    };

/** The part of a token's subject that Rollcall is asked about. */
export type Asked = Pick<Subject, "iss" | "sub" | "subKey">;

export type Resolver = {
  /** An answer that is still good. */
  readonly recall: (subject: Asked, nowMs: number) => Resolution | undefined;
  /**
   * Asks Rollcall, together with whoever is asking about the same subject. Only a question that was put
   * after this call may refuse it: what was unknown a moment ago may be known now.
   */
  readonly ask: (subject: Asked, token: string) => Promise<Resolution>;
  /** Forgets the subjects that entries name; everything where that cannot be told. */
  readonly forget: (entries: readonly RevocationEntry[] | undefined) => void;
};

export type ResolverParts = {
  readonly settings: ResolveSettings;
  /** What the revocation feed calls a subject: what is remembered is forgotten by that name. */
  readonly naming: SubjectNaming;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

type Remembered = { readonly user: GuardedUser; readonly untilMs: number };
type Asking = { readonly number: number; readonly answer: Promise<Resolution>; overtaken: boolean };
type Question = { readonly iss: string; readonly sub: string; readonly token: string };

const rememberedMax = 100_000;
const askingMax = 512;
const answerBytesMax = 256 * 1024;
const claimsMax = 50;
/** How long Rollcall may look out for what is on its way; the rest of the time is for the journey. */
const deadlineMsMax = 500;
/** So many subjects may turn out to be unknown at once, and in a second from then on, before no more is asked. */
const unknownsAtOnceMax = 1_000;
const unknownsPerSec = 100;

/**
 * Asks Rollcall about subjects. Only `active` is remembered, and only until the feed says anything of
 * the subject. That a subject is unknown is never remembered, so a joiner passes with the first request
 * after their provisioning; what keeps a flood of unknown subjects from Rollcall is the number of questions.
 */
export function createResolver(parts: ResolverParts): Resolver {
  const { settings, naming, now } = parts;
  const active = createBoundedMemory<string, Remembered>(rememberedMax);
  const asking = new Map<string, Asking>();
  const unknowns = createAllowance(now);
  let begun = 0;

  const request = async (question: Question): Promise<Resolution> => {
    try {
      return await post(settings, question, parts.signal);
    } catch (error) {
      if (!parts.signal.aborted) parts.onError(error instanceof Error ? error : new Error(String(error)));
      return { reason: "resolve_unavailable" };
    }
  };

  const begin = (key: string, question: Question): Asking | undefined => {
    if (asking.size >= askingMax || !unknowns.isLeft()) return undefined;
    begun += 1;
    const answer = request(question).then((resolution) => {
      if (asking.get(key) === own) asking.delete(key);
      if ("user" in resolution) {
        if (!own.overtaken) active.remember(key, { user: resolution.user, untilMs: now() + settings.rememberMs });
      } else if (isUnknown(resolution)) unknowns.take();
      return resolution;
    });
    const own: Asking = { number: begun, answer, overtaken: false };
    asking.set(key, own);
    return own;
  };

  const share = async (key: string, question: Question): Promise<Resolution> => {
    const before = begun;
    // Twice at the most: what is under way now, and what was begun since.
    for (;;) {
      const underway = asking.get(key);
      // An answer that the feed has overtaken since may speak of the time before.
      const own = underway === undefined || underway.overtaken ? begin(key, question) : underway;
      if (own === undefined) return { reason: "resolve_unavailable" };
      const resolution = await own.answer;
      if (!isUnknown(resolution) || own.number > before) return resolution;
    }
  };

  const nameOf = ({ iss, subKey }: Asked): string => keyOf(iss, naming(iss, subKey));
  return {
    recall: (subject, nowMs) => {
      const remembered = active.recall(nameOf(subject));
      return remembered !== undefined && nowMs < remembered.untilMs ? { user: remembered.user } : undefined;
    },
    ask: ({ iss, sub, subKey }, token) => share(nameOf({ iss, sub, subKey }), { iss, sub, token }),
    forget: (entries) => forgetNamed(active, asking, entries),
  };
}

/** What is remembered of the subjects that entries name is void, and what is being asked will be. */
function forgetNamed(
  active: { readonly forget: (key: string) => void; readonly clear: () => void },
  asking: ReadonlyMap<string, Asking>,
  entries: readonly RevocationEntry[] | undefined,
): void {
  const named = entries?.every(({ scope }) => scope !== "tenant" && scope !== "iss") === true ? entries : undefined;
  if (named === undefined) {
    active.clear();
    for (const own of asking.values()) own.overtaken = true;
    return;
  }
  for (const entry of named) {
    if (entry.scope !== "sub") continue;
    const key = keyOf(entry.iss, entry.sub);
    active.forget(key);
    const own = asking.get(key);
    if (own !== undefined) own.overtaken = true;
  }
}

/** The token goes along only where Rollcall says that it would make a user of it. */
async function post(
  settings: ResolveSettings,
  { iss, sub, token }: Question,
  signal: AbortSignal,
): Promise<Resolution> {
  const untilMs = performance.now() + settings.timeoutMs;
  const question = { iss, sub, deadline_ms: Math.min(deadlineMsMax, Math.floor(settings.timeoutMs / 2)) };
  const answer = await send(settings, question, settings.timeoutMs, signal);
  const isNeeded = settings.provision && answer?.status === "unknown" && answer.reason === "token_needed";
  const leftMs = Math.max(1, untilMs - performance.now());
  const last = isNeeded ? await send(settings, { ...question, token }, leftMs, signal) : answer;
  const resolution = read(last);
  if (resolution === undefined) throw new Error(`POST ${settings.url} brought an answer that cannot be read`);
  return resolution;
}

async function send(
  { url, token }: ResolveSettings,
  question: ResolveRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ResolveAnswer | null> {
  const answer = await exchange({
    url,
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json",
    },
    body: JSON.stringify(question),
    timeoutMs,
    bytesMax: answerBytesMax,
    signal,
  });
  if (answer.status !== 200) throw new Error(`POST ${url} answered ${answer.status}, not 200`);
  return JSON.parse(answer.body.toString("utf8")) as ResolveAnswer | null;
}

function read(answer: ResolveAnswer | null): Resolution | undefined {
  if (answer?.status === "denied") return { reason: "subject_denied" };
  if (answer?.status === "unknown") return readUnknown(answer);
  if (answer?.status !== "active") return undefined;
  const { userId: id, userName, groups } = answer;
  const readable =
    typeof id === "string" &&
    typeof userName === "string" &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === "string");
  return readable ? { user: { id, userName, groups } } : undefined;
}

/** Neither part can feign the other: the length says where the issuer ends. */
function keyOf(iss: string, name: string): string {
  return `${iss.length}:${iss}${name}`;
}

function readUnknown({ reason, claims }: Extract<ResolveAnswer, { readonly status: "unknown" }>): Resolution {
  if (reason !== "claims_missing" || !Array.isArray(claims)) return { reason: "subject_unknown" };
  const named = (claims as readonly unknown[]).filter((claim): claim is string => typeof claim === "string");
  return { reason: "claims_missing", claims: named.slice(0, claimsMax) };
}

function isUnknown(resolution: Resolution): boolean {
  return "reason" in resolution && (resolution.reason === "subject_unknown" || resolution.reason === "claims_missing");
}

/** Counts what turned out to be unknown; time gives back what was taken. */
function createAllowance(now: () => number): { isLeft(): boolean; take(): void } {
  let left = unknownsAtOnceMax;
  let atMs = now();
  const refill = (): void => {
    const nowMs = now();
    left = Math.min(unknownsAtOnceMax, left + (Math.max(0, nowMs - atMs) * unknownsPerSec) / 1_000);
    atMs = nowMs;
  };
  return {
    isLeft: () => {
      refill();
      return left >= 1;
    },
    take: () => void (left -= 1),
  };
}
