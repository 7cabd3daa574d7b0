import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import type { Reporter, TestModule, VitestPluginContext } from "vitest/node";
import { testFileOf } from "./mutant.ts";
import { mutants, mutate } from "./mutants.ts";

/** What one mutant's story said. */
export type Verdict = {
  readonly mutant: string;
  readonly test: string;
  readonly state: string;
  readonly errors: readonly string[];
};

const root = fileURLToPath(new URL("../../..", import.meta.url));
const conditions = ["rollcall-source", "node"];
// Fifty projects read the same sources, and only one file of each is its own. A cached mutant would be handed to
// whoever reads that file next, so that file is never cached, and the cache is this run's alone.
const fsModuleCache = true;
const { MUTANTS_POSTGRES = "", MUTANTS_REDIS = "", MUTANTS_REPORT = "", MUTANTS_ONLY = "[]" } = process.env;
const { MUTANTS_BEFORE = "0", MUTANTS_ALL = "0" } = process.env;
const only = JSON.parse(MUTANTS_ONLY) as readonly string[];
const wanted = mutants.filter(({ name }) => only.includes(name));
let ended = Number(MUTANTS_BEFORE);

const fsModuleCachePath = path.join(path.dirname(MUTANTS_REPORT), "modules");

const reporter: Reporter = {
  onTestModuleEnd: (module) => {
    ended += 1;
    const caught = [...module.children.allTests("failed")].length === 1;
    process.stderr.write(
      `${String(ended).padStart(4)}/${MUTANTS_ALL}  ${caught ? "caught " : "SURVIVED"}  ${module.project.name}\n`,
    );
  },
  onTestRunEnd: (modules: readonly TestModule[], unhandled) => {
    const verdicts = modules.flatMap((module): readonly Verdict[] => {
      const faults = module.errors().map(({ message }) => message);
      // A story that failed has told, and what it left running may keep the house from closing after it.
      const hasTold = [...module.children.allTests("failed")].length > 0;
      if (faults.length > 0 && !hasTold)
        return [{ mutant: module.project.name, test: "", state: "broken", errors: faults }];
      return [...module.children.allTests()].map((test) => {
        const { state, errors } = test.result();
        return {
          mutant: module.project.name,
          test: test.fullName,
          state,
          errors: (errors ?? []).map(({ message }) => message),
        };
      });
    });
    writeFileSync(MUTANTS_REPORT, JSON.stringify({ verdicts, unhandled: unhandled.map(({ message }) => message) }));
  },
};

/** One project for each mutant: the house's own sources and stories, with one mistake made while they are read. */
export default defineConfig({
  root,
  test: {
    projects: wanted.map((mutant) => ({
      root,
      ssr: { resolve: { conditions } },
      resolve: { conditions },
      plugins: [
        {
          name: "mutate",
          enforce: "pre" as const,
          configureVitest: ({ defineCacheKeyGenerator }: VitestPluginContext) => {
            defineCacheKeyGenerator(({ id }) => (id === `${root}${mutant.file}` ? false : undefined));
          },
          load: (id: string) => (id === `${root}${mutant.file}` ? mutate(readFileSync(id, "utf8"), mutant) : undefined),
        },
      ],
      test: {
        name: mutant.name,
        include: [testFileOf(mutant)],
        setupFiles: ["test/harness/mutants/only.ts"],
        provide: {
          postgresUrl: MUTANTS_POSTGRES,
          redisUrl: MUTANTS_REDIS,
          onlyTest: mutant.caughtBy.test,
          mutant: mutant.name,
        },
        fsModuleCache,
        fsModuleCachePath,
        testTimeout: 30_000,
        hookTimeout: 30_000,
      },
    })),
    fsModuleCache,
    fsModuleCachePath,
    maxWorkers: 2,
    reporters: [reporter],
  },
});
