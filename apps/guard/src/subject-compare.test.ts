import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createScene } from "./testing/scene.ts";

test("a leaver is refused however the token spells the subject, where subjects compare without case", async () => {
  const { feed, issuer, options, guard: create } = await createScene();
  const guard = await create({ issuers: [{ ...options().issuers[0]!, subjectCompare: "casefold" }] });
  const tokens = await Promise.all(["ada@x.test", "Ada@X.test", "ADA@X.TEST"].map((sub) => issuer.mint({ sub })));
  const other = await issuer.mint({ sub: "adam@x.test" });
  feed.publish({ iss: issuer.origin, sub: "ada@x.test" });
  for (const token of tokens)
    await until("the leaver is refused", async () => (await guard.check(token)).reason === "revoked");
  expect((await guard.check(other)).allow).toBe(true);
});
