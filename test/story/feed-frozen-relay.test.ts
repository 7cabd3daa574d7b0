import { createScene } from "@rollcall/guard/testing";
import { expect, test } from "vitest";
import { startCachingRelay } from "../harness/caching-relay.ts";
import { nginx } from "../harness/gateway-programs.ts";
import { until } from "../harness/until.ts";

const polling = { transport: "short-poll", pollSec: 1 } as const;

/** A feed that denies eve, and in front of it a relay that never asks again what it was told once. */
async function openFrozen() {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const relay = await startCachingRelay(scene.feed.origin, "frozen");
  const url = `${relay}/v1/feeds/acme`;
  const behind = { ...scene.options().feed, ...polling, url };
  const mint = (sub: string) => scene.issuer.mint({ sub, iat: scene.clock.sec(), exp: scene.clock.sec() + 7_200 });
  const [ada, eve] = await Promise.all([mint("ada"), mint("eve")]);
  /** Whether the relay still answers, from what it holds. */
  const lastAnswer = async () => {
    const answer = await fetch(`${url}/changes?since=7-1&wait=0`, {
      headers: { authorization: `Bearer ${scene.feed.token}` },
    });
    return [answer.status, answer.headers.get("x-cache")];
  };
  return { ...scene, behind, url, lastAnswer, tokens: { ada, eve } };
}

test.skipIf(nginx.isSkipped)(
  "behind a relay that repeats old answers, with the feed gone, a gateway knows that it is blind, and what it knew holds",
  async () => {
    const { guard: create, behind, feed, issuer, clock, tokens, lastAnswer, codes } = await openFrozen();
    const guard = await create({ feed: behind });
    await until("the guard is fresh", () => guard.status().fresh);
    await until("the relay repeats itself", async () => (await lastAnswer())[1] === "HIT");
    feed.publish({ iss: issuer.origin, sub: "ada" });
    await feed.close();

    // What nobody can know yet: how long that may last is what the feed promises, and no longer.
    clock.advanceSec(29);
    expect((await guard.check(tokens.ada)).reason).toBe("ok");
    clock.advanceSec(1);
    expect(await guard.check(tokens.ada)).toMatchObject({ allow: false, reason: "feed_stale", status: 503 });
    expect(await guard.check(tokens.eve)).toMatchObject({ allow: false, reason: "revoked" });
    await until("the guard is told what was wrong", () => codes().includes("checkpoint_expired"));
    expect(await lastAnswer()).toEqual([304, "HIT"]);
    expect(guard.status()).toMatchObject({ fresh: false, feed: { seq: 1, entries: 1 } });
  },
);

test.skipIf(nginx.isSkipped)("a frozen relay is left for the feed before it costs a leaver's refusal", async () => {
  const { guard: create, options, behind, url, feed, issuer, clock, tokens } = await openFrozen();
  const relays = [{ url, token: feed.token }];
  const guard = await create({ feed: { ...behind, url: options().feed.url, relays } });
  await until("the guard is fresh", () => guard.status().fresh);
  feed.publish({ iss: issuer.origin, sub: "ada" });
  clock.advanceSec(16);
  await until("the leaver is refused", async () => (await guard.check(tokens.ada)).reason === "revoked");
  expect(guard.status().fresh).toBe(true);
});

test.skipIf(nginx.isSkipped)(
  "a gateway that starts behind a relay whose feed died an hour ago lets nobody in, and still knows the leavers of then",
  async () => {
    const { guard: create, behind, feed, clock, tokens, lastAnswer } = await openFrozen();
    const warm = await create({ feed: behind });
    await until("the relay holds all of it", async () => warm.status().fresh && (await lastAnswer())[1] === "HIT");
    await feed.close();
    clock.advanceSec(3_600);
    const cold = await create({ feed: behind });
    expect(cold.status()).toMatchObject({ fresh: false, feed: { seq: 1, entries: 1 } });
    expect((await cold.check(tokens.ada)).reason).toBe("feed_stale");
    expect((await cold.check(tokens.eve)).reason).toBe("revoked");
  },
);
