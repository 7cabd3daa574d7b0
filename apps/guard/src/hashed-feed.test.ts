import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";

/** A guard that follows a feed whose subjects are hashed; eve is denied. */
async function hashed() {
  const scene = await createScene();
  scene.feed.told.hashed = true;
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const feed = { ...scene.options().feed, subjectKey: scene.feed.subjectKey };
  const guard = await scene.guard({ feed });
  const reason = async (claims: Record<string, unknown>) => (await guard.check(await scene.issuer.mint(claims))).reason;
  return { ...scene, guard, reason };
}

test("a leaver is refused, though the feed names nobody", async () => {
  const { reason, feed, issuer, guard } = await hashed();
  expect([await reason({ sub: "eve" }), await reason({ sub: "ada" })]).toEqual(["revoked", "ok"]);
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the page is taken", () => guard.status().feed?.seq === 2);
  expect(await reason({ sub: "ada" })).toBe("revoked");
  feed.publish({ iss: issuer.origin, sub: "eve", op: "allow" });
  await until("the denial is lifted", () => guard.status().feed?.seq === 3);
  expect(await reason({ sub: "eve" })).toBe("ok");
});

test("sessions and tokens are hashed as users are, tenants and issuers are not", async () => {
  const { reason, feed, issuer, guard } = await hashed();
  feed.publish(
    { iss: issuer.origin, sub: "s-1", scope: "sid" },
    { iss: issuer.origin, sub: "j-1", scope: "jti" },
    { iss: "https://other.example", sub: "", scope: "iss" },
  );
  await until("the page is taken", () => guard.status().feed?.seq === 4);
  expect([
    await reason({ sid: "s-1" }),
    await reason({ jti: "j-1" }),
    await reason({ sid: "j-1", jti: "s-1" }),
  ]).toEqual(["revoked", "revoked", "ok"]);
});

test.each([
  ["without the feed's key", undefined, "subject_key_missing"],
  ["with another key", Buffer.alloc(32, 1).toString("base64url"), "subject_key_wrong"],
])("%s a guard stays cold rather than match nobody", async (_, subjectKey, code) => {
  const { guard: create, feed, issuer, codes, options } = await createScene();
  feed.told.hashed = true;
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const guard = await create({ feed: { ...options().feed, subjectKey } });
  expect(codes()).toContain(code);
  expect(guard.status().feed).toBeUndefined();
  expect((await guard.check(await issuer.mint({ sub: "eve" }))).reason).toBe("feed_stale");
});

test("a feed that begins to hash its subjects is followed by a guard that has the key", async () => {
  const { guard: create, feed, issuer, options } = await createScene();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const guard = await create({ feed: { ...options().feed, subjectKey: feed.subjectKey } });
  const token = await issuer.mint({ sub: "eve" });
  expect((await guard.check(token)).reason).toBe("revoked");
  feed.told.hashed = true;
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("a snapshot is taken", () => guard.status().feed?.seq === 2);
  expect((await guard.check(token)).reason).toBe("revoked");
  expect((await guard.check(await issuer.mint())).reason).toBe("revoked");
});

test("whatever a hashed feed says of a subject makes the guard ask about it again", async () => {
  const scene = await createScene();
  const { feed, issuer } = scene;
  feed.told.hashed = true;
  feed.told.resolve = ({ sub }) => ({ status: "active", userId: sub, userName: sub, groups: [] });
  const guard = await scene.guard({
    unknown: "resolve",
    resolve: { url: feed.resolveUrl, token: feed.token },
    feed: { ...scene.options().feed, subjectKey: feed.subjectKey },
  });
  const [ada, bob] = [await issuer.mint(), await issuer.mint({ sub: "bob" })];
  for (const token of [ada, bob, ada, bob]) await guard.check(token);
  expect(feed.told.resolves).toHaveLength(2);
  feed.publish({ iss: issuer.origin, sub: "ada" }, { iss: issuer.origin, sub: "ada", op: "allow" });
  await until("the entries are applied", () => guard.status().feed?.seq === 2);
  for (const token of [ada, bob]) await guard.check(token);
  expect(feed.told.resolves.map(({ sub }) => sub)).toEqual(["ada", "bob", "ada"]);
});
