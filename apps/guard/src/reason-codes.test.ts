import { readFile } from "node:fs/promises";
import { generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import type { Decision } from "./decision.ts";
import { feedFaults } from "./feed-error.ts";
import type { GuardOptions, IssuerOptions } from "./options.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import { until } from "./testing/clock.ts";
import { createScene, type Scene } from "./testing/scene.ts";

const page = await readFile(new URL("../../../docs/reason-codes.md", import.meta.url), "utf8");

describe("the page of reason codes", () => {
  test("has every reason, with its status and sentence, and no other", () => {
    const sections = [...page.matchAll(/^### `(\w+)`\n\n(\d+)\. (.+)\n\n(.+)\n/gm)];
    const written = sections.map(([, code, status, meaning]) => ({ code, status: Number(status), meaning }));
    const real = Object.entries(refusalReasons).map(([code, row]) => ({ code, ...row }));
    expect(new Set(written)).toEqual(new Set(real));
    expect(page.match(/^### /gm)).toHaveLength(real.length);
  });

  test("says what to do about each", () => {
    const sections = page.split("\n# Faults")[0]?.split(/^### /m).slice(1) ?? [];
    expect(sections.filter((section) => !section.includes("*Do:*"))).toEqual([]);
    expect(sections).toHaveLength(Object.keys(refusalReasons).length);
  });

  test("has every fault, and no other", () => {
    const written = [...page.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, code]) => code);
    expect(new Set(written)).toEqual(new Set(feedFaults));
    expect(written).toHaveLength(feedFaults.length);
  });
});

type Case = {
  readonly issuer?: (scene: Scene) => Partial<IssuerOptions>;
  readonly options?: (scene: Scene) => Partial<GuardOptions>;
  readonly before?: (scene: Scene) => void | Promise<void>;
  readonly token?: (scene: Scene) => Promise<string> | string | undefined;
};

const resolving = ({ feed }: Scene): Partial<GuardOptions> => ({
  unknown: "resolve",
  resolve: { url: feed.resolveUrl, token: feed.token },
});

/** How each reason comes about; a new reason without a row is a type error. */
const cases = {
  token_missing: { token: () => undefined },
  token_malformed: { token: () => "nonsense" },
  issuer_unknown: { token: ({ issuer }) => issuer.mint({ iss: "https://stranger.example" }) },
  algorithm_not_allowed: { issuer: () => ({ algorithms: ["RS256"] }) },
  key_unknown: { token: ({ issuer }) => issuer.mint({}, { header: { kid: "unheard-of" } }) },
  keys_unavailable: {
    issuer: ({ issuer }) => ({ jwks: undefined, jwksUrl: `${issuer.origin}/jwks` }),
    before: ({ issuer }) => void (issuer.answers.status = 500),
  },
  signature_invalid: {
    token: async ({ issuer }) => issuer.mint({}, { key: (await generateKeyPair("ES256")).privateKey }),
  },
  type_not_allowed: { issuer: () => ({ types: ["at+jwt"] }) },
  audience_wrong: { issuer: () => ({ audience: "other" }) },
  token_expired: { token: ({ issuer }) => issuer.mint({ exp: 1 }) },
  token_not_yet_valid: { token: ({ issuer, clock }) => issuer.mint({ nbf: clock.sec() + 60 }) },
  tenant_wrong: { issuer: () => ({ tenantClaim: "tid" }) },
  subject_missing: { issuer: () => ({ subjectClaim: "oid" }) },
  subject_malformed: { issuer: () => ({ subjectFormat: /^\d+$/ }) },
  revoked: { before: ({ feed, issuer }) => feed.publish({ iss: issuer.origin, sub: "ada" }) },
  issued_before_revocation: {
    before: ({ feed, issuer, clock }) =>
      feed.publish({ iss: issuer.origin, sub: "ada", op: "nbf", nbf: clock.sec() + 1 }),
  },
  subject_unknown: { options: resolving },
  subject_denied: {
    options: resolving,
    before: ({ feed }) => void (feed.told.resolve = () => ({ status: "denied", reason: "admin_suspended" })),
  },
  feed_stale: { before: ({ feed }) => void (feed.told.tamper = () => ({ status: 500 })) },
  resolve_unavailable: {
    options: resolving,
    before: ({ feed }) => void (feed.told.resolve = () => Promise.resolve(undefined)),
  },
} satisfies Record<RefusalReason, Case>;

async function decide({ issuer, options, before, token }: Case): Promise<{ decision: Decision; scene: Scene }> {
  const scene = await createScene();
  await before?.(scene);
  const issuers = [{ ...scene.options().issuers[0]!, ...issuer?.(scene) }];
  const guard = await scene.guard({ issuers, ...options?.(scene) });
  if (scene.feed.told.tamper === undefined) await until("the guard is fresh", () => guard.status().fresh);
  const presented = token === undefined ? await scene.issuer.mint() : await token(scene);
  return { decision: await guard.check(presented), scene };
}

test.each(Object.entries(cases) as [RefusalReason, Case][])(
  "%s comes about, with its status",
  async (reason, given) => {
    const { decision } = await decide(given);
    expect(decision).toMatchObject({ allow: false, reason, status: refusalReasons[reason].status });
  },
);
