import { expect, test } from "vitest";
import { GuardConfigError, type GuardOptions } from "./options.ts";
import { settle } from "./settings.ts";

const jwks = { keys: [{ kty: "OKP", crv: "Ed25519", x: "AAAA" }] };
const good: GuardOptions = {
  issuers: [{ issuer: "https://idp.example", audience: "api" }],
  feed: { url: "https://rollcall.example/v1/feeds/acme", token: "secret", gateway: "edge-1" },
  stale: "deny",
  unknown: "allow",
};
const issuer = good.issuers[0]!;

function problems(options: unknown): readonly string[] {
  try {
    settle(options as GuardOptions);
    return [];
  } catch (error) {
    if (error instanceof GuardConfigError) return error.problems;
    throw error;
  }
}

test("options that say what must be said are taken", () => {
  expect(problems(good)).toEqual([]);
  expect(settle(good).feed).toMatchObject({
    name: "acme",
    keysUrl: "https://rollcall.example/.well-known/jwks.json",
    waitSec: 25,
  });
  expect(settle(good).issuers[0]).toMatchObject({ toleranceSec: 30, subjectClaim: "sub", keys: { kind: "discovery" } });
});

test("a guard cannot be built by someone who has not chosen what to do when blind", () => {
  const { stale: _, ...undecided } = good;
  expect(problems(undecided)).toEqual([expect.stringMatching(/^stale: .*no default/)]);
});

test("a guard cannot be built by someone who has not chosen what to do with the unknown", () => {
  const { unknown: _, ...undecided } = good;
  expect(problems(undecided)).toEqual([expect.stringMatching(/^unknown: .*no default/)]);
});

test("a guard that follows all tenants is told whose each issuer's tokens are, or it would let every leaver in", () => {
  const feed = { ...good.feed, url: "https://rollcall.example/v1/feeds/_all" };
  const needed = [expect.stringMatching(/^issuers: .*_all/)];
  expect(problems({ ...good, feed })).toEqual(needed);
  expect(problems({ ...good, feed, issuers: [{ ...issuer, tenant: "acme" }] })).toEqual([]);
  expect(problems({ ...good, feed, issuers: [{ ...issuer, tenantClaim: "org" }] })).toEqual([]);
  expect(
    problems({
      ...good,
      feed,
      issuers: [
        { ...issuer, tenant: "acme" },
        { ...issuer, issuer: "https://other.example" },
      ],
    }),
  ).toEqual(needed);
});

test("everything that is wrong is said at once", () => {
  const found = problems({
    issuers: [
      { issuer: "", jwks, audience: "api", algorithms: ["HS256", "none"] },
      {
        issuer: "https://idp.example",
        clockToleranceSec: 61,
        jwks,
        jwksUrl: "https://idp.example/jwks",
        subjectFormat: /a/g,
      },
    ],
    feed: { url: "ftp://rollcall.example", token: "", gateway: "", waitSec: -1 },
    unknown: "resolve",
  });
  expect(found.map((problem) => problem.split(":")[0])).toEqual([
    "issuers[0].issuer",
    "issuers[0].algorithms",
    "issuers[0].algorithms",
    "issuers[1].audience",
    "issuers[1].subjectFormat",
    "issuers[1].jwks",
    "issuers[1].clockToleranceSec",
    "feed.url",
    "feed.token",
    "feed.gateway",
    "feed.waitSec",
    "stale",
    "resolve",
  ]);
});

test.each(["HS256", "HS384", "HS512", "none", "dir", "rs256"])("the algorithm %s is never allowed", (algorithm) => {
  expect(problems({ ...good, issuers: [{ ...issuer, algorithms: ["RS256", algorithm] }] })).toHaveLength(1);
});

test.each([
  ["no issuer", { issuers: [] }],
  ["no issuers at all", { issuers: undefined }],
  ["no feed", { feed: undefined }],
  ["an issuer twice", { issuers: [issuer, issuer] }],
  ["any audience in a list", { issuers: [{ ...issuer, audience: ["any"] }] }],
  ["no audience", { issuers: [{ ...issuer, audience: [] }] }],
  ["a refused key that stands alone", { issuers: [{ ...issuer, refusedKeys: "key-1" as never }] }],
  ["a refused key without an id", { issuers: [{ ...issuer, refusedKeys: [""] }] }],
  ["an issuer without keys that is no URL", { issuers: [{ ...issuer, issuer: "acme" }] }],
  ["a feed URL with a password", { feed: { ...good.feed, url: "https://a:b@rollcall.example/v1/feeds/acme" } }],
  ["a feed URL with a query", { feed: { ...good.feed, url: "https://rollcall.example/v1/feeds/acme?x=1" } }],
  ["a feed URL without a feed", { feed: { ...good.feed, url: "https://rollcall.example/" } }],
  ["empty pinned keys", { feed: { ...good.feed, keys: { keys: [] } } }],
  ["a resolve without a token", { resolve: { url: "https://rollcall.example/v1/resolve", token: "" } }],
  [
    "a resolve that takes forever",
    { resolve: { url: "https://rollcall.example/v1/resolve", token: "x", timeoutMs: 1e9 } },
  ],
  ["an unknown stale choice", { stale: "maybe" }],
  ["resolve without saying where", { stale: "resolve" }],
])("%s is a problem", (_, changes) => {
  expect(problems({ ...good, ...changes })).toHaveLength(1);
});
