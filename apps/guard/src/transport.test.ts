import { expect, test } from "vitest";
import type { FeedOptions } from "./options.ts";
import { createGuard } from "./guard.ts";
import { until } from "./testing/clock.ts";
import { createFeedServer, sha256 } from "./testing/feed-server.ts";
import { createScene, type Scene } from "./testing/scene.ts";

/** A guard that takes the feed in some way, with ada's token. */
async function taking(changes: Partial<FeedOptions>) {
  const scene = await createScene();
  const guard = await scene.guard({ feed: { ...scene.options().feed, ...changes } });
  const ada = await scene.issuer.mint();
  const reason = async () => (await guard.check(ada)).reason;
  return { ...scene, guard, reason };
}

const asked = (scene: Pick<Scene, "feed">, route: string) =>
  scene.feed.told.requests.filter((path) => path.includes(route));

test("a stream brings a denial without another poll", async () => {
  const scene = await taking({ transport: "stream" });
  await until("the stream is open", () => scene.feed.waiters() === 1);
  const polls = asked(scene, "/changes").length;
  scene.feed.publish({ iss: scene.issuer.origin, sub: "ada" });
  await until("the denial is enforced", async () => (await scene.reason()) === "revoked");
  scene.feed.publish({ iss: scene.issuer.origin, sub: "ada", op: "allow" });
  await until("the denial is lifted", async () => (await scene.reason()) === "ok");
  expect(asked(scene, "/changes")).toHaveLength(polls);
  expect(asked(scene, "/stream")).toEqual([expect.stringContaining("since=7-0")]);
});

test("a stream's checkpoints keep a guard fresh while nothing happens", async () => {
  const { clock, feed, guard, reason } = await taking({ transport: "stream" });
  await until("the stream is open", () => feed.waiters() === 1);
  clock.advanceSec(31);
  expect(await reason()).toBe("feed_stale");
  feed.wake();
  await until("the guard is fresh", () => guard.status().fresh);
  expect(await reason()).toBe("ok");
});

test("a page in a stream that was changed on its way is refused, and the denial comes all the same", async () => {
  const { feed, issuer, codes, guard, reason } = await taking({ transport: "stream" });
  await until("the stream is open", () => feed.waiters() === 1);
  feed.told.tamper = (answer) => ({
    ...answer,
    ...(answer.body === undefined ? {} : { body: answer.body.replace("ada", "bob") }),
  });
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the page is refused", () => codes().includes("body_forged"));
  expect(guard.status().feed).toMatchObject({ seq: 0 });
  feed.told.tamper = undefined;
  await until("the denial is enforced", async () => (await reason()) === "revoked");
});

test("a stream that ends is opened again from where it ended, and one of a forgotten cursor costs a snapshot", async () => {
  const scene = await taking({ transport: "stream" });
  const { feed, issuer, guard } = scene;
  await until("the stream is open", () => feed.waiters() === 1);
  feed.publish({ iss: issuer.origin, sub: "bob" });
  await until("the page is taken", () => guard.status().feed?.seq === 1);
  feed.told.epoch = 8;
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the guard is in the new epoch", () => guard.status().feed?.epoch === 8);
  expect(await scene.reason()).toBe("revoked");
});

test("where the feed has no stream, a guard that wants one polls", async () => {
  const scene = await createScene();
  scene.feed.told.streams = false;
  const guard = await scene.guard({ feed: { ...scene.options().feed, transport: "stream" } });
  await until("the guard waits at the head", () => scene.feed.waiters() === 1);
  scene.feed.publish({ iss: scene.issuer.origin, sub: "ada" });
  const ada = await scene.issuer.mint();
  await until("the denial is enforced", async () => (await guard.check(ada)).reason === "revoked");
  expect(asked(scene, "/stream")).toHaveLength(1);
  expect(scene.codes()).toEqual([]);
});

test("short polls never wait, and bring a denial with the next one", async () => {
  const scene = await taking({ transport: "short-poll", pollSec: 1 });
  scene.feed.publish({ iss: scene.issuer.origin, sub: "ada" });
  await until("the denial is enforced", async () => (await scene.reason()) === "revoked");
  expect(asked(scene, "/changes").every((path) => path.includes("wait=0"))).toBe(true);
  expect(asked(scene, "/changes").length).toBeLessThan(10);
});

test("a feed that asks for a pause is given it", async () => {
  const scene = await taking({});
  const { feed, issuer } = scene;
  await until("the guard waits at the head", () => feed.waiters() === 1);
  feed.told.tamper = (answer, path) => {
    if (!path.endsWith("/changes") || answer.body === undefined) return answer;
    const body = answer.body.replace('"poll_after_ms":0', '"poll_after_ms":1500');
    return { ...answer, body, claims: { ...answer.claims!, body_sha256: sha256(body) } };
  };
  const startedAt = performance.now();
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the page is taken", async () => (await scene.reason()) === "revoked");
  const polls = asked(scene, "/changes").length;
  await until("the guard polls again", () => asked(scene, "/changes").length > polls);
  expect(performance.now() - startedAt).toBeGreaterThan(1_300);
});

/** A feed, and a relay that serves what the feed does until it is told to do otherwise. */
async function relayed() {
  const scene = await createScene();
  const relay = await createFeedServer(scene.clock);
  relay.told.sign = scene.feed.signer.sign;
  relay.told.log = scene.feed.told.log;
  const feed = { ...scene.options().feed, relays: [{ url: relay.url, token: relay.token }] };
  return { ...scene, relay, options: () => ({ ...scene.options(), feed }), done: relay.close };
}

test("a relay is asked first, is shown its own token alone, and gets no receipts", async () => {
  const { relay, feed, options, guard: create, done } = await relayed();
  const guard = await create({ feed: { ...options().feed, token: "the feed's own" } });
  await until("the guard waits at the relay", () => relay.waiters() === 1);
  expect(guard.status().fresh).toBe(true);
  expect(new Set(relay.told.shown)).toEqual(new Set([`Bearer ${relay.token}`]));
  expect(feed.told.requests.filter((path) => !path.endsWith("/receipts"))).toEqual([]);
  await until("a receipt is sent", () => feed.told.requests.some((path) => path.endsWith("/receipts")));
  expect(relay.told.receipts).toEqual([]);
  await done();
});

test("a relay without a token is shown none", async () => {
  const { relay, options, guard: create, feed, done } = await relayed();
  await create({ feed: { ...options().feed, relays: [{ url: relay.url }] } });
  expect(relay.told.shown).toContain(undefined);
  expect(relay.told.shown.join(" ")).not.toContain(feed.token);
  await done();
});

test("a frozen relay is left for the feed before the guard is blind", async () => {
  const { relay, feed, options, guard: create, clock, issuer, done } = await relayed();
  const guard = await create({ feed: options().feed });
  await until("the guard waits at the relay", () => relay.waiters() === 1);
  const frozen = clock.sec();
  relay.told.log = [...relay.told.log];
  relay.told.tamper = (answer) =>
    answer.claims === undefined
      ? answer
      : { ...answer, claims: { ...answer.claims, iat: frozen, as_of: frozen, exp: frozen + 30 } };
  feed.publish({ iss: issuer.origin, sub: "ada" });
  clock.advanceSec(16);
  relay.wake();
  const ada = await issuer.mint();
  await until("the denial is enforced", async () => (await guard.check(ada)).reason === "revoked");
  expect(guard.status().fresh).toBe(true);
  await done();
});

test("a relay that is down, or that forges, costs nothing but a try", async () => {
  for (const fault of ["down", "forges"] as const) {
    const { relay, feed, options, guard: create, issuer, codes, done } = await relayed();
    if (fault === "down") relay.told.tamper = () => ({ status: 502 });
    else relay.told.sign = relay.signer.sign;
    const guard = await create({ feed: options().feed });
    feed.publish({ iss: issuer.origin, sub: "ada" });
    const ada = await issuer.mint();
    await until("the denial is enforced", async () => (await guard.check(ada)).reason === "revoked");
    expect(codes()[0]).toBe(fault === "down" ? "feed_refused" : "checkpoint_forged");
    await done();
  }
});

test("keys come from the feed itself, never from a relay", async () => {
  const { relay, feed, options, guard: create, done } = await relayed();
  const { keys: _, ...unpinned } = options().feed;
  await create({ feed: unpinned });
  expect(feed.told.requests).toContain("/.well-known/jwks.json");
  expect(relay.told.requests).not.toContain("/.well-known/jwks.json");
  await done();
});

test("a clock that is turned back an hour does not make an old checkpoint young", async () => {
  const scene = await createScene();
  let uptimeMs = 0;
  const guard = createGuard({ ...scene.options(), uptimeMs: () => uptimeMs });
  await guard.start();
  const ada = await scene.issuer.mint();
  expect((await guard.check(ada)).reason).toBe("ok");
  scene.feed.told.tamper = () => ({ status: 500 });
  scene.clock.advanceSec(-3_600);
  uptimeMs += 31_000;
  const young = await scene.issuer.mint();
  expect((await guard.check(young)).reason).toBe("feed_stale");
  await guard.close();
});

test("a checkpoint seen before proves nothing about now, whatever the clock says", async () => {
  const scene = await createScene();
  let uptimeMs = 0;
  const guard = createGuard({ ...scene.options(), uptimeMs: () => uptimeMs });
  await guard.start();
  await until("the guard waits at the head", () => scene.feed.waiters() === 1);
  const frozen = scene.clock.sec();
  let replays = 0;
  scene.feed.told.tamper = (answer) => {
    replays += 1;
    return answer.claims === undefined
      ? answer
      : { ...answer, claims: { ...answer.claims, iat: frozen, as_of: frozen, exp: frozen + 30 } };
  };
  scene.clock.advanceSec(-50);
  uptimeMs += 31_000;
  scene.feed.wake();
  await until("the old checkpoint is replayed", () => replays > 1);
  expect(guard.status().fresh).toBe(false);
  await guard.close();
});

test.each([3_600, -3_600])("a gateway whose clock is %i seconds off is never fresh, and says why", async (offSec) => {
  const scene = await createScene();
  const guard = await scene.guard({ now: () => scene.clock.now() + offSec * 1_000 });
  const code = offSec > 0 ? "checkpoint_expired" : "clocks_disagree";
  await until("the fault is told", () => scene.codes().includes(code));
  expect(guard.status().fresh).toBe(false);
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  await until("the feed is followed all the same", () => guard.status().feed?.seq === 1);
  const iat = scene.clock.sec() + offSec;
  const mint = (sub: string) => scene.issuer.mint({ sub, iat, exp: iat + 300 });
  expect((await guard.check(await mint("ada"))).reason).toBe("feed_stale");
  expect((await guard.check(await mint("eve"))).reason).toBe("revoked");
});
