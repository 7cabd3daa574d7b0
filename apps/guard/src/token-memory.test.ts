import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTokenMemory, type Rememberable } from "./token-memory.ts";

type Note = Rememberable & { readonly note: number };

/** Tokens that end alike, so that they crowd in the memory. */
const crowded = (key: number): string => `${"x".repeat(key)}.the-same-sixteen-letters`;

test("whatever is remembered, recalled and forgotten, no token is taken for another", () => {
  const step = fc.record({
    key: fc.integer({ min: 0, max: 30 }),
    act: fc.constantFrom("remember", "recall", "forget"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (steps, countMax) => {
      const memory = createTokenMemory<Note>(countMax);
      const last = new Map<number, number>();
      for (const [at, { key, act }] of steps.entries()) {
        if (act === "remember") {
          memory.remember({ token: crowded(key), note: at });
          last.set(key, at);
        } else if (act === "forget") {
          memory.forget(crowded(key));
          last.delete(key);
        } else {
          const found = memory.recall(crowded(key));
          if (found !== undefined) expect(found.note).toBe(last.get(key));
          else if (countMax > 31) expect(last.has(key)).toBe(false);
        }
        expect(memory.size()).toBeLessThanOrEqual(countMax);
      }
    }),
  );
});

test("a full memory keeps what is used and lets go of what is not", () => {
  const memory = createTokenMemory<Note>(1_000);
  const used = Array.from({ length: 500 }, (_, key) => `used-${key}-${randomBytes(12).toString("hex")}`);
  for (const [key, token] of used.entries()) memory.remember({ token, note: key });
  for (let key = 0; key < 20_000; key += 1) {
    memory.remember({ token: `once-${key}-${randomBytes(12).toString("hex")}`, note: key });
    memory.recall(used[key % used.length] as string);
  }
  expect(used.filter((token) => memory.recall(token) === undefined)).toEqual([]);
  expect(memory.size()).toBe(1_000);
});

test("long tokens take the place of several", () => {
  const memory = createTokenMemory<Note>(10);
  for (let key = 0; key < 10; key += 1) memory.remember({ token: "x".repeat(8_000) + key, note: key });
  expect(memory.size()).toBe(2);
  expect(memory.recall(`${"x".repeat(8_000)}9`)?.note).toBe(9);
});

test("a memory of nothing remembers nothing", () => {
  const memory = createTokenMemory<Note>(0);
  memory.remember({ token: "token", note: 1 });
  expect([memory.recall("token"), memory.size()]).toEqual([undefined, 0]);
});
