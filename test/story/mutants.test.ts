import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { testFileOf } from "../harness/mutants/mutant.ts";
import { mutate, mutants } from "../harness/mutants/mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

// `npm run mutants` makes each and runs its story, which takes a quarter of an hour for all of them.
describe("a mistake in the source can be made where it is said to be, and has a story that is to tell of it", () => {
  test.each(mutants)("$name", (mutant) => {
    const source = readFileSync(`${root}${mutant.file}`, "utf8");
    expect(mutate(source, mutant)).not.toBe(source);
    expect(existsSync(`${root}${testFileOf(mutant)}`)).toBe(true);
  });

  test("no two are called alike", () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });
});
