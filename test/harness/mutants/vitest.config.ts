import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import type { Reporter, TestModule, VitestPluginContext } from "vitest/node";
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
const { MUTANTS_POSTGRES = "", MUTANTS_REDIS = "", MUTANTS_REPORT = "" } = process.env;

const fsModuleCachePath = path.join(path.dirname(MUTANTS_REPORT), "modules");

const reporter: Reporter = {
  onTestRunEnd: (modules: readonly TestModule[], unhandled) => {
    const verdicts = modules.flatMap((module): readonly Verdict[] => {
      const faults = module.errors().map(({ message }) => message);
      if (faults.length > 0) return [{ mutant: module.project.name, test: "", state: "broken", errors: faults }];
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
    projects: mutants.map((mutant) => ({
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
        include: [`test/story/${mutant.caughtBy.file}.test.ts`],
        setupFiles: ["test/harness/mutants/only.ts"],
        provide: { postgresUrl: MUTANTS_POSTGRES, redisUrl: MUTANTS_REDIS, onlyTest: mutant.caughtBy.test },
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
