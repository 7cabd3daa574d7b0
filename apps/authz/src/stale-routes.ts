import type { GuardOptions, StaleChoice } from "@rollcall/guard";
import { optionNames } from "./option-names.ts";

type Json = Readonly<Record<string, unknown>>;
type Routes = readonly (readonly [string, StaleChoice])[];

const staleChoices: readonly unknown[] = ["deny", "allow", "resolve"];

/** Reads `stale`: one choice, or `{ "routes": { "/menu": "allow" }, "otherwise": "deny" }`. */
export function readStale(
  stale: unknown,
  canResolve: boolean,
  report: (problem: string) => void,
): GuardOptions["stale"] {
  if (typeof stale !== "object" || stale === null) return stale as GuardOptions["stale"];
  const { routes, otherwise } = stale as Json;
  for (const name of Object.keys(stale))
    if (!Object.hasOwn(optionNames.stale, name)) report(`stale.${name}: there is no such option`);
  const entries = typeof routes === "object" && routes !== null ? Object.entries(routes) : [];
  const areRoutes =
    entries.length > 0 && entries.every(([path, choice]) => path.startsWith("/") && staleChoices.includes(choice));
  if (!areRoutes) report('stale.routes: must map paths to "deny", "allow" or "resolve"');
  if (!staleChoices.includes(otherwise)) report('stale.otherwise: say "deny", "allow" or "resolve"');
  // Of a choice by route the guard learns only when it is asked, too late to miss what asking takes.
  if (!canResolve && [otherwise, ...entries.map(([, choice]) => choice)].includes("resolve"))
    report('resolve: url and token are needed where stale is "resolve"');
  return chooseByRoute(entries as Routes, otherwise as StaleChoice);
}

/** The longest path that the route equals or lies under decides. A path that could mean another one gets `otherwise`. */
function chooseByRoute(routes: Routes, otherwise: StaleChoice): (route: string | undefined) => StaleChoice {
  const longestFirst = routes
    .map(([path, choice]) => ({ path: path.replace(/\/$/, ""), choice }))
    .sort((left, right) => right.path.length - left.path.length);
  return (route) => {
    if (route === undefined || /%|\/\/|\/\.|\\|;/.test(route)) return otherwise;
    return longestFirst.find(({ path }) => route === path || route.startsWith(`${path}/`))?.choice ?? otherwise;
  };
}
