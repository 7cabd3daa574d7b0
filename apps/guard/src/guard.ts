import type { Allowed, Decision, GuardedUser, Refused, Subject } from "./decision.ts";
import { createFeedClient } from "./feed-client.ts";
import { createFeedFile } from "./feed-file.ts";
import { followFeed } from "./feed-follower.ts";
import { createIntake } from "./feed-intake.ts";
import { createFeedState } from "./feed-state.ts";
import { issuerKeys } from "./issuer-keys.ts";
import { fetchedKeys, fetchKeySet, pinnedKeys } from "./key-source.ts";
import type { GuardOptions, GuardRequest } from "./options.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import { sendReceipts } from "./receipts.ts";
import { createResolver } from "./resolver.ts";
import { settle, type GuardSettings } from "./settings.ts";
import { createTokenVerifier } from "./token-verifier.ts";
import type { Receipt } from "./wire.ts";

export type GuardStatus = {
  /** Whether decisions rest on the feed as it is now. */
  readonly fresh: boolean;
  /** What of the feed is held; undefined while nothing is. Times are seconds since the epoch. */
  readonly feed:
    | {
        readonly epoch: number;
        readonly seq: number;
        readonly asOf: number;
        readonly expiresAt: number;
        readonly maxStaleSec: number;
        readonly entries: number;
        readonly digest: string;
      }
    | undefined;
  readonly issuers: readonly {
    readonly issuer: string;
    readonly keys: number;
    readonly fetchedAtMs: number | undefined;
  }[];
};

export type Guard = {
  /** Resolves when the feed has answered once, well or not; a guard that is cold keeps trying. */
  readonly start: () => Promise<void>;
  /** Decides about one request. Refusals are decisions; it does not throw for a token. */
  readonly check: (token: string | undefined, request?: GuardRequest) => Promise<Decision>;
  readonly status: () => GuardStatus;
  /** Ends following at once. What is held stays, and grows stale. */
  readonly close: () => Promise<void>;
};

/** Creates a guard, or throws a `GuardConfigError` that names everything wrong with the options. */
export function createGuard(options: GuardOptions): Guard {
  const settings = settle(options);
  const now = options.now ?? Date.now;
  const hooks = createHooks(options);
  const closing = new AbortController();
  const house = furnish(settings, now, closing.signal, hooks.onError);
  const decide = createDecider(settings, house, hooks.onError);
  let started: Promise<void> | undefined;
  let followed: Promise<void> = Promise.resolve();

  const start = async (): Promise<void> => {
    await Promise.all([house.feedKeys.start(), ...house.issuers.map(({ keys }) => keys.start())]);
    const { ready, done } = house.follow();
    followed = done;
    await ready;
  };

  return {
    start: () => (started ??= start()),
    check: async (token, request = {}) => {
      const decision = await decide(token, request.route);
      hooks.onDecision(decision, request);
      return decision;
    },
    status: house.status,
    close: async () => {
      closing.abort(new Error("the guard was closed"));
      await started;
      await followed;
    },
  };
}

function furnish(settings: GuardSettings, now: () => number, signal: AbortSignal, onError: (error: Error) => void) {
  const keyOptions = { now, signal, onError };
  const issuers = settings.issuers.map((issuer) => ({ settings: issuer, keys: issuerKeys(issuer, keyOptions) }));
  const { feed } = settings;
  const feedKeys =
    feed.keys === undefined
      ? fetchedKeys({ ...keyOptions, load: (stop) => fetchKeySet(feed.keysUrl, stop) })
      : pinnedKeys(feed.keys);
  const tokens = createTokenVerifier(issuers, now);
  const state = createFeedState(now, onError);
  const resolver =
    settings.resolve === undefined ? undefined : createResolver({ ...keyOptions, settings: settings.resolve });
  const client = createFeedClient(feed, signal);

  const held = () => {
    const position = state.position();
    const revocations = state.revocations();
    return position && revocations && { ...position, entries: revocations.size(), digest: revocations.digest() };
  };
  const receipt = (): Receipt | undefined => {
    const at = held();
    const lifetimeSec = tokens.lifetimeSecMax();
    if (at === undefined) return undefined;
    const { epoch, seq, asOf, entries, digest } = at;
    const ttl = lifetimeSec === undefined ? {} : { max_ttl_seen: lifetimeSec };
    return { gateway: feed.gateway, epoch, seq, as_of: asOf, entries, digest, ...ttl };
  };
  const receipts = sendReceipts({ client, receipt, signal, onError });
  const file = feed.persistPath === undefined ? undefined : createFeedFile(feed.persistPath);
  const intake = createIntake({
    feed: feed.name,
    keys: feedKeys,
    state,
    onChange: (entries) => {
      resolver?.forget(entries);
      receipts.changed();
    },
  });
  const follow = () =>
    followFeed({ client, keys: feedKeys, state, intake, file, waitSecMax: feed.waitSec, now, signal, onError });
  const judge = (subject: Subject) => state.revocations()?.judge(subject, now() / 1_000);
  const status = (): GuardStatus => ({
    fresh: state.fresh(),
    feed: held(),
    issuers: issuers.map(({ settings: { issuer }, keys }) => ({ issuer, ...keys.status() })),
  });
  return { issuers, feedKeys, tokens, resolver, judge, fresh: state.fresh, follow, status };
}

type House = ReturnType<typeof furnish>;
type Decide = (token: string | undefined, route: string | undefined) => Promise<Decision>;

function createDecider(settings: GuardSettings, house: House, onError: (error: Error) => void): Decide {
  const staleChoice = (route: string | undefined) => {
    try {
      return settings.stale(route);
    } catch (cause) {
      onError(new Error("the stale function threw; the request is refused", { cause }));
      return "deny";
    }
  };

  const ask = async (subject: Subject, stale: boolean): Promise<Decision> => {
    const resolution = (await house.resolver?.ask(subject, stale)) ?? { reason: "resolve_unavailable" };
    if ("reason" in resolution) return refuse(resolution.reason, subject);
    // A denial may have arrived while Rollcall was being asked.
    const verdict = house.judge(subject);
    return verdict === undefined ? allow(subject, stale, resolution.user) : refuse(verdict, subject);
  };

  return async (token, route) => {
    const judgement = await house.tokens.verify(token);
    if ("reason" in judgement) return refuse(judgement.reason, judgement);
    const { subject } = judgement;
    // On every request, after whatever was remembered of the token.
    const verdict = house.judge(subject);
    if (verdict !== undefined) return refuse(verdict, subject);
    if (house.fresh()) return settings.unknown === "resolve" ? ask(subject, false) : allow(subject, false);
    const choice = staleChoice(route);
    if (choice === "allow") return allow(subject, true);
    return choice === "resolve" ? ask(subject, true) : refuse("feed_stale", subject);
  };
}

function allow({ iss, sub, tenant }: Subject, stale: boolean, user?: GuardedUser): Allowed {
  return {
    allow: true,
    reason: "ok",
    iss,
    sub,
    stale,
    ...(tenant === undefined ? {} : { tenant }),
    ...(user === undefined ? {} : { user }),
  };
}

function refuse(reason: RefusalReason, { iss, sub }: { readonly iss?: string; readonly sub?: string }): Refused {
  const { status } = refusalReasons[reason];
  return { allow: false, reason, status, ...(iss === undefined ? {} : { iss }), ...(sub === undefined ? {} : { sub }) };
}

/** A hook that throws must not decide a request or end the following of the feed. */
function createHooks({ onDecision, onError }: GuardOptions) {
  const reportError = (error: Error): void => {
    try {
      onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  };
  const reportDecision = (decision: Decision, request: GuardRequest): void => {
    try {
      onDecision?.(decision, request);
    } catch (cause) {
      reportError(new Error("the onDecision hook threw", { cause }));
    }
  };
  return { onError: reportError, onDecision: reportDecision };
}
