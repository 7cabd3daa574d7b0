import { expect, test } from "vitest";
import type { FeedEvent } from "./following.ts";
import { createGuard } from "./guard.ts";
import { renderMetrics } from "./metrics.ts";
import { refusalReasons } from "./reasons.ts";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";

test("decisions, tokens, faults and what is held are counted", async () => {
  const scene = await createScene();
  const { feed, issuer, clock } = scene;
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const guard = await scene.guard({ stale: "allow" });
  const [ada, eve] = await Promise.all([issuer.mint(), issuer.mint({ sub: "eve" })]);
  for (const token of [ada, ada, ada, eve, undefined]) await guard.check(token);
  clock.advanceSec(5);
  expect(guard.metrics()).toMatchObject({
    decisions: { ok: 3, revoked: 1, token_missing: 1, token_expired: 0 },
    allowedStale: 0,
    faults: {},
    tokens: { remembered: 2, recalled: 2, verified: 2 },
    feed: { fresh: true, entries: 1, ageSec: 5 },
    subjects: undefined,
    issuers: [{ issuer: issuer.origin, keys: 1, keysAgeSec: undefined }],
  });
  await until("the guard waits at the head", () => feed.waiters() === 1);
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  feed.wake();
  await until("the failure is counted", () => (guard.metrics().faults["feed_refused"] ?? 0) > 0);
  await guard.check(ada);
  expect(guard.metrics()).toMatchObject({ allowedStale: 1, feed: { fresh: false, ageSec: 36 } });
});

test("every reason is counted from the start, so that a rise from zero is seen", async () => {
  const scene = await createScene();
  const { decisions } = createGuard(scene.options()).metrics();
  expect(decisions).toEqual(Object.fromEntries(["ok", ...Object.keys(refusalReasons)].map((reason) => [reason, 0])));
});

test("metrics are written as Prometheus reads them", async () => {
  const scene = await createScene();
  const guard = await scene.guard();
  await guard.check(undefined);
  const text = renderMetrics({ ...guard.metrics(), faults: { 'a"b\\c\nd': 2 } });
  expect(text).toContain('rollcall_guard_revocation_checks_total{result="token_missing"} 1\n');
  expect(text).toContain('rollcall_guard_feed_fresh{feed="revocations"} 1\n');
  expect(text).toContain('rollcall_guard_feed_entries{feed="revocations"} 0\n');
  expect(text).toContain('rollcall_guard_feed_errors_total{code="a\\"b\\\\c\\nd"} 2\n');
  expect(text).toContain("rollcall_guard_tokens_remembered 0\n");
  for (const line of text.trimEnd().split("\n"))
    expect(line).toMatch(
      /^(# (HELP|TYPE) rollcall_guard_\w+ .+|rollcall_guard_\w+(\{\w+="([^"\\\n]|\\.)*"\})? -?[\d.e+-]+)$/,
    );
});

test("whoever watches the feed is told of each answer that was taken, and a watcher that throws stops nothing", async () => {
  const scene = await createScene();
  const events: FeedEvent[] = [];
  const guard = await scene.guard({
    onFeed: (event) => {
      events.push(event);
      throw new Error("hook");
    },
  });
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" }, { iss: scene.issuer.origin, sub: "bob" });
  await until("the page is taken", () => guard.status().feed?.seq === 2);
  expect(events[0]).toMatchObject({ feed: "revocations", epoch: 7, seq: 0, entries: 0, applied: undefined });
  expect(events).toContainEqual(expect.objectContaining({ seq: 0, applied: 0 }));
  expect(events.at(-1)).toMatchObject({ seq: 2, entries: 2, applied: 2 });
  expect(scene.errors.map(String)).toContain("Error: the onFeed hook threw");
});

test("each decision is told with its request, and its reason never reaches the caller", async () => {
  const scene = await createScene();
  const told: unknown[] = [];
  const guard = await scene.guard({ onDecision: (decision, request) => told.push([decision.reason, request.route]) });
  await guard.check(undefined, { route: "/orders" });
  await guard.check("nonsense");
  expect(told).toEqual([
    ["token_missing", "/orders"],
    ["token_malformed", undefined],
  ]);
});
