import { createDecider, type Decide, type KnowsSubject } from "./decider.ts";
import type { Decision } from "./decision.ts";
import { createFollowing, type FollowingHouse, type HeldFeed } from "./following.ts";
import { issuerKeys } from "./issuer-keys.ts";
import { fetchedKeys, fetchKeySet, type KeySourceOptions, pinnedKeys } from "./key-source.ts";
import { createCounters, type FeedGauges, type GuardMetrics } from "./metrics.ts";
import type { GuardOptions, GuardRequest } from "./options.ts";
import { sendReceipts } from "./receipts.ts";
import { type RefusalReporter, reportRefusals } from "./refusal-report.ts";
import { createResolver } from "./resolver.ts";
import { revocationContent } from "./revocation-content.ts";
import { createRevocations } from "./revocations.ts";
import { houseFeed, settle, type GuardSettings } from "./settings.ts";
import { subjectContent } from "./subject-content.ts";
import { hashSubject, plainNaming } from "./subject-naming.ts";
import { createTokenVerifier } from "./token-verifier.ts";
import { snapshotMediaType, subjectsMediaType, subjectsPath, type Receipt } from "./wire.ts";

export type GuardStatus = {
  /** Whether decisions rest on the feed as it is now. */
  readonly fresh: boolean;
  /** What of the feed is held; undefined while nothing is. Times are seconds since the epoch. */
  readonly feed: HeldFeed | undefined;
  /** What is held of the set of known subjects; undefined while nothing is, or where it is not followed. */
  readonly subjects: HeldFeed | undefined;
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
  /** What there is to count and to watch; `renderMetrics` writes it down for Prometheus. */
  readonly metrics: () => GuardMetrics;
  /** Ends following at once. What is held stays, and grows stale. */
  readonly close: () => Promise<void>;
};

type Hooks = ReturnType<typeof createHooks>;
type Clocks = { readonly now: () => number; readonly uptimeMs: () => number };

const unasked: GuardRequest = {};

/** Creates a guard, or throws a `GuardConfigError` that names everything wrong with the options. */
export function createGuard(options: GuardOptions): Guard {
  const settings = settle(options);
  const counters = createCounters();
  const hooks = createHooks(options, counters);
  // A clock that was given is the only one, unless another was: a test's time has nothing to do with the process's.
  const uptimeMs = options.uptimeMs ?? options.now ?? (() => performance.now());
  const clocks = { now: options.now ?? Date.now, uptimeMs };
  const closing = new AbortController();
  const house = furnish(settings, clocks, closing.signal, hooks);
  let started: Promise<void> | undefined;
  let followed: Promise<unknown> = Promise.resolve();

  const start = async (): Promise<void> => {
    await Promise.all([house.feedKeys.start(), ...house.issuers.map(({ keys }) => keys.start())]);
    const followings = house.follow();
    followed = Promise.all(followings.map(({ done }) => done));
    await Promise.all(followings.map(({ ready }) => ready));
  };

  return {
    start: () => (started ??= start()),
    check: async (token, request = unasked) => {
      const decided = house.decide(token, request.route);
      const decision = decided instanceof Promise ? await decided : decided;
      counters.decided(decision);
      if (!decision.allow) house.reporter?.refused(decision, request);
      hooks.onDecision?.(decision, request);
      return decision;
    },
    status: house.status,
    metrics: () => ({ ...counters.read(), ...house.gauges() }),
    close: async () => {
      closing.abort(new Error("the guard was closed"));
      await started;
      await followed;
    },
  };
}

function furnish(settings: GuardSettings, clocks: Clocks, signal: AbortSignal, hooks: Hooks) {
  const { onError } = hooks;
  const keyOptions = { now: clocks.now, signal, onError };
  const issuers = settings.issuers.map((issuer) => ({ settings: issuer, keys: issuerKeys(issuer, keyOptions) }));
  const feedKeys = keysOfFeed(settings, keyOptions);
  const tokens = createTokenVerifier(issuers, settings.rememberTokens);
  const reporter = reporterOf(settings, { now: clocks.now, signal, onError }, tokens);
  const feeds = followFeeds(settings, { ...clocks, settings: settings.feed, keys: feedKeys, signal, ...hooks }, tokens);
  const decide: Decide = createDecider({
    settings,
    tokens,
    judge: (subject, nowSec) => feeds.revocations.held()?.judge(subject, nowSec),
    fresh: feeds.revocations.fresh,
    knows: feeds.knows,
    resolver: feeds.resolver,
    now: clocks.now,
    onError,
  });

  const status = (): GuardStatus => ({
    fresh: feeds.revocations.fresh(clocks.now()),
    feed: feeds.revocations.status(),
    subjects: feeds.subjects?.status(),
    issuers: issuers.map(({ settings: { issuer }, keys }) => ({ issuer, ...keys.status() })),
  });
  const gauges = (): Omit<GuardMetrics, "decisions" | "allowedStale" | "faults"> => {
    const nowMs = clocks.now();
    const { feed, subjects, issuers: keysHeld } = status();
    return {
      tokens: tokens.counts(),
      feed: feed && gaugesOf(feed, feeds.revocations.fresh(nowMs), nowMs),
      subjects: subjects && gaugesOf(subjects, feeds.subjects?.fresh(nowMs) === true, nowMs),
      reports: reporter?.counts(),
      issuers: keysHeld.map(({ issuer, keys, fetchedAtMs }) => ({
        issuer,
        keys,
        keysAgeSec: fetchedAtMs === undefined ? undefined : (nowMs - fetchedAtMs) / 1_000,
      })),
    };
  };
  return { issuers, feedKeys, decide, reporter, status, gauges, follow: feeds.follow };
}

function reporterOf(
  { feed }: GuardSettings,
  surroundings: Pick<FollowingHouse, "now" | "signal" | "onError">,
  tokens: Tokens,
): RefusalReporter | undefined {
  if (!feed.report) return undefined;
  const { subjectKey } = feed;
  const hashOf = (iss: string, sub: string): string =>
    hashSubject(subjectKey ?? Buffer.alloc(0), iss, tokens.subKeyOf(iss, sub)).toString("base64url");
  return reportRefusals({ ...surroundings, settings: feed, ofAllTenants: feed.name === houseFeed, hashOf });
}

function keysOfFeed({ feed }: GuardSettings, options: Omit<KeySourceOptions, "load">) {
  return feed.keys === undefined
    ? fetchedKeys({ ...options, load: (stop) => fetchKeySet(feed.keysUrl, stop) })
    : pinnedKeys(feed.keys);
}

type Tokens = ReturnType<typeof createTokenVerifier>;

/** The revocations, the subjects where they are followed, and what depends on either. */
function followFeeds(settings: GuardSettings, house: FollowingHouse, tokens: Tokens) {
  const { signal, now, onError } = house;
  const { subjectKey } = settings.feed;
  const naming = (iss: string, sub: string): string => (revocations.held()?.naming ?? plainNaming)(iss, sub);
  const resolver =
    settings.resolve === undefined
      ? undefined
      : createResolver({ settings: settings.resolve, naming, now, signal, onError });
  const receipt = (): Receipt | undefined => {
    const held = revocations.status();
    const lifetimeSec = tokens.lifetimeSecMax();
    if (held === undefined) return undefined;
    const { epoch, seq, asOf, entries, digest } = held;
    const ttl = lifetimeSec === undefined ? {} : { max_ttl_seen: lifetimeSec };
    return { gateway: settings.feed.gateway, epoch, seq, as_of: asOf, entries, digest, ...ttl };
  };
  const receipts = sendReceipts({ settings: settings.feed, receipt, signal, onError });
  const revocations = createFollowing(house, {
    kind: "revocations",
    path: "",
    snapshotType: snapshotMediaType,
    content: revocationContent(subjectKey, createRevocations),
    onChange: (entries) => {
      resolver?.forget(entries);
      receipts.changed();
    },
  });
  const subjects = !settings.feed.subjects
    ? undefined
    : createFollowing(house, {
        kind: "subjects",
        path: subjectsPath,
        snapshotType: subjectsMediaType,
        content: subjectContent(subjectKey),
        onChange: () => {},
      });
  const knows: KnowsSubject = (subject, nowMs) => {
    subject.hash ??= hashSubject(subjectKey ?? Buffer.alloc(0), subject.iss, subject.subKey);
    // Who is in an old set is known all the same: had they left, the revocations would say so.
    if (subjects?.held()?.has(subject.hash) === true) return true;
    return subjects?.fresh(nowMs) === true ? false : undefined;
  };
  return {
    revocations,
    subjects,
    resolver,
    knows: subjects === undefined ? undefined : knows,
    follow: () => [revocations.follow(), ...(subjects === undefined ? [] : [subjects.follow()])],
  };
}

function gaugesOf({ entries, asOf }: HeldFeed, fresh: boolean, nowMs: number): FeedGauges {
  return { fresh, entries, ageSec: Math.max(0, nowMs / 1_000 - asOf) };
}

/** A hook that throws must not decide a request or end the following of a feed. */
function createHooks({ onDecision, onError, onFeed }: GuardOptions, counters: ReturnType<typeof createCounters>) {
  const reportError = (error: Error): void => {
    counters.failed(error);
    try {
      onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  };
  const safely = <A extends readonly unknown[]>(name: string, hook: (...given: A) => void) => {
    return (...given: A): void => {
      try {
        hook(...given);
      } catch (cause) {
        reportError(new Error(`the ${name} hook threw`, { cause }));
      }
    };
  };
  return {
    onError: reportError,
    onDecision: onDecision === undefined ? undefined : safely("onDecision", onDecision),
    onFeed: onFeed === undefined ? () => {} : safely("onFeed", onFeed),
  };
}
