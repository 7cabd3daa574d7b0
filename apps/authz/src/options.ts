import {
  createGuard,
  GuardConfigError,
  type FeedOptions,
  type GuardOptions,
  type IssuerOptions,
  type ResolveOptions,
} from "@rollcall/guard";
import { optionNames } from "./option-names.ts";
import { readStale } from "./stale-routes.ts";

export type AuthzOptions = {
  readonly guard: Pick<GuardOptions, "issuers" | "feed" | "stale" | "unknown" | "resolve" | "rememberTokens">;
  readonly routeFrom: string | undefined;
};

type Json = Readonly<Record<string, unknown>>;
type Report = (problem: string) => void;

/**
 * Reads authz's configuration: the guard's options as JSON, where `subjectFormat` is a regular expression's
 * text, null among `types` means no typ, and `stale` may be `{ "routes": { "/menu": "allow" }, "otherwise": "deny" }`.
 * Throws one `GuardConfigError` that names every problem, JSON's own and the guard's.
 */
export function parseAuthzOptions(text: string): AuthzOptions {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const json = parseJson(text);
  refuseUnknown("", json, optionNames.top, report);
  const resolve = readResolve(json["resolve"], report);
  const guard = {
    issuers: readIssuers(json["issuers"], report),
    feed: readFeed(json["feed"], report),
    stale: readStale(json["stale"], json["resolve"] !== undefined, report),
    unknown: json["unknown"] as GuardOptions["unknown"],
    resolve,
    rememberTokens: json["rememberTokens"] as GuardOptions["rememberTokens"],
  };
  const routeFrom = readRouteFrom(json["routeFrom"], isObject(json["stale"]), report);

  problems.push(...problemsOfGuard(guard).filter((problem) => !follows(problem, problems)));
  if (problems.length > 0) throw new GuardConfigError(problems);
  return { guard, routeFrom };
}

function parseJson(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which holds secrets.
    throw new GuardConfigError(["the configuration is no JSON"]);
  }
  if (!isObject(json)) throw new GuardConfigError(["the configuration is no JSON object"]);
  return json;
}

function readIssuers(issuers: unknown, report: Report): readonly IssuerOptions[] {
  if (!Array.isArray(issuers)) return [];
  return issuers.map((issuer: unknown, index) => readIssuer(issuer, `issuers[${index}]`, report));
}

function readIssuer(issuer: unknown, at: string, report: Report): IssuerOptions {
  if (!isObject(issuer)) {
    report(`${at}: must be an object`);
    return { issuer: "", audience: "" };
  }
  refuseUnknown(`${at}.`, issuer, optionNames.issuer, report);
  refuseUnknownOfEach(`${at}.services`, issuer["services"], optionNames.service, report);
  const { subjectFormat, types, ...rest } = issuer;
  return {
    ...(rest as unknown as IssuerOptions),
    ...(subjectFormat === undefined ? {} : { subjectFormat: readFormat(subjectFormat, at, report) }),
    ...(types === undefined ? {} : { types: readTypes(types, at, report) }),
  };
}

/** JSON has no undefined: among the types, null is a token without one. */
function readTypes(types: unknown, at: string, report: Report): IssuerOptions["types"] {
  if (Array.isArray(types)) return types.map((type: unknown) => (type === null ? undefined : (type as string)));
  report(`${at}.types: must list one or more typ values`);
  return undefined;
}

function readFormat(format: unknown, at: string, report: Report): RegExp | undefined {
  try {
    if (typeof format === "string") return new RegExp(format, "u");
  } catch {
    // Falls through to the same report as a format that is no text.
  }
  report(`${at}.subjectFormat: must be the text of a regular expression`);
  return undefined;
}

function readFeed(feed: unknown, report: Report): FeedOptions {
  if (isObject(feed)) {
    refuseUnknown("feed.", feed, optionNames.feed, report);
    refuseUnknownOfEach("feed.relays", feed["relays"], optionNames.relay, report);
  }
  return feed as FeedOptions;
}

function readResolve(resolve: unknown, report: Report): ResolveOptions | undefined {
  if (resolve === undefined) return undefined;
  if (!isObject(resolve)) {
    report("resolve: must be an object with url and token");
    return undefined;
  }
  refuseUnknown("resolve.", resolve, optionNames.resolve, report);
  return resolve as unknown as ResolveOptions;
}

function readRouteFrom(routeFrom: unknown, isNeeded: boolean, report: Report): string | undefined {
  if (routeFrom === undefined) {
    if (isNeeded)
      report('routeFrom: name the header the gateway sets with the original URI, or "path"; stale depends on it');
    return undefined;
  }
  if (typeof routeFrom === "string" && /^[\w-]+$/.test(routeFrom)) return routeFrom.toLowerCase();
  report('routeFrom: must be a header\'s name or "path"');
  return undefined;
}

/** What the guard itself has to say. A guard that is not started has opened nothing. */
function problemsOfGuard(options: AuthzOptions["guard"]): readonly string[] {
  try {
    createGuard(options);
    return [];
  } catch (error) {
    if (error instanceof GuardConfigError) return error.problems;
    throw error;
  }
}

/** Whether a problem is about something, or a part of something, that was found wrong before. */
function follows(problem: string, found: readonly string[]): boolean {
  return found.some((earlier) => {
    const name = earlier.slice(0, earlier.indexOf(":"));
    return problem.startsWith(`${name}:`) || problem.startsWith(`${name}.`);
  });
}

function refuseUnknownOfEach(at: string, list: unknown, names: object, report: Report): void {
  if (!Array.isArray(list)) return;
  for (const [index, item] of list.entries())
    if (isObject(item)) refuseUnknown(`${at}[${index}].`, item, names, report);
}

function refuseUnknown(at: string, json: Json, names: object, report: Report): void {
  for (const name of Object.keys(json))
    if (!Object.hasOwn(names, name)) report(`${at}${name}: there is no such option`);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
