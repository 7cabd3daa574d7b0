import { expect, test } from "vitest";
import { createGuard, type Guard } from "./guard.ts";
import { until } from "./testing/clock.ts";
import { createSigner, sha256, type FeedAnswer, type FeedServer } from "./testing/feed-server.ts";
import { createScene } from "./testing/scene.ts";

const seqOf = (guard: Guard) => guard.status().feed?.seq;

/** A scene whose feed holds one denial, of eve, and a guard that knows it. */
async function followed() {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const guard = await scene.guard();
  const [ada, eve] = await Promise.all([scene.issuer.mint(), scene.issuer.mint({ sub: "eve" })]);
  const reason = async (token: string) => (await guard.check(token)).reason;
  await until("the guard waits at the head", () => scene.feed.waiters() > 0);
  return { ...scene, guard, ada, eve, reason };
}

/** Changes answers to polls, which carry a checkpoint, and no others. */
function tamperPolls(feed: FeedServer, change: (answer: FeedAnswer) => FeedAnswer | Promise<FeedAnswer>): void {
  feed.told.tamper = (answer, path) =>
    path.endsWith("/changes") && answer.claims !== undefined ? change(answer) : answer;
}

test("a leaver is refused after a denial arrives, though the token was remembered", async () => {
  const { feed, issuer, ada, eve, reason } = await followed();
  expect(await reason(eve)).toBe("revoked");
  expect(await reason(ada)).toBe("ok");
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the denial is enforced", async () => (await reason(ada)) === "revoked");
  feed.publish({ iss: issuer.origin, sub: "ada", op: "allow" });
  await until("the denial is lifted", async () => (await reason(ada)) === "ok");
});

test("issued_before_revocation: a not-before refuses old tokens of a whole tenant and lets new ones pass", async () => {
  const { feed, issuer, clock, options, guard: create } = await createScene();
  const guard = await create({ issuers: [{ ...options().issuers[0]!, tenantClaim: "tid" }] });
  const old = await issuer.mint({ tid: "t1" });
  feed.publish({ iss: issuer.origin, sub: "t1", scope: "tenant", op: "nbf", nbf: clock.sec() + 1 });
  await until("the old token is refused", async () => (await guard.check(old)).reason === "issued_before_revocation");
  expect((await guard.check(await issuer.mint({ tid: "t1", iat: clock.sec() + 1 }))).allow).toBe(true);
  expect((await guard.check(await issuer.mint({ tid: "t2" }))).allow).toBe(true);
});

test("feed_stale: a frozen feed is noticed, though its answers are genuine", async () => {
  const { feed, clock, guard, reason, ada } = await followed();
  const frozen = clock.sec();
  tamperPolls(feed, (answer) => ({
    ...answer,
    claims: { ...answer.claims!, iat: frozen, as_of: frozen, exp: frozen + 30 },
  }));
  clock.advanceSec(29);
  feed.wake();
  expect(await reason(ada)).toBe("ok");
  clock.advanceSec(1);
  expect(await reason(ada)).toBe("feed_stale");
  expect(await guard.check(ada)).toMatchObject({ allow: false, status: 503, sub: "ada" });
  feed.told.tamper = undefined;
  feed.wake();
  await until("the guard sees again", async () => (await reason(ada)) === "ok");
});

test("feed_stale: a worker that is stuck makes the guard know that it is blind", async () => {
  const { feed, clock, reason, ada, eve, guard } = await followed();
  feed.told.asOf = clock.sec();
  clock.advanceSec(31);
  feed.wake();
  await until("the checkpoint is renewed", () => (guard.status().feed?.expiresAt ?? 0) > clock.sec());
  expect(guard.status().fresh).toBe(false);
  expect(await reason(ada)).toBe("feed_stale");
  expect(await reason(eve)).toBe("revoked");
});

test("a route chooses what staleness means, and a denial that is known holds in any case", async () => {
  const { guard: create, clock, feed, issuer, errors } = await createScene();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const guard = await create({
    stale: (route) => {
      if (route === "/broken") throw new Error("no such route");
      return route === "/menu" ? "allow" : "deny";
    },
  });
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  const ada = await issuer.mint();
  expect(await guard.check(ada, { route: "/menu" })).toMatchObject({ allow: true, stale: true });
  expect(await guard.check(ada, { route: "/pay" })).toMatchObject({ reason: "feed_stale" });
  expect(await guard.check(ada, { route: "/broken" })).toMatchObject({ reason: "feed_stale" });
  expect(errors.map(String)).toContainEqual(expect.stringContaining("stale function threw"));
  expect(await guard.check(await issuer.mint({ sub: "eve" }), { route: "/menu" })).toMatchObject({ reason: "revoked" });
});

test.each<[string, string, (answer: FeedAnswer, feed: FeedServer) => FeedAnswer | Promise<FeedAnswer>]>([
  ["a truncated page", "body_forged", (answer) => ({ ...answer, body: answer.body!.slice(0, -9) })],
  [
    "a page with one entry changed",
    "body_forged",
    (answer) => ({ ...answer, body: answer.body!.replace('"ada"', '"bob"') }),
  ],
  [
    "a page signed by another key",
    "checkpoint_forged",
    async (answer, feed) => ({ ...answer, jws: await feed.forge(answer.claims!) }),
  ],
  ["a page without a checkpoint", "checkpoint_missing", ({ status, body }) => ({ status, body: body! })],
  [
    "a checkpoint of another type",
    "checkpoint_forged",
    async (answer, feed) => ({ ...answer, jws: await feed.signer.sign(answer.claims!, { typ: "JWT" }) }),
  ],
  [
    "a checkpoint of another feed",
    "checkpoint_elsewhere",
    (answer) => ({ ...answer, claims: { ...answer.claims!, feed: "umbrella" } }),
  ],
  ["a checkpoint that is no JWS", "checkpoint_forged", (answer) => ({ ...answer, jws: "nonsense" })],
  ["a page rolled back", "rolled_back", (answer) => ({ ...answer, claims: { ...answer.claims!, seq: 0 } })],
  ["a page of an earlier epoch", "rolled_back", (answer) => ({ ...answer, claims: { ...answer.claims!, epoch: 6 } })],
  [
    "an answer that nothing is new, with a later checkpoint",
    "checkpoint_elsewhere",
    (answer) => ({ status: 304, claims: answer.claims! }),
  ],
  ["a page with a gap", "body_malformed", (answer) => rewrite(answer, (page) => ({ ...page, ops: [] }))],
  [
    "a page with an operation of a later version",
    "body_malformed",
    (answer) => ({ ...answer, ...resign(answer, answer.body!.replace('"deny"', '"warn"')) }),
  ],
  ["a page that is no JSON", "body_malformed", (answer) => resign(answer, "<html>")],
  ["a server error", "feed_refused", () => ({ status: 500 })],
  ["a redirect", "feed_refused", () => ({ status: 302, headers: { location: "/v1/feeds/acme/snapshot" } })],
])("%s is not followed, and what is held stays", async (_, code, change) => {
  const scene = await followed();
  tamperPolls(scene.feed, (answer) => change(answer, scene.feed));
  scene.feed.publish({ iss: scene.issuer.origin, sub: "ada" });
  await until("the answer is refused", () => scene.codes().includes(code));
  expect(await scene.reason(scene.ada)).toBe("ok");
  expect(await scene.reason(scene.eve)).toBe("revoked");
  expect(seqOf(scene.guard)).toBe(1);
  scene.feed.told.tamper = undefined;
  await until("the denial is enforced", async () => (await scene.reason(scene.ada)) === "revoked");
});

test.each<[string, string, (answer: FeedAnswer) => FeedAnswer]>([
  [
    "a line short",
    "body_malformed",
    (answer) => resign(answer, `${answer.body!.split("\n").slice(0, -2).join("\n")}\n`),
  ],
  [
    "of other entries than its digest",
    "digest_mismatch",
    (answer) => resign(answer, answer.body!.replace('"eve"', '"bob"')),
  ],
  [
    "of another point than its checkpoint",
    "body_malformed",
    (answer) => ({ ...answer, claims: { ...answer.claims!, seq: 2 } }),
  ],
  ["that is empty", "body_malformed", (answer) => resign(answer, "")],
  ["that is missing", "feed_refused", () => ({ status: 404 })],
])("a snapshot %s is refused whole, and a cold guard lets nobody pass", async (_, code, change) => {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  scene.feed.told.tamper = (answer, path) => (path.includes("/snapshots/") ? change(answer) : answer);
  const guard = await scene.guard();
  expect(scene.codes()).toEqual([code]);
  expect(guard.status()).toMatchObject({ fresh: false, feed: undefined });
  expect(await guard.check(await scene.issuer.mint())).toMatchObject({ reason: "feed_stale" });
  scene.feed.told.tamper = undefined;
  await until("the guard has a snapshot", () => guard.status().fresh);
});

test("drift is found by the digest and healed by a snapshot", async () => {
  const { feed, guard, issuer, codes, reason, ada, eve } = await followed();
  const bob = await issuer.mint({ sub: "bob" });
  // As after a fault of either: the feed means bob where the guard was told eve.
  feed.told.log[0] = { ...feed.told.log[0]!, sub: "bob" };
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("bob is refused", async () => (await reason(bob)) === "revoked");
  expect(codes()).toEqual(["digest_mismatch"]);
  expect([await reason(ada), await reason(eve)]).toEqual(["revoked", "ok"]);
  expect(guard.status()).toMatchObject({ fresh: true, feed: { seq: 2, entries: 2 } });
});

test("a genuine page of another place is not applied over a gap", async () => {
  const { feed, guard, issuer, reason, ada } = await followed();
  tamperPolls(feed, (answer) => {
    const { n: _n, digest: _digest, ...claims } = answer.claims!;
    const page = JSON.parse(answer.body ?? "{}") as { from: number; ops: object[] };
    return answer.status === 200
      ? rewrite({ ...answer, claims }, () => ({ ...page, from: page.from + 1, ops: page.ops.slice(1) }))
      : answer;
  });
  feed.publish({ iss: issuer.origin, sub: "ada" }, { iss: issuer.origin, sub: "bob" });
  await until("the guard is at the head", () => seqOf(guard) === 3);
  expect(await reason(ada)).toBe("revoked");
});

test("after a failure the guard asks for an answer at once, not for a long wait", async () => {
  const scene = await followed();
  const { feed, codes } = scene;
  const polls = () => feed.told.requests.filter((path) => path.includes("/changes"));
  const before = polls().length;
  tamperPolls(feed, () => ({ status: 500 }));
  feed.wake();
  await until("the failure is noticed", () => codes().includes("feed_refused"));
  feed.told.tamper = undefined;
  await until("the guard has polled again", () => polls().length > before);
  expect(polls()[before]).toContain("wait=0");
});

test("a cursor the feed has forgotten costs a snapshot, not a denial", async () => {
  const { feed, guard, issuer, reason, ada, eve } = await followed();
  feed.told.forgottenTo = 2;
  feed.publish({ iss: issuer.origin, sub: "ada" }, { iss: issuer.origin, sub: "bob" });
  await until("the guard is at the head", () => seqOf(guard) === 3);
  expect([await reason(ada), await reason(eve)]).toEqual(["revoked", "revoked"]);
});

test("a new epoch is followed, and an older one is not, whatever its snapshot says", async () => {
  const { feed, guard, issuer, reason, eve, codes } = await followed();
  feed.told.epoch = 8;
  feed.wake();
  await until("the guard is in the new epoch", () => guard.status().feed?.epoch === 8);
  feed.told.epoch = 7;
  feed.told.log = [];
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the old epoch is refused", () => codes().includes("rolled_back"));
  expect(guard.status().feed).toMatchObject({ epoch: 8, seq: 1 });
  expect(await reason(eve)).toBe("revoked");
});

test("pages are taken one after the other, and only the last one makes the guard fresh", async () => {
  const { feed, guard: create, clock, issuer } = await createScene();
  const guard = await create();
  feed.told.pageMax = 2;
  clock.advanceSec(31);
  feed.publish(...Array.from({ length: 7 }, (_, index) => ({ iss: issuer.origin, sub: `user-${index}` })));
  await until("the guard is fresh", () => guard.status().fresh);
  expect(guard.status().feed).toMatchObject({ seq: 7, entries: 7 });
});

test("the feed's key may be rotated, and a key that is unknown is looked up once per cooldown", async () => {
  const { feed, guard: create, options, clock, codes, issuer } = await createScene();
  const { keys: _, ...unpinned } = options().feed;
  const guard = await create({ feed: unpinned });
  const next = await createSigner("feed-2");
  feed.told.sign = next.sign;
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the new key is refused", () => codes().includes("checkpoint_forged"));
  feed.told.jwks = next.jwks;
  clock.advanceSec(30);
  await until("the new key is known", () => seqOf(guard) === 1);
  expect(feed.told.requests.filter((path) => path.endsWith("jwks.json"))).toHaveLength(2);
});

test("a feed whose clock is far ahead is followed, but not believed to be fresh", async () => {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  scene.feed.told.tamper = (answer) =>
    answer.claims === undefined
      ? answer
      : { ...answer, claims: { ...answer.claims, iat: answer.claims.iat + 3_600, exp: answer.claims.exp + 3_600 } };
  const guard = await scene.guard();
  expect(scene.codes()).toContain("clocks_disagree");
  expect((await guard.check(await scene.issuer.mint())).reason).toBe("feed_stale");
  expect((await guard.check(await scene.issuer.mint({ sub: "eve" }))).reason).toBe("revoked");
});

test("a receipt says how far the gateway is, after the load and after a change", async () => {
  const { feed, guard, issuer, reason, ada, clock } = await followed();
  await until("the load is reported", () => feed.told.receipts.length === 1);
  expect(feed.told.receipts[0]).toMatchObject({ gateway: "edge-1", epoch: 7, seq: 1, as_of: clock.sec(), entries: 1 });
  await reason(ada);
  feed.publish({ iss: issuer.origin, sub: "bob" });
  await until("the change is reported", () => feed.told.receipts.length === 2);
  expect(feed.told.receipts[1]).toMatchObject({
    seq: 2,
    entries: 2,
    digest: guard.status().feed?.digest,
    max_ttl_seen: 300,
  });
});

test("closing does not wait for the feed", async () => {
  const { guard, feed } = await followed();
  expect(feed.waiters()).toBe(1);
  const startedAt = performance.now();
  await guard.close();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

test("a guard that cannot reach its feed starts cold, and says so", async () => {
  const { options, errors, issuer, codes } = await createScene();
  const guard = createGuard({ ...options(), feed: { ...options().feed, url: "http://127.0.0.1:9/v1/feeds/acme" } });
  await guard.start();
  expect(codes()[0]).toBe("feed_unreachable");
  expect(String(errors[0])).not.toContain("feed-secret");
  expect((await guard.check(await issuer.mint())).reason).toBe("feed_stale");
  await guard.close();
});

test("hooks that throw decide nothing", async () => {
  const { guard: create, issuer, errors } = await createScene();
  const guard = await create({
    onDecision: () => {
      throw new Error("hook");
    },
  });
  expect((await guard.check(await issuer.mint())).allow).toBe(true);
  expect(errors.map(String)).toEqual(["Error: the onDecision hook threw"]);
});

function resign(answer: FeedAnswer, body: string): FeedAnswer {
  return { ...answer, body, claims: { ...answer.claims!, body_sha256: sha256(body) } };
}

function rewrite(answer: FeedAnswer, change: (page: object) => object): FeedAnswer {
  return resign(answer, JSON.stringify(change(JSON.parse(answer.body!) as object)));
}
