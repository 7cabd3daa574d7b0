import { readFile } from "node:fs/promises";
import { GuardConfigError } from "@rollcall/guard";
import { expect, test } from "vitest";
import { optionNames } from "./option-names.ts";
import { parseAuthzOptions } from "./options.ts";

const good = {
  issuers: [{ issuer: "https://idp.example", audience: "api", types: ["JWT", null], subjectFormat: "^[0-9a-f-]{36}$" }],
  feed: { url: "https://rollcall.example/v1/feeds/acme", token: "secret", gateway: "edge-1" },
  stale: "deny",
  unknown: "allow",
};

/** What the guard has learnt to do, each option at least once. */
const whole = {
  issuers: [
    {
      issuer: "https://login.example/{tid}/v2.0",
      audience: ["api", "api://orders"],
      jwksUrl: "https://login.example/keys",
      refusedKeys: ["stolen"],
      algorithms: ["RS256"],
      tenants: ["t1", "t2"],
      subjectClaim: "oid",
      subjectCompare: "casefold",
      services: [{ clientIds: ["batch"] }, { claim: "sub", prefix: "svc-" }, { claim: "machine", equals: true }],
      clockToleranceSec: 10,
    },
    { issuer: "https://idp.example", audience: "any", jwks: { keys: [{}] }, tenantClaim: "tid", tenants: "any" },
  ],
  feed: {
    ...good.feed,
    persistPath: "/var/lib/rollcall/feed",
    keys: { keys: [{}] },
    transport: "stream",
    waitSec: 20,
    pollSec: 5,
    relays: [{ url: "https://relay.example/v1/feeds/acme", token: "relay-secret" }],
    subjectKey: "c3ViamVjdC1rZXktb2YtMTYtYnl0ZXM",
    subjects: true,
    report: true,
  },
  stale: { routes: { "/menu": "resolve" }, otherwise: "deny" },
  unknown: "deny",
  resolve: {
    url: "https://rollcall.example/v1/resolve",
    token: "secret",
    timeoutMs: 500,
    rememberSec: 60,
    provision: false,
  },
  rememberTokens: 1_000,
  routeFrom: "X-Forwarded-Uri",
};

function problems(options: unknown): readonly string[] {
  try {
    parseAuthzOptions(typeof options === "string" ? options : JSON.stringify(options));
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

test("everything that the guard's options can say, the file can say", () => {
  expect(problems(whole)).toEqual([]);
  const { guard, routeFrom } = parseAuthzOptions(JSON.stringify(whole));
  const { stale, ...rest } = guard;
  const { stale: _stale, routeFrom: _from, ...said } = whole;
  expect(rest).toEqual(said);
  expect([typeof stale, routeFrom]).toEqual(["function", "x-forwarded-uri"]);
});

test("the files that the documentation shows are files that authz takes", async () => {
  const markdown = await readFile(new URL("../../../docs/gateways.md", import.meta.url), "utf8");
  const shown = [...markdown.matchAll(/^```json\n(.*?)^```/gms)].map(([, text = ""]) => text);
  expect(shown.map(problems)).toEqual([[], []]);
  const everything = JSON.parse(shown[1] ?? "{}") as { issuers: object[]; feed: object; resolve: object };
  const names = everything.issuers.flatMap(Object.keys);
  expect(new Set(names)).toEqual(new Set(Object.keys(optionNames.issuer)));
  for (const [room, said] of [
    ["top", everything],
    ["feed", everything.feed],
    ["resolve", everything.resolve],
  ] as const)
    expect(Object.keys(said).toSorted()).toEqual(Object.keys(optionNames[room]).toSorted());
});

test("every problem is named at once, JSON's own and the guard's, and none of them twice", () => {
  const wrong = {
    issuers: [
      "https://idp.example",
      { issuer: "https://login.example/{tid}", audience: "api", subjectFormat: "(", types: "JWT", services: [{}] },
    ],
    feed: {
      ...good.feed,
      url: "ftp://x",
      transport: "pigeon",
      pollSec: 0,
      relays: [{ url: "x", secret: "y" }, null],
      subjects: true,
    },
    stale: { routes: { menu: "resolve" }, otherwise: "maybe" },
    unknown: "guess",
    resolve: null,
    rememberTokens: "many",
    routeFrom: 7,
  };
  expect(problems(wrong).map((problem) => problem.split(":")[0])).toEqual([
    "resolve",
    "issuers[0]",
    "issuers[1].subjectFormat",
    "issuers[1].types",
    "feed.relays[0].secret",
    "stale.routes",
    "stale.otherwise",
    "routeFrom",
    "issuers[1].jwksUrl",
    "issuers[1].tenants",
    "issuers[1].services",
    "feed.url",
    "feed.transport",
    "feed.subjectKey",
    "feed.pollSec",
    "feed.relays[0].url",
    "feed.relays[1].url",
    "unknown",
    "rememberTokens",
  ]);
});

test("whatever stands in an option's place is taken or refused with its name, and never breaks the reading", () => {
  const { issuers, feed, resolve, ...top } = whole;
  const [issuer] = issuers;
  const values = [null, 5, "", "x", true, [], {}, [null], [{}], { keys: null }];
  const within = (options: object, put: (changed: object) => object) =>
    Object.keys(options).flatMap((name) => values.map((value) => ({ name, json: put({ ...options, [name]: value }) })));
  const tried = [
    ...within({ ...top, issuers, feed, resolve }, (changed) => changed),
    ...within({ ...issuer, jwks: {}, tenant: "", tenantClaim: "", types: [], subjectFormat: "" }, (changed) => ({
      ...whole,
      issuers: [changed],
    })),
    ...within(feed, (changed) => ({ ...whole, feed: changed })),
    ...within(resolve, (changed) => ({ ...whole, resolve: changed })),
  ];
  for (const { name, json } of tried)
    for (const problem of problems(json))
      expect([name, problem]).toEqual([name, expect.stringMatching(/^[\w.[\]]+: ./)]);
});

test("a misspelt option is a problem, not a default", () => {
  const misspelt = {
    ...good,
    onStale: "deny",
    feed: { ...good.feed, persist: "x" },
    issuers: [{ ...good.issuers[0], aud: "api", services: [{ claim: "sub", startsWith: "svc-" }] }],
  };
  expect(problems(misspelt)).toEqual([
    "onStale: there is no such option",
    "issuers[0].aud: there is no such option",
    "issuers[0].services[0].startsWith: there is no such option",
    "feed.persist: there is no such option",
    "issuers[0].services: each must be { claim, equals }, { claim, prefix } or { clientIds }",
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
  ["types that are no list", { ...good, issuers: [{ ...good.issuers[0], types: "JWT" }] }],
  ["a resolve that is no object", { ...good, resolve: "https://rollcall.example/v1/resolve" }],
  [
    "a route to be asked about without saying where to ask",
    { ...good, routeFrom: "path", stale: { routes: { "/menu": "resolve" }, otherwise: "deny" } },
  ],
  ["a route that is no path", { ...good, routeFrom: "path", stale: { routes: { menu: "allow" }, otherwise: "deny" } }],
])("%s is a problem, and secrets are not quoted", (_, options) => {
  expect(problems(options)).toHaveLength(1);
  expect(problems(options).join("")).not.toContain("secret");
});

test("staleness is chosen by the longest path, and never by one that could mean another", () => {
  const text = JSON.stringify({
    ...good,
    routeFrom: "X-Original-URI",
    resolve: whole.resolve,
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
