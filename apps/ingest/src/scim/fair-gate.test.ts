import { expect, test } from "vitest";
import { createFairGate, type Leave } from "./fair-gate.ts";

/** Lets several in by name, and notes the order in which they got in. */
function visitors(places: number) {
  const gate = createFairGate(places);
  const inside: string[] = [];
  const leaves = new Map<string, Leave>();
  const come = (key: string, name: string): void => {
    void gate.enter(key).then((leave) => {
      inside.push(name);
      leaves.set(name, leave);
    });
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { gate, inside, come, settled, leave: (name: string) => leaves.get(name)?.() };
}

test("whoever comes while there is room waits for nobody", async () => {
  const { inside, come, settled } = visitors(2);
  come("a", "a1");
  come("a", "a2");
  come("a", "a3");
  await settled();
  expect(inside).toEqual(["a1", "a2"]);
});

test("a crowd of one key delays another key by one turn, however large it is", async () => {
  const { inside, come, settled, leave } = visitors(1);
  for (let nth = 1; nth <= 100; nth += 1) come("crowd", `c${nth}`);
  come("other", "o1");
  come("other", "o2");
  await settled();
  for (const name of ["c1", "c2", "o1", "c3", "o2", "c4"]) {
    leave(name);
    await settled();
  }
  expect(inside).toEqual(["c1", "c2", "o1", "c3", "o2", "c4", "c5"]);
});

test("a place that is given back twice is given to one", async () => {
  const { gate, inside, come, settled, leave } = visitors(1);
  for (const name of ["a1", "a2", "a3"]) come("a", name);
  await settled();
  leave("a1");
  leave("a1");
  await settled();
  expect(inside).toEqual(["a1", "a2"]);
  expect(gate.waiting("a")).toBe(1);
});
