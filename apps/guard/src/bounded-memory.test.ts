import { expect, test } from "vitest";
import { createBoundedMemory } from "./bounded-memory.ts";

test("a full memory lets go of what was unused for longest", () => {
  const memory = createBoundedMemory<string, number>(2);
  memory.remember("a", 1);
  memory.remember("b", 2);
  memory.recall("a");
  memory.remember("c", 3);
  expect([memory.recall("a"), memory.recall("b"), memory.recall("c")]).toEqual([1, undefined, 3]);
});

test("remembering a key again takes no second place", () => {
  const memory = createBoundedMemory<string, number>(2);
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["b", 3],
    ["b", 4],
  ] as const)
    memory.remember(key, value);
  expect([memory.recall("a"), memory.recall("b")]).toEqual([1, 4]);
});
