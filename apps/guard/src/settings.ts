import type { JSONWebKeySet } from "jose";
import {
  GuardConfigError,
  type FeedOptions,
  type GuardOptions,
  type IssuerOptions,
  type ResolveOptions,
  type StaleChoice,
  type UnknownChoice,
} from "./options.ts";

export type IssuerSettings = {
  readonly issuer: string;
  readonly audience: readonly string[] | "any";
  readonly keys:
    | { readonly kind: "pinned"; readonly jwks: JSONWebKeySet }
    | { readonly kind: "url"; readonly url: string }
    | { readonly kind: "discovery" };
  readonly algorithms: readonly string[];
  readonly types: readonly (string | undefined)[];
  readonly subjectClaim: string;
  readonly subjectCompare: "exact" | "casefold";
  readonly tenantClaim: string | undefined;
  readonly tenant: string | undefined;
  readonly subjectFormat: RegExp | undefined;
  readonly toleranceSec: number;
};

export type FeedSettings = {
  readonly url: string;
  readonly name: string;
  readonly keysUrl: string;
  readonly token: string;
  readonly gateway: string;
  readonly persistPath: string | undefined;
  readonly keys: JSONWebKeySet | undefined;
  readonly waitSec: number;
};

export type ResolveSettings = {
  readonly url: string;
  readonly token: string;
  readonly timeoutMs: number;
  readonly rememberMs: number;
};

export type GuardSettings = {
  readonly issuers: readonly IssuerSettings[];
  readonly feed: FeedSettings;
  readonly stale: (route: string | undefined) => StaleChoice;
  readonly unknown: UnknownChoice;
  readonly resolve: ResolveSettings | undefined;
};

type Report = (problem: string) => void;

const algorithmsKnown = new Set([
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
]);
const algorithmsUsual = ["RS256", "ES256", "EdDSA", "PS256"];
const typesUsual = ["jwt", "at+jwt", "application/at+jwt", undefined];
const staleChoices: readonly unknown[] = ["deny", "allow", "resolve"];
const toleranceSecUsual = 30;
const toleranceSecMax = 60;
const waitSecUsual = 25;
const waitSecMax = 60;
const resolveTimeoutMsUsual = 3_000;
const resolveTimeoutMsMax = 30_000;
const rememberSecUsual = 300;
const rememberSecMax = 86_400;

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
  if (options.unknown !== "allow" && options.unknown !== "resolve") {
    report('unknown: say "allow" or "resolve"; there is no default');
  }
  if ((options.stale === "resolve" || options.unknown === "resolve") && resolve === undefined) {
    report('resolve: url and token are needed where stale or unknown is "resolve"');
  }

  if (problems.length > 0 || feed === undefined) throw new GuardConfigError(problems);
  const { stale } = options;
  return { issuers, feed, resolve, stale: typeof stale === "function" ? stale : () => stale, unknown: options.unknown };
}

function settleIssuers(issuers: readonly IssuerOptions[], report: Report): readonly IssuerSettings[] {
  if (!Array.isArray(issuers) || issuers.length === 0) {
    report("issuers: name at least one");
    return [];
  }
  const seen = new Set<string>();
  return issuers.map((options: IssuerOptions, index) => {
    const at = `issuers[${index}]`;
    if (!isText(options.issuer)) report(`${at}.issuer: must be the iss of its tokens`);
    if (seen.has(options.issuer)) report(`${at}.issuer: ${options.issuer} is listed twice`);
    seen.add(options.issuer);
    return settleIssuer(options, (problem) => report(`${at}.${problem}`));
  });
}

function settleIssuer(options: IssuerOptions, report: Report): IssuerSettings {
  const { audience, subjectFormat } = options;
  const audiences = typeof audience === "string" ? [audience] : audience;
  if (!Array.isArray(audiences) || audiences.length === 0 || !audiences.every(isText)) {
    report('audience: name one or more, or say "any"');
  } else if (Array.isArray(audience) && audience.includes("any")) {
    report('audience: "any" stands alone, not in a list');
  }
  if (
    subjectFormat !== undefined &&
    (!(subjectFormat instanceof RegExp) || subjectFormat.global || subjectFormat.sticky)
  ) {
    report("subjectFormat: must be a RegExp without the flags g and y, which remember the last match");
  }
  if (![undefined, "exact", "casefold"].includes(options.subjectCompare))
    report('subjectCompare: must be "exact" or "casefold"');
  for (const name of ["subjectClaim", "tenantClaim", "tenant"] as const) {
    if (options[name] !== undefined && !isText(options[name])) report(`${name}: must be a text that is not empty`);
  }
  const types = options.types ?? typesUsual;
  if (!Array.isArray(types) || types.length === 0 || !types.every((type) => type === undefined || isText(type))) {
    report("types: must list one or more typ values");
  }

  return {
    issuer: options.issuer,
    audience: audience === "any" ? "any" : (audiences as readonly string[]),
    keys: settleIssuerKeys(options, report),
    algorithms: settleAlgorithms(options.algorithms ?? algorithmsUsual, report),
    types: types.map((type: string | undefined) => type?.toLowerCase()),
    subjectClaim: options.subjectClaim ?? "sub",
    subjectCompare: options.subjectCompare ?? "exact",
    tenantClaim: options.tenantClaim,
    tenant: options.tenant,
    subjectFormat,
    toleranceSec: settleNumber(
      "clockToleranceSec",
      options.clockToleranceSec,
      toleranceSecUsual,
      toleranceSecMax,
      report,
    ),
  };
}

function settleIssuerKeys(options: IssuerOptions, report: Report): IssuerSettings["keys"] {
  if (options.jwks !== undefined) {
    if (options.jwksUrl !== undefined) report("jwks: give it or jwksUrl, not both");
    if (!isKeySet(options.jwks)) report("jwks: must be a JSON Web Key Set with one key or more");
    return { kind: "pinned", jwks: options.jwks };
  }
  if (options.jwksUrl !== undefined) {
    if (httpUrl(options.jwksUrl) === undefined) report("jwksUrl: must be an http(s) URL");
    return { kind: "url", url: options.jwksUrl };
  }
  if (httpUrl(options.issuer) === undefined) {
    report("issuer: must be an http(s) URL where keys are found by discovery; or give jwks or jwksUrl");
  }
  return { kind: "discovery" };
}

function settleAlgorithms(algorithms: readonly string[], report: Report): readonly string[] {
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    report("algorithms: must list one or more");
    return [];
  }
  for (const algorithm of algorithms as readonly unknown[]) {
    // RFC 8725 §3.1: with a shared-secret algorithm, the issuer's public key would be the secret.
    if (!algorithmsKnown.has(String(algorithm))) report(`algorithms: ${String(algorithm)} is never allowed`);
  }
  return algorithms;
}

function settleFeed(options: FeedOptions | undefined, report: Report): FeedSettings | undefined {
  if (options === undefined || options === null) {
    report("feed: url, token and gateway are needed");
    return undefined;
  }
  const url = httpUrl(options.url);
  const name = url?.pathname.split("/").at(-1) ?? "";
  if (url === undefined || url.search !== "" || url.hash !== "" || !/^[\w.~-]+$/.test(name)) {
    report("feed.url: must be an http(s) URL that ends in the feed's name, as in https://host/v1/feeds/acme");
  }
  if (!isText(options.token)) report("feed.token: must not be empty");
  if (!isText(options.gateway)) report("feed.gateway: name this gateway");
  if (options.persistPath !== undefined && !isText(options.persistPath))
    report("feed.persistPath: must be a file's path");
  if (options.keys !== undefined && !isKeySet(options.keys)) {
    report("feed.keys: must be a JSON Web Key Set with one key or more");
  }
  return {
    url: options.url,
    name,
    keysUrl: url === undefined ? "" : `${url.origin}/.well-known/jwks.json`,
    token: options.token,
    gateway: options.gateway,
    persistPath: options.persistPath,
    keys: options.keys,
    waitSec: settleNumber("feed.waitSec", options.waitSec, waitSecUsual, waitSecMax, report),
  };
}

function settleResolve(options: ResolveOptions, report: Report): ResolveSettings {
  if (httpUrl(options.url) === undefined) report("resolve.url: must be an http(s) URL");
  if (!isText(options.token)) report("resolve.token: must not be empty");
  return {
    url: options.url,
    token: options.token,
    timeoutMs: settleNumber("resolve.timeoutMs", options.timeoutMs, resolveTimeoutMsUsual, resolveTimeoutMsMax, report),
    rememberMs:
      settleNumber("resolve.rememberSec", options.rememberSec, rememberSecUsual, rememberSecMax, report) * 1_000,
  };
}

function settleNumber(name: string, value: number | undefined, usual: number, max: number, report: Report): number {
  if (value === undefined) return usual;
  if (!Number.isFinite(value) || value < 0 || value > max) report(`${name}: must be between 0 and ${max}`);
  return value;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  const keys = (value as JSONWebKeySet | null)?.keys;
  return Array.isArray(keys) && keys.length > 0 && keys.every((key) => typeof key === "object" && key !== null);
}

function httpUrl(text: unknown): URL | undefined {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHttp = url.protocol === "https:" || url.protocol === "http:";
  return isHttp && url.username === "" && url.password === "" ? url : undefined;
}
