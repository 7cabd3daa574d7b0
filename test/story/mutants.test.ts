import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { mutants } from "../harness/mutants/mutants.ts";
import { programPath } from "../harness/parts.ts";
import type { Verdict } from "../harness/mutants/vitest.config.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const config = fileURLToPath(new URL("../harness/mutants/vitest.config.ts", import.meta.url));

// Each story passes in this same run, where nothing is mutated; here it must fail.
describe("a mistake in the source is told by its story", () => {
  let verdicts: readonly Verdict[] = [];

  beforeAll(async () => {
    verdicts = await runMutants();
  }, 900_000);

  test.each(mutants)("$name", ({ name, caughtBy }) => {
    const told = verdicts.filter((verdict) => verdict.mutant === name && verdict.state !== "skipped");
    expect(told.map(({ test: story, state }) => ({ story, state }))).toEqual([
      { story: expect.stringContaining(caughtBy.test) as string, state: "failed" },
    ]);
  });
});

/** Runs every story that a mutant is to fail, with that mutant in the sources as they are read; the files stay as they are. */
async function runMutants(): Promise<readonly Verdict[]> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-mutants-"));
  const report = path.join(directory, "report.json");
  const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  try {
    const child = spawn(process.execPath, [vitest, "run", "--config", config], {
      cwd: root,
      env: {
        // The very programs that this run has: a story that cannot start its Redis would fail for no merit of its own.
        PATH: programPath,
        MUTANTS_POSTGRES: inject("postgresUrl"),
        MUTANTS_REDIS: inject("redisUrl"),
        MUTANTS_REPORT: report,
        // What a mutant lost never comes: there is no sense in waiting long for it.
        UNTIL_MS_MAX: "5000",
      },
      stdio: "ignore",
    });
    await once(child, "exit");
    return (JSON.parse(await readFile(report, "utf8")) as { verdicts: readonly Verdict[] }).verdicts;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
