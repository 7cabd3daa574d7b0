import { GuardConfigError, type GuardOptions, type IssuerOptions, type StaleChoice } from "@rollcall/guard";

export type AuthzOptions = {
  readonly guard: Pick<GuardOptions, "issuers" | "feed" | "stale" | "unknown" | "resolve">;
  readonly routeFrom: string | undefined;
};

type Json = Readonly<Record<string, unknown>>;
type Report = (problem: string) => void;

const topNames = ["issuers", "feed", "stale", "unknown", "resolve", "routeFrom"];
const issuerNames = [
  "issuer",
  "audience",
  "jwksUrl",
  "jwks",
  "algorithms",
  "types",
  "subjectClaim",
  "tenantClaim",
  "tenant",
  "subjectFormat",
  "subjectCompare",
  "clockToleranceSec",
];
const feedNames = ["url", "token", "gateway", "persistPath", "keys", "waitSec"];
const resolveNames = ["url", "token", "timeoutMs", "rememberSec"];
const staleChoices: readonly unknown[] = ["deny", "allow", "resolve"];

/**
 * Reads authz's configuration: the guard's options as JSON, where `subjectFormat` is a regular expression's
 * text, null among `types` means no typ, and `stale` may be `{ "routes": { "/menu": "allow" }, "otherwise": "deny" }`.
 * Throws one `GuardConfigError` for all that is JSON's own; `createGuard` judges the rest.
 */
export function parseAuthzOptions(text: string): AuthzOptions {
  const problems: string[] = [];
  const report: Report = (problem) => problems.push(problem);
  const json = parseJson(text);
  const { issuers, feed, resolve, unknown } = json;
  refuseUnknown("", json, topNames, report);
  if (isObject(feed)) refuseUnknown("feed.", feed, feedNames, report);
  if (isObject(resolve)) refuseUnknown("resolve.", resolve, resolveNames, report);
  const routeFrom = readRouteFrom(json["routeFrom"], isObject(json["stale"]), report);

  const guard = {
    issuers: Array.isArray(issuers)
      ? issuers.map((issuer: unknown, index) => readIssuer(issuer, `issuers[${index}].`, report))
      : [],
    feed: feed as GuardOptions["feed"],
    stale: readStale(json["stale"], report),
    unknown: unknown as GuardOptions["unknown"],
    resolve: resolve as GuardOptions["resolve"],
  };
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

function readIssuer(issuer: unknown, at: string, report: Report): IssuerOptions {
  if (!isObject(issuer)) {
    report(`${at.slice(0, -1)}: must be an object`);
    return { issuer: "", audience: "" };
  }
  refuseUnknown(at, issuer, issuerNames, report);
  const { subjectFormat, types, ...rest } = issuer;
  return {
    ...(rest as unknown as IssuerOptions),
    ...(subjectFormat === undefined ? {} : { subjectFormat: readFormat(subjectFormat, at, report) }),
    ...(Array.isArray(types)
      ? { types: types.map((type: unknown) => (type === null ? undefined : (type as string))) }
      : {}),
  };
}

function readFormat(format: unknown, at: string, report: Report): RegExp | undefined {
  try {
    if (typeof format === "string") return new RegExp(format, "u");
  } catch {
    // Falls through to the same report as a format that is no text.
  }
  report(`${at}subjectFormat: must be the text of a regular expression`);
  return undefined;
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

function readStale(stale: unknown, report: Report): GuardOptions["stale"] {
  if (!isObject(stale)) return stale as GuardOptions["stale"];
  refuseUnknown("stale.", stale, ["routes", "otherwise"], report);
  const { routes, otherwise } = stale;
  const entries = isObject(routes) ? Object.entries(routes) : [];
  const areRoutes =
    entries.length > 0 && entries.every(([path, choice]) => path.startsWith("/") && staleChoices.includes(choice));
  if (!areRoutes) report('stale.routes: must map paths to "deny", "allow" or "resolve"');
  if (!staleChoices.includes(otherwise)) report('stale.otherwise: say "deny", "allow" or "resolve"');
  return chooseByRoute(entries as readonly (readonly [string, StaleChoice])[], otherwise as StaleChoice);
}

/** The longest path that the route equals or lies under decides. A path that could mean another one gets `otherwise`. */
function chooseByRoute(
  routes: readonly (readonly [string, StaleChoice])[],
  otherwise: StaleChoice,
): (route: string | undefined) => StaleChoice {
  const longestFirst = routes
    .map(([path, choice]) => ({ path: path.replace(/\/$/, ""), choice }))
    .sort((left, right) => right.path.length - left.path.length);
  return (route) => {
    if (route === undefined || /%|\/\/|\/\.|\\|;/.test(route)) return otherwise;
    return longestFirst.find(({ path }) => route === path || route.startsWith(`${path}/`))?.choice ?? otherwise;
  };
}

function refuseUnknown(at: string, json: Json, names: readonly string[], report: Report): void {
  for (const name of Object.keys(json)) if (!names.includes(name)) report(`${at}${name}: there is no such option`);
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
