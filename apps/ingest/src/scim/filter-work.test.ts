import { Session } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { DirectoryError } from "@rollcall/core/domain";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseFilter } from "./filter.ts";
import { parsePath } from "./path.ts";
import { userSchema } from "./schema.ts";

const bytesMax = 8 * 1024;
const session = new Session();
beforeAll(async () => {
  // What the compiler inlines is not counted any more.
  setFlagsFromString("--no-opt");
  setFlagsFromString("--no-maglev");
  setFlagsFromString("--no-sparkplug");
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
});
afterAll(() => session.disconnect());

const words = [
  "userName",
  "emails",
  "emails.value",
  "active",
  "and",
  "or",
  "not",
  "eq",
  "pr",
  "(",
  ")",
  "[",
  "]",
  '"',
  '"a"',
  "\\",
  ".",
  ":",
  "true",
  " ",
  "\t",
  "urn:ietf:params:scim:schemas:core:2.0:User",
  "name[givenName pr]",
];
const piece = fc.oneof(
  fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(" ")),
  fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 6 }).map((parts) => parts.join("")),
  fc.string({ minLength: 1, maxLength: 4 }),
);
const whole = fc.tuple(fc.constantFrom("", "active pr or ", 'userName eq "', "not (", "emails["), piece);

test.each([
  ["a filter", (text: string) => parseFilter(userSchema, text)],
  ["a path", (text: string) => parsePath(userSchema, text)],
])("%s of twice the length takes at most twice the work, whatever it is made of", async (_name, parse) => {
  await fc.assert(
    fc.asyncProperty(whole, async ([start, part]) => {
      const works: number[] = [];
      for (const length of [bytesMax / 4, bytesMax / 2, bytesMax]) {
        const text = `${start}${part.repeat(Math.ceil(length / part.length))}`.slice(0, length);
        works.push(await workOf(() => parse(text)));
      }
      const [quarter = 0, half = 0, full = 0] = works;
      // What is the same for every text, such as finding the first attribute.
      const constant = 2_000;
      expect([start, part, half <= 2 * quarter + constant, full <= 2 * half + constant]).toEqual([
        start,
        part,
        true,
        true,
      ]);
    }),
    { numRuns: 40 },
  );
});

/**
 * How often the parsers' busiest block of code is entered: a loop counts once for each turn. The
 * blocks' number does not grow with the text, so this grows as the whole does; their sum would jump,
 * for V8 reports neighbours that were entered equally often as one.
 */
async function workOf(parse: () => unknown): Promise<number> {
  await session.post("Profiler.takePreciseCoverage");
  try {
    parse();
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
  }
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const ours = result.filter(({ url }) => /\/scim\/(?:filter|filter-literal|path|schema)\.ts/.test(url));
  const counts = ours.flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges.map(({ count }) => count)));
  return Math.max(0, ...counts);
}

test("the work is counted: a longer filter takes more of it", async () => {
  const [short, long] = [
    await workOf(() => parseFilter(userSchema, " ".repeat(100) + "active pr")),
    await workOf(() => parseFilter(userSchema, " ".repeat(8_000) + "active pr")),
  ];
  expect(short).toBeGreaterThan(100);
  expect(long).toBeGreaterThan(40 * short);
});
