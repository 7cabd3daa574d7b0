import { describe, expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";
import type { ResolveAnswer } from "./wire.ts";

const active: ResolveAnswer = { status: "active", userId: "u1", userName: "ada", groups: ["staff"] };
const user = { id: "u1", userName: "ada", groups: ["staff"] };

async function asking(stale: "deny" | "resolve" = "deny", unknown: "allow" | "resolve" = "resolve", timeoutMs = 500) {
  const scene = await createScene();
  const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token, timeoutMs };
  const guard = await scene.guard({ stale, unknown, resolve });
  return { ...scene, guard, ada: await scene.issuer.mint() };
}

test("a joiner seen for the first time is asked about once", async () => {
  const { guard, feed, issuer, ada } = await asking();
  feed.told.resolve = () => active;
  expect(await guard.check(ada)).toMatchObject({ allow: true, user, stale: false });
  expect(await guard.check(await issuer.mint({ jti: "another" }))).toMatchObject({ allow: true, user });
  // Rollcall is told who, and how long there is to find out; never the token, unless it asks for it.
  expect(feed.told.resolves).toEqual([{ iss: issuer.origin, sub: "ada", deadline_ms: 250 }]);
});

test("requests of one subject at one time share one question", async () => {
  const { guard, feed, ada } = await asking();
  feed.told.resolve = () => active;
  const decisions = await Promise.all(Array.from({ length: 20 }, () => guard.check(ada)));
  expect(decisions.every(({ allow }) => allow)).toBe(true);
  expect(feed.told.resolves).toHaveLength(1);
});

test("subject_unknown: an unknown subject is refused, and asked about again", async () => {
  const { guard, feed, ada } = await asking();
  expect(await guard.check(ada)).toMatchObject({ reason: "subject_unknown", status: 401 });
  feed.told.resolve = () => active;
  expect(await guard.check(ada)).toMatchObject({ allow: true });
});

test("a request that comes while another is being answered unknown is not refused by that answer", async () => {
  const { guard, feed, ada } = await asking();
  const answers: ((answer: ResolveAnswer) => void)[] = [];
  feed.told.resolve = () => new Promise((resolve) => answers.push(resolve));
  const early = guard.check(ada);
  await until("Rollcall is asked", () => answers.length === 1);
  // Rollcall has looked and found nobody; then the joiner is provisioned; then these come.
  const late = [guard.check(ada), guard.check(ada), guard.check(ada)];
  answers[0]?.({ status: "unknown", reason: "never_provisioned" });
  expect(await early).toMatchObject({ reason: "subject_unknown" });
  await until("Rollcall is asked anew", () => answers.length === 2);
  answers[1]?.(active);
  for (const decision of await Promise.all(late)) expect(decision).toMatchObject({ allow: true });
  expect(feed.told.resolves).toHaveLength(2);
});

test("a flood of unknown subjects costs Rollcall no more questions than there may be, and nobody is refused unasked", async () => {
  // With time enough that every question is answered, however busy the machine is.
  const { guard, feed, issuer, clock } = await asking("deny", "resolve", 15_000);
  const reasons = new Map<string, number>();
  for (let sent = 0; sent < 1_400; sent += 200) {
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, index) => issuer.mint({ sub: `${sent + index}` })),
    );
    for (const { reason } of await Promise.all(tokens.map((token) => guard.check(token))))
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  expect(feed.told.resolves).toHaveLength(1_000);
  // Whoever was not asked about is told to come back, not that they are nobody.
  expect(Object.fromEntries(reasons)).toEqual({ subject_unknown: 1_000, resolve_unavailable: 400 });

  feed.told.resolve = () => active;
  const late = await issuer.mint();
  expect(await guard.check(late)).toMatchObject({ reason: "resolve_unavailable", status: 503 });
  clock.advanceSec(1);
  expect(await guard.check(late)).toMatchObject({ allow: true });
});

describe("a user is made from the token", () => {
  const needed: ResolveAnswer = { status: "unknown", reason: "token_needed" };

  test("which goes to Rollcall only when it asks for it", async () => {
    const { guard, feed, issuer, ada } = await asking();
    feed.told.resolve = ({ token }) => (token === undefined ? needed : active);
    expect(await guard.check(ada)).toMatchObject({ allow: true, user });
    expect(feed.told.resolves).toEqual([
      { iss: issuer.origin, sub: "ada", deadline_ms: 250 },
      { iss: issuer.origin, sub: "ada", deadline_ms: 250, token: ada },
    ]);
  });

  test("which never leaves a guard whose owner keeps it", async () => {
    const scene = await createScene();
    scene.feed.told.resolve = () => needed;
    const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token, provision: false };
    const guard = await scene.guard({ unknown: "resolve", resolve });
    expect(await guard.check(await scene.issuer.mint())).toMatchObject({ reason: "subject_unknown" });
    expect(scene.feed.told.resolves.filter(({ token }) => token !== undefined)).toEqual([]);
  });

  test("claims_missing: a token that lacks claims is refused, and the log is told which", async () => {
    const { guard, feed, ada } = await asking();
    feed.told.resolve = () => ({ status: "unknown", reason: "claims_missing", claims: ["email", "name"] });
    expect(await guard.check(ada)).toMatchObject({ reason: "claims_missing", status: 401, claims: ["email", "name"] });
    feed.told.resolve = () => active;
    expect(await guard.check(ada)).toMatchObject({ allow: true });
  });
});

test("subject_denied: a denied subject is refused, and asked about again", async () => {
  const { guard, feed, ada } = await asking();
  feed.told.resolve = () => ({ status: "denied", reason: "admin_suspended" });
  expect(await guard.check(ada)).toMatchObject({ reason: "subject_denied", status: 401 });
  feed.told.resolve = () => active;
  expect(await guard.check(ada)).toMatchObject({ allow: true });
});

test.each<[string, () => never | Promise<undefined> | ResolveAnswer]>([
  ["cannot answer", () => Promise.resolve(undefined)],
  ["answers in a way nobody understands", () => ({ status: "maybe" }) as unknown as ResolveAnswer],
  ["answers without a user", () => ({ status: "active" }) as unknown as ResolveAnswer],
  ["answers too late", () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2_000).unref())],
])("resolve_unavailable: nobody passes while Rollcall %s", async (_, answer) => {
  const { guard, feed, ada, errors } = await asking();
  feed.told.resolve = answer;
  expect(await guard.check(ada)).toMatchObject({ reason: "resolve_unavailable", status: 503 });
  expect(errors).toHaveLength(1);
  feed.told.resolve = () => active;
  expect(await guard.check(ada)).toMatchObject({ allow: true });
});

test("whatever the feed says of a subject makes the guard ask again", async () => {
  const { guard, feed, issuer, ada } = await asking();
  feed.told.resolve = () => active;
  await guard.check(ada);
  feed.publish({ iss: issuer.origin, sub: "ada" }, { iss: issuer.origin, sub: "ada", op: "allow" });
  await until("the entries are applied", () => guard.status().feed?.seq === 2);
  feed.told.resolve = () => ({ status: "unknown", reason: "gone" });
  expect(await guard.check(ada)).toMatchObject({ reason: "subject_unknown" });
});

test("a denial that arrives while Rollcall is asked holds", async () => {
  const { guard, feed, issuer, ada } = await asking();
  feed.told.resolve = async () => {
    feed.publish({ iss: issuer.origin, sub: "ada" });
    await until("the denial is applied", () => guard.status().feed?.seq === 1);
    return active;
  };
  expect(await guard.check(ada)).toMatchObject({ reason: "revoked" });
});

test("an answer that the feed has overtaken is not remembered", async () => {
  const { guard, feed, issuer, ada } = await asking();
  feed.told.resolve = async () => {
    feed.publish({ iss: issuer.origin, sub: "ada" }, { iss: issuer.origin, sub: "ada", op: "allow" });
    await until("the entries are applied", () => guard.status().feed?.seq === 2);
    return active;
  };
  expect(await guard.check(ada)).toMatchObject({ allow: true });
  feed.told.resolve = () => ({ status: "unknown", reason: "gone" });
  expect(await guard.check(ada)).toMatchObject({ reason: "subject_unknown" });
});

test("an answer is used for five minutes, as its groups are not in the feed", async () => {
  const { guard, feed, issuer, clock } = await asking("deny");
  feed.told.resolve = () => active;
  await guard.check(await issuer.mint());
  clock.advanceSec(299);
  feed.wake();
  await until("the guard is fresh", () => guard.status().fresh);
  await guard.check(await issuer.mint());
  expect(feed.told.resolves).toHaveLength(1);
  clock.advanceSec(1);
  await guard.check(await issuer.mint());
  expect(feed.told.resolves).toHaveLength(2);
});

test("a stale guard that asks never answers from memory", async () => {
  const { guard, feed, ada, clock } = await asking("resolve");
  feed.told.resolve = () => active;
  expect(await guard.check(ada)).toMatchObject({ allow: true, stale: false });
  feed.told.tamper = (answer, path) => (path === "/v1/resolve" ? answer : { status: 500 });
  clock.advanceSec(31);
  expect(await guard.check(ada)).toMatchObject({ allow: true, user, stale: true });
  feed.told.resolve = () => ({ status: "denied", reason: "idp_inactive" });
  expect(await guard.check(ada)).toMatchObject({ reason: "subject_denied" });
  expect(feed.told.resolves).toHaveLength(3);
});

test("a cold guard that asks when stale serves whom Rollcall knows", async () => {
  const scene = await createScene();
  scene.feed.told.tamper = (answer, path) => (path === "/v1/resolve" ? answer : { status: 500 });
  scene.feed.told.resolve = () => active;
  const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
  const guard = await scene.guard({ stale: "resolve", resolve });
  expect(await guard.check(await scene.issuer.mint())).toMatchObject({ allow: true, stale: true });
});
