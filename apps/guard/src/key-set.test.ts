import type { JWK } from "jose";
import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";
import { createMint, judged, verifierOf } from "./testing/token-mint.ts";
import { createKeySet } from "./key-set.ts";

const es256 = createMint("ES256");

test("a key that cannot be used does not keep the others from serving", () => {
  const broken: JWK[] = [
    { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA", kid: "broken" },
    { kty: "EC", crv: "secp256k1", x: "AAAA", y: "AAAA", kid: "curve" },
    { kty: "unheard-of", kid: "kty" },
    null as never,
    "key" as never,
    [] as never,
  ];
  expect(judged(verifierOf({ keys: [...broken.slice(0, 3), es256.jwk] }), es256.token())).toBe("ok");
  expect(createKeySet({ keys: [...broken, es256.jwk] }).find({ alg: "ES256", kid: es256.jwk.kid })).toHaveLength(1);
});

test("a key that says it is for something else is not used", () => {
  for (const changes of [
    { use: "enc" },
    { key_ops: ["sign"] },
    { key_ops: ["verify", "verify"] },
    { key_ops: "verify" },
    { alg: "ES384" },
    { ext: "yes" },
  ])
    expect(judged(verifierOf({ keys: [{ ...es256.jwk, ...(changes as object) }] }), es256.token())).toBe("key_unknown");
  const { use: _use, alg: _alg, ...plain } = es256.jwk;
  for (const changes of [{}, { key_ops: ["verify"] }, { key_ops: ["sign", "verify"] }, { ext: true }])
    expect(judged(verifierOf({ keys: [{ ...plain, ...changes }] }), es256.token())).toBe("ok");
});

test("two keys of one id are nobody's, unless their algorithms tell them apart", () => {
  const twin = createMint("ES256", es256.jwk.kid);
  expect(judged(verifierOf({ keys: [es256.jwk, twin.jwk] }), es256.token())).toBe("key_unknown");
  const other = createMint("ES384", es256.jwk.kid);
  expect(judged(verifierOf({ keys: [es256.jwk, other.jwk] }), es256.token())).toBe("ok");
});

test("a token without a key id is tried with each key, but not with so many that it keeps a gateway busy", () => {
  const others = Array.from({ length: 8 }, (_, at) => createMint("ES256", `other-${at}`).jwk);
  const { kid: _, ...header } = es256.header;
  expect(judged(verifierOf({ keys: [...others.slice(0, 7), es256.jwk] }), es256.token(header))).toBe("ok");
  expect(judged(verifierOf({ keys: [...others, es256.jwk] }), es256.token(header))).toBe("key_unknown");
});

test("a key set without keys, or with more than a hundred, is refused", () => {
  expect(() => createKeySet({ keys: [] })).toThrow("no keys");
  expect(() => createKeySet({ keys: Array.from({ length: 101 }, () => es256.jwk) })).toThrow("more than 100");
  expect(() => createKeySet({} as never)).toThrow("no keys");
});

test.each([
  ["empty", { keys: [] }],
  ["larger than it may be", { keys: [{ ...es256.jwk, x5c: ["A".repeat(600_000)] }] }],
  ["of too many keys", { keys: Array.from({ length: 101 }, () => es256.jwk) }],
])("a key set that is %s replaces none that is held", async (_, jwks) => {
  const { guard: create, issuer, errors, clock, feed } = await createScene();
  const guard = await create({
    issuers: [{ issuer: issuer.origin, audience: "api", jwksUrl: `${issuer.origin}/jwks` }],
  });
  await until("the guard waits at the head", () => feed.waiters() === 1);
  issuer.answers.jwks = jwks;
  clock.advanceSec(30);
  feed.wake();
  await until("the guard is fresh", () => guard.status().fresh);
  expect((await guard.check(await issuer.mint({}, { header: { kid: "unheard-of" } }))).reason).toBe("keys_unavailable");
  expect(errors).toHaveLength(1);
  expect((await guard.check(await issuer.mint())).allow).toBe(true);
});

test("a refused key verifies nothing: not by its id, not for a token that names none, not under another id", () => {
  const other = createMint("ES256", "other");
  const { kid } = es256.jwk;
  const verifier = verifierOf({ keys: [es256.jwk, { ...es256.jwk, kid: "twin" }, other.jwk] }, { refusedKeys: [kid!] });
  for (const header of [es256.header, { ...es256.header, kid: "twin" }, { ...es256.header, kid: undefined }])
    expect(judged(verifier, es256.token(header))).toMatch(/^(key_unknown|signature_invalid)$/);
  expect(judged(verifier, es256.token({ ...es256.header, kid: other.jwk.kid! }))).toBe("signature_invalid");
  expect(judged(verifier, other.token())).toBe("ok");
});

test("a stolen key is refused though the issuer goes on publishing it, and the issuer's next key is not", async () => {
  const { issuer, options, clock, guard: create } = await createScene();
  const { jwks: _, ...listed } = options().issuers[0]!;
  const issuers = [{ ...listed, jwksUrl: `${issuer.origin}/jwks`, refusedKeys: ["key-1"] }];
  const guard = await create({ issuers, stale: "allow" });
  expect(await guard.check(await issuer.mint())).toMatchObject({ reason: "key_unknown", status: 401 });
  const stolen = issuer.jwks().keys;
  await issuer.rotate();
  issuer.answers.jwks = { keys: [...stolen, ...issuer.jwks().keys] };
  clock.advanceSec(31);
  expect(await guard.check(await issuer.mint())).toMatchObject({ allow: true });
});
