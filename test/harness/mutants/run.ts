import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { programPath } from "../parts.ts";
import type { Mutant } from "./mutant.ts";
import type { Verdict } from "./vitest.config.ts";

export type MutantsRun = {
  /** Servers to run on; the first has `rollcall_template`. */
  readonly postgresUrl: string;
  readonly redisUrl: string;
  /** The mutants to make. */
  readonly names: readonly string[];
};

const root = fileURLToPath(new URL("../../..", import.meta.url));
const config = fileURLToPath(new URL("vitest.config.ts", import.meta.url));

/** So many projects one vitest holds in its memory: each keeps what it has read of the house. */
const atOnceMax = 50;

/** Runs every story that a mutant is to fail, with that mutant in the sources as they are read; the files stay as they are. */
export async function runMutants(run: MutantsRun): Promise<readonly Verdict[]> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-mutants-"));
  const verdicts: Verdict[] = [];
  try {
    for (let at = 0; at < run.names.length; at += atOnceMax)
      verdicts.push(...(await runSome(run, at, path.join(directory, "report.json"))));
    return verdicts;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runSome(run: MutantsRun, at: number, report: string): Promise<readonly Verdict[]> {
  const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const child = spawn(process.execPath, [vitest, "run", "--config", config], {
    cwd: root,
    env: {
      // The very programs that this run has: a story that cannot start its Redis would fail for no merit of its own.
      PATH: programPath,
      MUTANTS_POSTGRES: run.postgresUrl,
      MUTANTS_REDIS: run.redisUrl,
      MUTANTS_REPORT: report,
      MUTANTS_ONLY: JSON.stringify(run.names.slice(at, at + atOnceMax)),
      MUTANTS_BEFORE: String(at),
      MUTANTS_ALL: String(run.names.length),
      // What a mutant lost never comes: there is no sense in waiting long for it.
      UNTIL_MS_MAX: "5000",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  const told = await readFile(report, "utf8").catch((cause: unknown) => {
    throw new Error(`vitest ended with ${code} and said nothing of the mutants`, { cause });
  });
  await rm(report);
  return (JSON.parse(told) as { verdicts: readonly Verdict[] }).verdicts;
}

/** What the story of a mutant said: the one that is named, and no other. */
export function told({ name }: Pick<Mutant, "name">, verdicts: readonly Verdict[]): readonly Verdict[] {
  return verdicts.filter((verdict) => verdict.mutant === name && verdict.state !== "skipped");
}

/** Whether the story that is to tell of a mutant did, and was heard alone. */
export function isCaught(mutant: Mutant, verdicts: readonly Verdict[]): boolean {
  const [verdict, ...others] = told(mutant, verdicts);
  return others.length === 0 && verdict?.state === "failed" && verdict.test.includes(mutant.caughtBy.test);
}
