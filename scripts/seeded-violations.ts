/**
 * Proves that `npm run check` fails: plants one violation of each rule in a copy of the house, one
 * at a time, and expects the check to name it. `npm run check:seeded -- clock pino` tries some.
 */
import { runAnyway } from "./check/program.ts";
import { type Copy, makeCopy } from "./seeded/copy.ts";
import { type Violation, violations } from "./seeded/violations.ts";

const words = process.argv.slice(2);
const wanted = violations.filter(
  ({ name, check }) => words.length === 0 || words.some((word) => name.includes(word) || check === word),
);
const copy = makeCopy();
try {
  const sound = await checksThatPass(copy);
  let passed = 0;
  process.stdout.write(`\n${"planted".padEnd(40)} ${"check".padEnd(11)} result\n`);
  for (const violation of wanted) {
    const problem = await problemWith(copy, violation, sound);
    if (problem === undefined) passed += 1;
    process.stdout.write(
      `${violation.name.padEnd(40)} ${violation.check.padEnd(11)} ${problem ?? "found and named"}\n`,
    );
  }
  process.stdout.write(`\n${passed} passed, ${wanted.length - passed} failed\n`);
  process.exitCode = passed === wanted.length ? 0 : 1;
} finally {
  copy.remove();
}

/** A check that fails before anything is planted proves nothing. */
async function checksThatPass({ directory }: Copy): Promise<ReadonlySet<string>> {
  const passing = new Set<string>();
  for (const name of new Set(wanted.map(({ check }) => check))) {
    const { code, output } = await check(directory, name);
    if (code === 0) passing.add(name);
    else process.stdout.write(`before anything is planted, ${name} fails:\n${output.replace(/^/gm, "  ")}\n`);
  }
  return passing;
}

async function problemWith(
  broken: Copy,
  violation: Violation,
  sound: ReadonlySet<string>,
): Promise<string | undefined> {
  violation.plant(broken);
  try {
    const { code, output } = await check(broken.directory, violation.check);
    if (code === 0) return "NOT FOUND";
    if (!violation.says.test(output))
      return `FOUND BUT NOT NAMED (wanted ${violation.says})\n${output.replace(/^/gm, "  ")}`;
    return sound.has(violation.check) ? undefined : "found and named, BUT THE CHECK FAILED BEFORE";
  } finally {
    broken.restore();
  }
}

async function check(
  directory: string,
  name: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return runAnyway("node", ["--conditions=rollcall-source", "scripts/check.ts", name], directory);
}
