import { type FeedSettings, settleFeed } from "./feed-settings.ts";
import { type IssuerSettings, settleIssuers } from "./issuer-settings.ts";
import { httpUrl, isText, type Report, settleNumber } from "./option-checks.ts";
import {
  GuardConfigError,
  type GuardOptions,
  type ResolveOptions,
  type StaleChoice,
  type UnknownChoice,
} from "./options.ts";

export type ResolveSettings = {
  readonly url: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly rememberMs: number;
  /** Whether a token may be sent to Rollcall, where that would make a user of it. */
  readonly provision: boolean;
};

export type GuardSettings = {
  readonly issuers: readonly IssuerSettings[];
  readonly feed: FeedSettings;
  readonly stale: (route: string | undefined) => StaleChoice;
  readonly unknown: UnknownChoice;
  readonly resolve: ResolveSettings | undefined;
  readonly rememberTokens: number;
};

const staleChoices: readonly unknown[] = ["deny", "allow", "resolve"];
const unknownChoices: readonly unknown[] = ["allow", "resolve", "deny"];
const resolveTimeoutMsUsual = 3_000;
const resolveTimeoutMsMax = 30_000;
const rememberSecUsual = 300;
const rememberSecMax = 86_400;
const rememberTokensUsual = 16_384;
const rememberTokensMax = 1_048_576;

/** The name of the feed of all tenants. */
export const houseFeed = "_all";

/** Turns options into settings, or throws one `GuardConfigError` that names every problem. */
export function settle(options: GuardOptions): GuardSettings {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);

  const issuers = settleIssuers(options.issuers, report);
  const feed = settleFeed(options.feed, report);
  const resolve = options.resolve === undefined ? undefined : settleResolve(options.resolve, report);
  if (typeof options.stale !== "function" && !staleChoices.includes(options.stale)) {
    report('stale: say "deny", "allow", "resolve" or a function of the route; there is no default');
  }
  if (!unknownChoices.includes(options.unknown)) {
    report('unknown: say "allow", "resolve" or "deny"; there is no default');
  }
  if (options.unknown === "deny" && feed?.subjects === false) {
    report('feed.subjects: must be true where unknown is "deny", or nobody would be known');
  }
  // In the feed of all tenants each entry strikes one tenant's tokens: a token of no tenant would meet none, and pass.
  if (feed?.name === houseFeed && !issuers.every(({ tenant, tenantClaim }) => (tenant ?? tenantClaim) !== undefined)) {
    report(`issuers: each needs tenant or tenantClaim to follow the feed ${houseFeed}`);
  }
  if ((options.stale === "resolve" || options.unknown === "resolve") && resolve === undefined) {
    report('resolve: url and token are needed where stale or unknown is "resolve"');
  }
  const rememberTokens = settleNumber(
    "rememberTokens",
    options.rememberTokens,
    rememberTokensUsual,
    rememberTokensMax,
    report,
  );

  if (problems.length > 0 || feed === undefined) throw new GuardConfigError(problems);
  const { stale, unknown } = options;
  return {
    issuers,
    feed,
    resolve,
    stale: typeof stale === "function" ? stale : () => stale,
    unknown,
    rememberTokens: Math.floor(rememberTokens),
  };
}

function settleResolve(options: ResolveOptions, report: Report): ResolveSettings {
  if (httpUrl(options.url) === undefined) report("resolve.url: must be an http(s) URL");
  if (!isText(options.token)) report("resolve.token: must not be empty");
  if (options.provision !== undefined && typeof options.provision !== "boolean")
    report("resolve.provision: must be true or false");
  return {
    url: options.url,
    token: options.token,
    provision: options.provision ?? true,
    timeoutMs: settleNumber("resolve.timeoutMs", options.timeoutMs, resolveTimeoutMsUsual, resolveTimeoutMsMax, report),
    rememberMs:
      settleNumber("resolve.rememberSec", options.rememberSec, rememberSecUsual, rememberSecMax, report) * 1_000,
  };
}
