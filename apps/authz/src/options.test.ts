import { createGuard, GuardConfigError } from "@rollcall/guard";
import { expect, test } from "vitest";
import { parseAuthzOptions } from "./options.ts";

const good = {
  issuers: [{ issuer: "https://idp.example", audience: "api", types: ["JWT", null], subjectFormat: "^[0-9a-f-]{36}$" }],
  feed: { url: "https://rollcall.example/v1/feeds/acme", token: "secret", gateway: "edge-1" },
  stale: "deny",
  unknown: "allow",
};

function problems(options: unknown): readonly string[] {
  try {
    createGuard(parseAuthzOptions(typeof options === "string" ? options : JSON.stringify(options)).guard);
    return [];
  } catch (error) {
    if (error instanceof GuardConfigError) return error.problems;
    throw error;
  }
}

test("a good configuration makes a guard", () => {
  expect(problems(good)).toEqual([]);
  const [issuer] = parseAuthzOptions(JSON.stringify(good)).guard.issuers;
  expect(issuer).toMatchObject({ types: ["JWT", undefined], subjectFormat: /^[0-9a-f-]{36}$/u });
});

test("a misspelt option is a problem, not a default", () => {
  const misspelt = {
    ...good,
    onStale: "deny",
    feed: { ...good.feed, persist: "x" },
    issuers: [{ ...good.issuers[0], aud: "api" }],
  };
  expect(problems(misspelt)).toEqual([
    "onStale: there is no such option",
    "feed.persist: there is no such option",
    "issuers[0].aud: there is no such option",
  ]);
});

test("what is left out is named by the guard", () => {
  expect(problems({}).map((problem) => problem.split(":")[0])).toEqual(["issuers", "feed", "stale", "unknown"]);
});

test.each([
  ["no JSON", '{"token": "secret"'],
  ["no object", "[]"],
  ["an issuer that is no object", { ...good, issuers: ["https://idp.example"] }],
  ["a format that is no regular expression", { ...good, issuers: [{ ...good.issuers[0], subjectFormat: "(" }] }],
  [
    "routes without saying where the route is found",
    { ...good, stale: { routes: { "/menu": "allow" }, otherwise: "deny" } },
  ],
  ["routes without otherwise", { ...good, routeFrom: "path", stale: { routes: { "/menu": "allow" } } }],
  ["a route that is no path", { ...good, routeFrom: "path", stale: { routes: { menu: "allow" }, otherwise: "deny" } }],
])("%s is a problem, and secrets are not quoted", (_, options) => {
  expect(problems(options)).toHaveLength(1);
  expect(problems(options).join("")).not.toContain("secret");
});

test("staleness is chosen by the longest path, and never by one that could mean another", () => {
  const text = JSON.stringify({
    ...good,
    routeFrom: "X-Original-URI",
    stale: { routes: { "/menu": "allow", "/menu/admin/": "resolve" }, otherwise: "deny" },
  });
  const { guard, routeFrom } = parseAuthzOptions(text);
  const stale = guard.stale as (route: string | undefined) => string;
  expect(routeFrom).toBe("x-original-uri");
  expect(["/menu", "/menu/", "/menu/today", "/menu/admin", "/menu/admin/x"].map(stale)).toEqual([
    "allow",
    "allow",
    "allow",
    "resolve",
    "resolve",
  ]);
  const others = [
    "/",
    "/menus",
    "/pay",
    "/menu/../pay",
    "/menu/%2e%2e/pay",
    "/menu//pay",
    "/menu/.;/pay",
    "/menu\\..\\pay",
    undefined,
  ];
  expect(others.map(stale)).toEqual(others.map(() => "deny"));
});
