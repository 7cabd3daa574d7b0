import { exportJWK, generateKeyPair } from "jose";
import { expect, test } from "vitest";
import type { IssuerOptions } from "./options.ts";
import { refusalReasons } from "./reasons.ts";
import { until } from "./testing/clock.ts";
import type { MintOptions } from "./testing/issuer.ts";
import { createScene } from "./testing/scene.ts";

const secret = new TextEncoder().encode("a secret that is long enough for HS256");

test("a valid token passes, with what it says of its bearer", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  expect(await check(await issuer.mint())).toEqual({
    allow: true,
    reason: "ok",
    iss: issuer.origin,
    sub: "ada",
    stale: false,
  });
});

type Case = {
  readonly claims?: Record<string, unknown>;
  readonly mint?: MintOptions;
  readonly issuer?: Partial<IssuerOptions>;
};

test.each<readonly [keyof typeof refusalReasons, string, Case]>([
  ["algorithm_not_allowed", "HS256 with the public key's id", { mint: { header: { alg: "HS256" }, key: secret } }],
  ["algorithm_not_allowed", "an algorithm the issuer is not configured for", { issuer: { algorithms: ["RS256"] } }],
  ["key_unknown", "a key id that is not published", { mint: { header: { kid: "key-9" } } }],
  ["type_not_allowed", "a logout token", { mint: { header: { typ: "logout+jwt" } } }],
  [
    "type_not_allowed",
    "no typ where one is wanted",
    { mint: { header: { typ: undefined } }, issuer: { types: ["at+jwt"] } },
  ],
  ["audience_wrong", "another audience", { claims: { aud: "other" } }],
  ["audience_wrong", "no audience", { claims: { aud: undefined } }],
  ["audience_wrong", "other audiences", { claims: { aud: ["x", "y"] } }],
  ["token_expired", "an exp in the past", { claims: { exp: 1_799_999_970 } }],
  ["token_expired", "no exp", { claims: { exp: undefined } }],
  ["token_not_yet_valid", "an nbf in the future", { claims: { nbf: 1_800_000_031 } }],
  ["tenant_wrong", "another tenant", { claims: { tid: "t2" }, issuer: { tenantClaim: "tid", tenant: "t1" } }],
  ["tenant_wrong", "no tenant", { issuer: { tenantClaim: "tid" } }],
  ["subject_missing", "no sub", { claims: { sub: undefined } }],
  ["subject_missing", "an empty sub", { claims: { sub: "" } }],
  ["subject_missing", "a claim every object has", { issuer: { subjectClaim: "constructor" } }],
  ["subject_malformed", "a sub of another format", { issuer: { subjectFormat: /^[0-9a-f-]{36}$/ } }],
  ["subject_malformed", "a sub that is too long", { claims: { sub: "a".repeat(256) } }],
  ["subject_malformed", "a subject that is no text", { claims: { oid: 7 }, issuer: { subjectClaim: "oid" } }],
])("%s: %s is refused", async (reason, _, { claims, mint, issuer: changes }) => {
  const { guard, issuer, options } = await createScene();
  const { check } = await guard({ issuers: [{ ...options().issuers[0]!, ...changes }] });
  expect(await check(await issuer.mint(claims, mint))).toMatchObject({ allow: false, reason, status: 401 });
});

test("token_missing: a request without a token is refused", async () => {
  const { guard } = await createScene();
  const { check } = await guard();
  expect(await check(undefined)).toEqual({ allow: false, reason: "token_missing", status: 401 });
  expect(await check("")).toEqual({ allow: false, reason: "token_missing", status: 401 });
});

test("token_malformed: what is no signed JWT is refused", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  const token = await issuer.mint();
  const critical = `${Buffer.from(JSON.stringify({ alg: "RS256", crit: ["b64"], b64: false })).toString("base64url")}.${token.split(".").slice(1).join(".")}`;
  for (const bad of [
    "x",
    "a.b",
    "a.b.c",
    `${token}.x`,
    ` ${token}`,
    `${token}\n`,
    "a".repeat(16 * 1024 + 1),
    "e30.W10.e30",
    critical,
  ]) {
    expect(await check(bad)).toEqual({ allow: false, reason: "token_malformed", status: 401 });
  }
});

test("algorithm_not_allowed: a token that says it needs no signature is refused", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  const [, payload] = (await issuer.mint()).split(".");
  for (const alg of ["none", "None", "NONE"]) {
    const header = Buffer.from(JSON.stringify({ alg, typ: "JWT" })).toString("base64url");
    expect(await check(`${header}.${payload}.`)).toMatchObject({ reason: "algorithm_not_allowed" });
  }
});

test("signature_invalid: a token of the right key id and the wrong key is refused, and none of its claims are believed", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  const { privateKey } = await generateKeyPair("ES256");
  expect(await check(await issuer.mint({}, { key: privateKey }))).toEqual({
    allow: false,
    reason: "signature_invalid",
    status: 401,
  });
});

test("signature_invalid: a key the token brings along decides nothing", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const header = { jwk: await exportJWK(publicKey), jku: `${issuer.origin}/other`, x5u: `${issuer.origin}/other` };
  expect(await check(await issuer.mint({}, { header, key: privateKey }))).toMatchObject({
    reason: "signature_invalid",
  });
  expect(issuer.answers.requests).toEqual([]);
});

test("signature_invalid: claims changed under a good signature are refused", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  const [header, , signature] = (await issuer.mint()).split(".");
  const payload = (await issuer.mint({ sub: "root" })).split(".")[1];
  expect(await check(`${header}.${payload}.${signature}`)).toMatchObject({ reason: "signature_invalid" });
});

test("issuer_unknown: a token of an issuer nobody configured is refused", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard();
  for (const iss of ["https://evil.example", `${issuer.origin}/`, undefined, 7]) {
    expect(await check(await issuer.mint({ iss }))).toEqual({ allow: false, reason: "issuer_unknown", status: 401 });
  }
});

test("an issuer's key signs for that issuer alone", async () => {
  const { guard, issuer, options } = await createScene();
  const other = await createScene();
  const foreign = { issuer: other.issuer.origin, audience: "api", jwks: other.issuer.jwks() };
  const { check } = await guard({ issuers: [...options().issuers, foreign] });
  expect(await check(await issuer.mint({ iss: other.issuer.origin }))).toMatchObject({ reason: "signature_invalid" });
  expect(await check(await other.issuer.mint())).toMatchObject({ allow: true });
});

test("the first fault in the documented order is the reason", async () => {
  const { guard, issuer, options } = await createScene();
  const { check } = await guard({ issuers: [{ ...options().issuers[0]!, tenantClaim: "tid" }] });
  const faults = { aud: "other", exp: 1, nbf: 2_000_000_000, sub: "" };
  const at = async (claims: object) => (await check(await issuer.mint({ ...claims }))).reason;
  expect(await at(faults)).toBe("audience_wrong");
  expect(await at({ ...faults, aud: "api" })).toBe("token_expired");
  expect(await at({ ...faults, aud: "api", exp: 1_800_000_300 })).toBe("token_not_yet_valid");
  expect(await at({ sub: "" })).toBe("tenant_wrong");
  expect(await at({ sub: "", tid: "t1" })).toBe("subject_missing");
});

test("a remembered token expires all the same", async () => {
  const { guard, issuer, clock, feed } = await createScene();
  const { check } = await guard({ stale: "allow" });
  const token = await issuer.mint();
  expect(await check(token)).toMatchObject({ allow: true });
  clock.advanceSec(329);
  feed.wake();
  expect(await check(token)).toMatchObject({ allow: true });
  clock.advanceSec(1);
  expect(await check(token)).toMatchObject({ reason: "token_expired", iss: issuer.origin, sub: "ada" });
});

test("tenant, subject claim, type in other letters and several audiences are read as configured", async () => {
  const { guard, issuer, options } = await createScene();
  const { check } = await guard({
    issuers: [
      { ...options().issuers[0]!, audience: ["web", "api"], tenantClaim: "tid", tenant: "t1", subjectClaim: "oid" },
    ],
  });
  const token = await issuer.mint({ tid: "t1", oid: "o-1", aud: ["x", "web"] }, { header: { typ: "AT+JWT" } });
  expect(await check(token)).toMatchObject({ allow: true, tenant: "t1", sub: "o-1" });
});

test("an issuer's keys are found by discovery, and a token without a key id is tried with each", async () => {
  const { guard, issuer } = await createScene();
  const { check } = await guard({ issuers: [{ issuer: issuer.origin, audience: "any" }] });
  expect(await check(await issuer.mint({}, { header: { kid: undefined } }))).toMatchObject({ allow: true });
  expect(issuer.answers.requests).toEqual(["/.well-known/openid-configuration", "/jwks"]);
});

test("keys_unavailable: a discovery document of another issuer brings no keys", async () => {
  const { guard, issuer, errors } = await createScene();
  issuer.answers.discovery = { issuer: "https://evil.example" };
  const { check } = await guard({ issuers: [{ issuer: issuer.origin, audience: "any" }] });
  expect(await check(await issuer.mint())).toMatchObject({ reason: "keys_unavailable", status: 503 });
  expect(errors.map(String)).toEqual([expect.stringContaining("names another issuer")]);
});

test("keys_unavailable: a redirect to keys is not followed, and the keys are taken once they come", async () => {
  const { guard, issuer } = await createScene();
  issuer.answers.status = 302;
  const { check } = await guard({
    issuers: [{ issuer: issuer.origin, audience: "any", jwksUrl: `${issuer.origin}/jwks` }],
  });
  const token = await issuer.mint();
  expect(await check(token)).toMatchObject({ reason: "keys_unavailable" });
  expect(issuer.answers.requests).not.toContain("/elsewhere");
  issuer.answers.status = 200;
  await until("the keys are fetched again", async () => (await check(token)).allow);
});

test("the last good keys serve through an outage of the issuer, for a day", async () => {
  const { guard, issuer, clock } = await createScene();
  const { check } = await guard({
    stale: "allow",
    issuers: [{ issuer: issuer.origin, audience: "any", jwksUrl: `${issuer.origin}/jwks` }],
  });
  issuer.answers.status = 500;
  clock.advanceSec(86_400);
  expect(await check(await issuer.mint())).toMatchObject({ allow: true });
  clock.advanceSec(1);
  expect(await check(await issuer.mint())).toMatchObject({ reason: "keys_unavailable" });
});

test("an unknown key id is looked up once per cooldown, however many tokens carry one", async () => {
  const { guard, issuer, clock } = await createScene();
  const { check } = await guard({
    stale: "allow",
    issuers: [{ issuer: issuer.origin, audience: "any", jwksUrl: `${issuer.origin}/jwks` }],
  });
  const before = await issuer.mint();
  expect(await check(before)).toMatchObject({ allow: true });
  await issuer.rotate();
  expect(await check(await issuer.mint())).toMatchObject({ reason: "key_unknown" });
  expect(issuer.answers.requests).toHaveLength(1);
  clock.advanceSec(30);
  const tokens = await Promise.all(
    Array.from({ length: 20 }, (_, index) => issuer.mint({}, { header: { kid: `random-${index}` } })),
  );
  await Promise.all(tokens.map(async (token) => expect(await check(token)).toMatchObject({ reason: "key_unknown" })));
  expect(issuer.answers.requests).toHaveLength(2);
  expect(await check(await issuer.mint())).toMatchObject({ allow: true });
  // The old key is gone, and with it what was remembered under it.
  expect(await check(before)).toMatchObject({ reason: "key_unknown" });
});

test("every reason has a sentence and a status", () => {
  expect(Object.keys(refusalReasons)).toHaveLength(21);
  for (const { status, meaning } of Object.values(refusalReasons)) {
    expect([401, 503]).toContain(status);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});
