import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";

test.each([
  ["that lives for 260 years", { exp: 9_999_999_999 }],
  ["whose exp is in milliseconds", { exp: 1_763_812_800_000 }],
  ["that lives longer than a number can say", { exp: 1.7e308, iat: -1.7e308 }],
])("a receipt tells of a token %s as of the longest that a feed can note", async (_how, claims) => {
  const { feed, guard: create, issuer } = await createScene();
  const guard = await create();
  await until("the load is reported", () => feed.told.receipts.length === 1);
  expect((await guard.check(await issuer.mint(claims))).reason).toBe("ok");
  feed.publish({ iss: issuer.origin, sub: "bob" });
  await until("the change is reported", () => feed.told.receipts.length === 2);
  expect(feed.told.receipts[1]).toMatchObject({ max_ttl_seen: 2_147_483_647 });
});
