import { createBoundedMemory } from "./bounded-memory.ts";
import type { GuardedUser, Subject } from "./decision.ts";
import { exchange } from "./exchange.ts";
import type { RevocationEntry } from "./revocations.ts";
import type { ResolveSettings } from "./settings.ts";
import type { SubjectNaming } from "./subject-naming.ts";
import type { ResolveAnswer, ResolveRequest } from "./wire.ts";

export type Resolution =
  | { readonly user: GuardedUser }
  | { readonly reason: "subject_denied" | "subject_unknown" | "resolve_unavailable" };

/** The part of a token's subject that Rollcall is asked about. */
export type Asked = Pick<Subject, "iss" | "sub" | "subKey">;

export type Resolver = {
  /** An answer that is still good. */
  readonly recall: (subject: Asked, nowMs: number) => Resolution | undefined;
  /** Asks Rollcall, together with whoever is asking about the same subject. */
  readonly ask: (subject: Asked) => Promise<Resolution>;
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
type Asking = { readonly answer: Promise<Resolution>; overtaken: boolean };

const rememberedMax = 100_000;
const askingMax = 512;
const answerBytesMax = 256 * 1024;

/** Asks Rollcall about subjects. Only `active` is remembered, and only until the feed says anything of the subject. */
export function createResolver(parts: ResolverParts): Resolver {
  const { settings, naming, now } = parts;
  const active = createBoundedMemory<string, Remembered>(rememberedMax);
  const asking = new Map<string, Asking>();

  const request = async (subject: ResolveRequest): Promise<Resolution> => {
    try {
      return await post(settings, subject, parts.signal);
    } catch (error) {
      if (!parts.signal.aborted) parts.onError(error instanceof Error ? error : new Error(String(error)));
      return { reason: "resolve_unavailable" };
    }
  };

  const share = async (key: string, subject: ResolveRequest): Promise<Resolution> => {
    const underway = asking.get(key);
    // An answer that the feed has overtaken since may speak of the time before.
    if (underway !== undefined && !underway.overtaken) return underway.answer;
    if (asking.size >= askingMax) return { reason: "resolve_unavailable" };
    const own: Asking = { answer: request(subject), overtaken: false };
    asking.set(key, own);
    const resolution = await own.answer;
    if (asking.get(key) === own) asking.delete(key);
    if ("user" in resolution && !own.overtaken) {
      active.remember(key, { user: resolution.user, untilMs: now() + settings.rememberMs });
    }
    return resolution;
  };

  const nameOf = ({ iss, subKey }: Asked): string => keyOf(iss, naming(iss, subKey));
  return {
    recall: (subject, nowMs) => {
      const remembered = active.recall(nameOf(subject));
      return remembered !== undefined && nowMs < remembered.untilMs ? { user: remembered.user } : undefined;
    },
    ask: ({ iss, sub, subKey }) => share(nameOf({ iss, sub, subKey }), { iss, sub }),
    forget: (entries) => {
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
    },
  };
}

async function post(settings: ResolveSettings, { iss, sub }: ResolveRequest, signal: AbortSignal): Promise<Resolution> {
  const answer = await exchange({
    url: settings.url,
    method: "POST",
    headers: {
      authorization: `Bearer ${settings.token}`,
      "content-type": "application/json",
      accept: "application/json",
    },
    body: JSON.stringify({ iss, sub } satisfies ResolveRequest),
    timeoutMs: settings.timeoutMs,
    bytesMax: answerBytesMax,
    signal,
  });
  if (answer.status !== 200) throw new Error(`POST ${settings.url} answered ${answer.status}, not 200`);
  const resolution = read(JSON.parse(answer.body.toString("utf8")) as ResolveAnswer | null);
  if (resolution === undefined) throw new Error(`POST ${settings.url} brought an answer that cannot be read`);
  return resolution;
}

function read(answer: ResolveAnswer | null): Resolution | undefined {
  if (answer?.status === "denied") return { reason: "subject_denied" };
  if (answer?.status === "unknown") return { reason: "subject_unknown" };
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
