import fc from "fast-check";
import { expect, test } from "vitest";
import { addToDigest, digestText, removeFromDigest } from "./digest.ts";
import { createRunningDigest } from "./running-digest.ts";

const entry = fc.record({
  op: fc.constantFrom("deny" as const, "nbf" as const, "allow" as const),
  scope: fc.constantFrom("sub" as const, "tenant" as const),
  iss: fc.constantFrom("a", "b"),
  sub: fc.string({ maxLength: 5 }),
  nbf: fc.integer({ min: 1, max: 9 }),
});

test("the guard's running digest is the one that the feed computes", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), fc.array(entry, { maxLength: 40 }), (added, removed) => {
      const running = createRunningDigest();
      let digest = 0n;
      for (const one of added) {
        running.add(one);
        digest = addToDigest(digest, one);
      }
      for (const one of removed) {
        running.remove(one);
        digest = removeFromDigest(digest, one);
      }
      expect(running.text()).toBe(digestText(digest));
      running.add({ op: "deny", scope: "sub", iss: "a", sub: "b", tid: "t" });
      expect(running.text()).toBe(
        digestText(addToDigest(digest, { op: "deny", scope: "sub", iss: "a", sub: "b", tid: "t" })),
      );
    }),
  );
});

test("an entry of a tenant is told from the same entry of all", () => {
  const one = { op: "deny", scope: "sub", iss: "a", sub: "b" } as const;
  expect(addToDigest(0n, one)).not.toBe(addToDigest(0n, { ...one, tid: "t" }));
});
