/**
 * Everything that `npm run check` proves, one line each. `npm run check -- lint words` runs some.
 * Lengths, imports between rooms, vendors and unsafe SQL are rules of the linter (.oxlintrc.json).
 */
import { checkEnvExample } from "./check/env-example.ts";
import { checkExplainPage } from "./check/explain-page.ts";
import { checkMigrations } from "./check/migrations.ts";
import { checkMutantsPage } from "./check/mutants-page.ts";
import { root, run } from "./check/program.ts";
import { checkReadme } from "./check/readme.ts";
import { checkWords } from "./check/words.ts";

type Check = { readonly promise: string; readonly prove: () => Promise<unknown> };

const checks: Readonly<Record<string, Check>> = {
  types: { promise: "TypeScript finds no fault", prove: proveTypes },
  lint: {
    promise: "the linter, with types, finds no fault",
    prove: () => run("oxlint", "--type-aware", "--deny-warnings", "--format=unix"),
  },
  format: { promise: "every file is formatted", prove: () => run("oxfmt", "--list-different") },
  boundaries: { promise: "workspaces import only what they may", prove: () => run("turbo", "boundaries") },
  unused: {
    promise: "no file, export or dependency is unused",
    prove: () => run("knip", "--no-config-hints"),
  },
  readme: { promise: "every command in README.md exists", prove: checkReadme },
  settings: { promise: ".env.example says what config.ts reads", prove: checkEnvExample },
  explain: { promise: "docs/explain.md lists the causes that there are", prove: checkExplainPage },
  mutants: { promise: "docs/mutants.md lists the mutants that there are", prove: checkMutantsPage },
  migrations: { promise: "the migrations make what schema.prisma describes", prove: checkMigrations },
  words: { promise: "no file names a machine's path or a registry's host", prove: checkWords },
};

const atOnce = 2;
const linesMax = 100;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => checks[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`there is no check named ${unknown.join(", ")}; there are ${Object.keys(checks).join(", ")}\n`);
  process.exit(2);
}

const queue = Object.entries(checks).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const counts = { passed: 0, failed: 0 };
await Promise.all(Array.from({ length: atOnce }, work));
process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed\n`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await prove(...next);
}

async function prove(name: string, check: Check): Promise<void> {
  const startedMs = performance.now();
  const problem = await check.prove().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  counts[problem === undefined ? "passed" : "failed"] += 1;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  process.stdout.write(
    `${problem === undefined ? "ok  " : "FAIL"}  ${name.padEnd(11)} ${check.promise} (${seconds} s)\n`,
  );
  if (problem !== undefined) process.stdout.write(`${shown(problem)}\n`);
}

/** The console's pages know the browser, and nothing else does. */
async function proveTypes(): Promise<void> {
  await run("tsc");
  await run("tsc", "-p", "apps/console/web");
}

/** Paths from the root, indented, and no more of it than somebody reads. */
function shown(problem: string): string {
  const lines = problem.replaceAll(root, "").split("\n");
  const rest = lines.length > linesMax ? [`… and ${lines.length - linesMax} lines more`] : [];
  return [...lines.slice(0, linesMax), ...rest].map((line) => `      ${line}`).join("\n");
}
