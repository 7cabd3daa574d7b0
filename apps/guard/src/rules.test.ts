import { describe, expect, test } from "vitest";
import { GuardConfigError, type IssuerOptions } from "./options.ts";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";
import { audience, createMint, judged, nowSec, verifierOf } from "./testing/token-mint.ts";

const mint = createMint("ES256");
const jwks = { keys: [mint.jwk] };
const template = "https://login.example/{tid}/v2.0";
const tenants = ["0f1e2d3c-aaaa-bbbb-cccc-0123456789ab", "contoso.example"];
const entra: IssuerOptions = { issuer: template, audience, jwks, tenants, subjectClaim: "oid" };

function issuedBy(tid: unknown, claims: Record<string, unknown> = {}): string {
  const iss = `https://login.example/${String(tid)}/v2.0`;
  return mint.token(mint.header, { ...mint.claims, iss, tid, oid: "o-1", ...claims });
}

describe("an issuer's template", () => {
  const verifier = verifierOf(jwks, entra);

  test("stands for the issuer of each tenant, and the tenant is the token's", () => {
    for (const tid of tenants) {
      const judgement = verifier.verify(issuedBy(tid), nowSec * 1_000, false);
      expect(judgement).toMatchObject({
        subject: { iss: `https://login.example/${tid}/v2.0`, tenant: tid, sub: "o-1" },
      });
    }
  });

  test("does not stand for a tenant that is not named, and any may be only where that was said", () => {
    expect(judged(verifier, issuedBy("stranger"))).toBe("tenant_wrong");
    expect(judged(verifierOf(jwks, { ...entra, tenants: "any" }), issuedBy("stranger"))).toBe("ok");
    expect(judged(verifierOf(jwks, { ...entra, tenants: undefined, tenant: "stranger" }), issuedBy("stranger"))).toBe(
      "ok",
    );
  });

  test("is not satisfied by a claim and an issuer that name different tenants, or by no claim", () => {
    expect(judged(verifier, issuedBy(tenants[0], { tid: tenants[1] }))).toBe("tenant_wrong");
    expect(judged(verifier, issuedBy(tenants[0], { tid: undefined }))).toBe("tenant_wrong");
  });

  test("is not stretched: a tenant is one part of a path", () => {
    const at = (iss: string) => judged(verifier, mint.token(mint.header, { ...mint.claims, iss, tid: "x", oid: "o" }));
    for (const iss of [
      "https://login.example//v2.0",
      "https://login.example/a/b/v2.0",
      "https://login.example/a%2fb/v2.0",
      "https://login.example/a?x=/v2.0",
      "https://login.example/a#/v2.0",
      "https://login.example/\u0430/v2.0",
      "https://login.example/v2.0",
      "https://login.example/{tid}/v2.0",
      "https://login.example/a/v2.0/",
      "https://evil.example/a/v2.0",
      `https://login.example/${"a".repeat(129)}/v2.0`,
    ])
      expect(at(iss)).toBe("issuer_unknown");
  });

  test("gives way to an issuer that is configured as it is", async () => {
    const { guard: create, options } = await createScene();
    const exact = { issuer: `https://login.example/${tenants[0]}/v2.0`, audience: "other", jwks };
    const guard = await create({ ...options(), issuers: [entra, exact], now: () => nowSec * 1_000 });
    expect((await guard.check(issuedBy(tenants[0]))).reason).toBe("audience_wrong");
    expect(await guard.check(issuedBy(tenants[1]))).toMatchObject({ allow: true });
  });

  test.each([
    ["two claims", "https://login.example/{tid}/{x}", {}],
    ["a brace too many", "https://login.example/{tid}}/", {}],
    ["nothing but a claim", "{iss}", {}],
    ["no tenants said", template, { tenants: undefined }],
    ["no place for keys", template, { jwks: undefined }],
    ["another claim for the tenant", template, { tenantClaim: "org" }],
    ["tenants and one tenant", template, { tenant: "a" }],
    ["no tenants in the list", template, { tenants: [] }],
  ])("with %s is a problem", (_, issuer, changes) => {
    expect(() => verifierOf(jwks, { ...entra, issuer, ...(changes as Partial<IssuerOptions>) })).toThrow(
      GuardConfigError,
    );
  });
});

test("tenants may be named without a template, and then need their claim", () => {
  const named = verifierOf(jwks, { tenantClaim: "org", tenants: ["a", "b"] });
  const of = (org: unknown) => judged(named, mint.token(mint.header, { ...mint.claims, org }));
  expect(["a", "b", "c", "", undefined, ["a"]].map(of)).toEqual([
    "ok",
    "ok",
    "tenant_wrong",
    "tenant_wrong",
    "tenant_wrong",
    "tenant_wrong",
  ]);
  expect(() => verifierOf(jwks, { tenants: ["a"] })).toThrow(GuardConfigError);
});

test("a revocation of one tenant's issuer leaves the others' alone", async () => {
  const { guard: create, options, feed, clock } = await createScene();
  const guard = await create({ ...options(), issuers: [{ ...entra, tenants: "any" }] });
  const token = (tid: string) => issuedBy(tid, { iat: clock.sec(), exp: clock.sec() + 300 });
  feed.publish({ iss: "https://login.example/a/v2.0", sub: "o-1" });
  await until("the denial is enforced", async () => (await guard.check(token("a"))).reason === "revoked");
  expect(await guard.check(token("b"))).toMatchObject({ allow: true, tenant: "b" });
});

describe("a service account", () => {
  const rules: IssuerOptions["services"] = [
    { claim: "gty", equals: "client-credentials" },
    { claim: "idtyp", equals: "app" },
    { claim: "preferred_username", prefix: "service-account-" },
    { clientIds: ["nightly-report"] },
  ];
  const told = [
    { gty: "client-credentials" },
    { idtyp: "app" },
    { preferred_username: "service-account-x" },
    { client_id: "nightly-report" },
    { azp: "nightly-report" },
  ];
  const people = [
    {},
    { gty: "password" },
    { gty: ["client-credentials"] },
    { preferred_username: "my-service-account-x" },
    { client_id: "portal" },
    { azp: "portal", client_id: "nightly-report" },
  ];

  async function guarded() {
    const scene = await createScene();
    const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
    const issuers = [{ ...scene.options().issuers[0]!, services: rules, subjectFormat: /^[a-z]{3}$/ }];
    const feed = { ...scene.options().feed, subjects: true, subjectKey: scene.feed.subjectKey };
    const guard = await scene.guard({ issuers, unknown: "resolve", resolve, feed });
    return { ...scene, guard };
  }

  test("is told by its issuer's rules, and never looked up as a person", async () => {
    const { guard, issuer, feed } = await guarded();
    for (const claims of told)
      expect(await guard.check(await issuer.mint({ ...claims, sub: "report@clients" }))).toEqual({
        allow: true,
        reason: "ok",
        iss: issuer.origin,
        sub: "report@clients",
        service: true,
        stale: false,
      });
    expect(feed.told.resolves).toEqual([]);
  });

  test("is nobody's disguise: a person is looked up", async () => {
    const { guard, issuer, feed } = await guarded();
    for (const claims of people)
      expect(await guard.check(await issuer.mint(claims))).toMatchObject({ reason: "subject_unknown" });
    expect(feed.told.resolves).toHaveLength(people.length);
  });

  test("is refused when it is revoked", async () => {
    const { guard, issuer, feed } = await guarded();
    const token = await issuer.mint({ gty: "client-credentials", sub: "report@clients" });
    feed.publish({ iss: issuer.origin, sub: "report@clients" });
    await until("the denial is known", () => guard.status().feed?.seq === 1);
    expect((await guard.check(token)).reason).toBe("revoked");
  });

  test("cannot be asked about, so a guard that asks while blind refuses it", async () => {
    const scene = await createScene();
    const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
    const issuers = [{ ...scene.options().issuers[0]!, services: rules }];
    const guard = await scene.guard({ issuers, stale: "resolve", resolve });
    scene.feed.told.tamper = () => ({ status: 500 });
    scene.clock.advanceSec(31);
    expect(await guard.check(await scene.issuer.mint({ idtyp: "app" }))).toMatchObject({ reason: "feed_stale" });
    expect(scene.feed.told.resolves).toEqual([]);
  });

  test.each([
    ["a rule without a claim", [{ equals: "x" }]],
    ["a rule that says two things", [{ claim: "x", equals: "x", prefix: "y" }]],
    ["a rule that says nothing", [{ claim: "x" }]],
    ["an empty prefix, which is everybody's", [{ claim: "sub", prefix: "" }]],
    ["no clients", [{ clientIds: [] }]],
    ["no list", "gty"],
  ])("by %s is a problem", (_, services) => {
    expect(() => verifierOf(jwks, { services: services as never })).toThrow(GuardConfigError);
  });
});

test("a token that does not say when it was issued counts as oldest", async () => {
  const { guard: create, feed, issuer, clock } = await createScene();
  const guard = await create();
  const [undated, dated] = await Promise.all([issuer.mint({ iat: undefined }), issuer.mint({ iat: clock.sec() })]);
  expect([(await guard.check(undated)).allow, (await guard.check(dated)).allow]).toEqual([true, true]);
  feed.publish({ iss: issuer.origin, sub: "ada", op: "nbf", nbf: 1 });
  await until("the cut is known", () => guard.status().feed?.seq === 1);
  expect((await guard.check(undated)).reason).toBe("issued_before_revocation");
  expect((await guard.check(dated)).allow).toBe(true);
});
