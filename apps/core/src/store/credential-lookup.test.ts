import { expect, test } from "vitest";
import { createLookup } from "./credential-lookup.ts";

/** A lookup on a clock of the test's own, which counts what is asked of the database. */
function scene(known: readonly string[] = [], absentMs = 10_000) {
  const living = new Set(known);
  const asked: string[] = [];
  let nowMs = 1_000_000;
  const lookup = createLookup(
    async (id) => {
      asked.push(id);
      await Promise.resolve();
      return living.has(id) ? { id } : undefined;
    },
    () => nowMs,
    absentMs,
  );
  return { lookup, living, asked, pass: (ms: number) => (nowMs += ms) };
}

const refusal = expect.objectContaining({ code: "unavailable" });

test("what is found is asked about once a second, however often and however many ask", async () => {
  const { lookup, asked, pass } = scene(["a"]);
  await Promise.all(Array.from({ length: 100 }, () => lookup.find("a")));
  expect(asked).toHaveLength(1);
  pass(999);
  await lookup.find("a");
  expect(asked).toHaveLength(1);
  pass(1);
  await lookup.find("a");
  expect(asked).toHaveLength(2);
});

test("what ends is believed for no more than a second", async () => {
  const { lookup, living, pass } = scene(["a"]);
  expect(await lookup.find("a")).toEqual({ id: "a" });
  living.delete("a");
  pass(1_000);
  expect(await lookup.find("a")).toBeUndefined();
});

test("what ends is believed for no longer because the clock was put back", async () => {
  const { lookup, living, pass } = scene(["a"]);
  expect(await lookup.find("a")).toEqual({ id: "a" });
  expect(await lookup.find("b")).toBeUndefined();
  living.delete("a");
  living.add("b");
  pass(-3_600_000);
  expect(await lookup.find("a")).toBeUndefined();
  expect(await lookup.find("b")).toEqual({ id: "b" });
});

test("what is not there is asked about once while that is believed", async () => {
  const { lookup, living, asked, pass } = scene([]);
  for (let nth = 0; nth < 100; nth += 1) expect(await lookup.find("a")).toBeUndefined();
  expect(asked).toEqual(["a"]);
  living.add("a");
  pass(10_000);
  expect(await lookup.find("a")).toEqual({ id: "a" });
});

test("a flood of invented ids costs the database a thousand look-ups a second, and holds up nobody known", async () => {
  const { lookup, living, asked, pass } = scene(["a"]);
  await lookup.find("a");
  const flood = async (prefix: string, count: number) => {
    const answers = await Promise.allSettled(Array.from({ length: count }, (_, nth) => lookup.find(`${prefix}${nth}`)));
    return answers.filter(({ status }) => status === "rejected").length;
  };
  expect(await flood("x", 50_000)).toBe(49_001);
  expect(asked).toHaveLength(1_000);
  await expect(lookup.find("new")).rejects.toEqual(refusal);

  // Whoever was found before is looked up among them, also when it is time to ask again.
  pass(1_000);
  expect(await flood("y", 50_000)).toBe(49_000);
  expect(await lookup.find("a")).toEqual({ id: "a" });
  expect(asked).toHaveLength(2_001);

  living.add("new");
  pass(1);
  expect(await lookup.find("new")).toEqual({ id: "new" });
});

test("a failure is nobody's absence", async () => {
  let fails = true;
  const lookup = createLookup(
    () => (fails ? Promise.reject(new Error("away")) : Promise.resolve("here")),
    () => 0,
    10_000,
  );
  await expect(lookup.find("a")).rejects.toThrow("away");
  fails = false;
  expect(await lookup.find("a")).toBe("here");
});
