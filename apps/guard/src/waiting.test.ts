import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";
import type { ResolveAnswer } from "./wire.ts";

const active: ResolveAnswer = { status: "active", userId: "u1", userName: "ada", groups: [] };

/** A guard that has asked Rollcall about ada and waits for the answer, which the test gives. */
async function waiting() {
  const scene = await createScene();
  const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
  const issuers = [{ issuer: scene.issuer.origin, audience: "api", jwksUrl: `${scene.issuer.origin}/jwks` }];
  const guard = await scene.guard({ issuers, unknown: "resolve", resolve });
  let answer = (_: ResolveAnswer): void => {};
  scene.feed.told.resolve = () => new Promise((settle) => (answer = settle));
  const decision = guard.check(await scene.issuer.mint());
  await until("Rollcall is asked", () => scene.feed.told.resolves.length === 1);
  await until("the guard waits at the head", () => scene.feed.waiters() === 1);
  return { ...scene, guard, decision, answer: (given: ResolveAnswer) => answer(given) };
}

test("a token that expires while Rollcall is asked is refused", async () => {
  const { clock, decision, answer, feed, guard } = await waiting();
  clock.advanceSec(330);
  feed.wake();
  await until("the guard is fresh", () => guard.status().fresh);
  answer(active);
  expect(await decision).toMatchObject({ reason: "token_expired" });
});

test("a token whose tenant is denied while Rollcall is asked is refused", async () => {
  const { feed, issuer, decision, answer, guard } = await waiting();
  feed.publish({ iss: issuer.origin, sub: "", scope: "iss" });
  await until("the denial is known", () => guard.status().feed?.seq === 1);
  answer(active);
  expect(await decision).toMatchObject({ reason: "revoked" });
});

test("a guard that goes blind while Rollcall is asked decides as its owner chose for that", async () => {
  const { feed, clock, decision, answer } = await waiting();
  feed.told.tamper = (told, path) => (path === "/v1/resolve" ? told : { status: 500 });
  clock.advanceSec(31);
  answer(active);
  expect(await decision).toMatchObject({ reason: "feed_stale", status: 503 });
});

test("a token whose key is gone when Rollcall has answered is refused", async () => {
  const { issuer, clock, decision, answer, guard, feed } = await waiting();
  await issuer.rotate();
  clock.advanceSec(30);
  feed.wake();
  // Somebody's token of the new key makes the guard fetch the keys.
  expect(await guard.check(await issuer.mint({ aud: "other" }))).toMatchObject({ reason: "audience_wrong" });
  await until("the guard is fresh", () => guard.status().fresh);
  answer(active);
  expect(await decision).toMatchObject({ reason: "key_unknown" });
});

test("a denial that arrives while keys are fetched holds", async () => {
  const { guard: create, issuer, feed, clock } = await createScene();
  const guard = await create({
    issuers: [{ issuer: issuer.origin, audience: "api", jwksUrl: `${issuer.origin}/jwks` }],
  });
  await until("the guard waits at the head", () => feed.waiters() === 1);
  await issuer.rotate();
  clock.advanceSec(30);
  feed.wake();
  await until("the guard is fresh", () => guard.status().fresh);
  let release = (): void => {};
  issuer.answers.hold = new Promise((settle) => (release = settle));
  const decision = guard.check(await issuer.mint());
  await until("the keys are asked for", () => issuer.answers.requests.length === 2);
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the denial is known", () => guard.status().feed?.seq === 1);
  release();
  expect(await decision).toMatchObject({ reason: "revoked" });
});

test("nothing runs between a decision's moment and the decision", async () => {
  const { guard: create, feed, issuer } = await createScene();
  const guard = await create();
  const token = await issuer.mint();
  await guard.check(token);
  // Both were asked in one turn, so both are about one moment, whatever arrives before they are awaited.
  const decisions = [guard.check(token), guard.check(token)];
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the denial is known", () => guard.status().feed?.seq === 1);
  expect((await Promise.all(decisions)).map(({ allow }) => allow)).toEqual([true, true]);
  expect((await guard.check(token)).reason).toBe("revoked");
});
