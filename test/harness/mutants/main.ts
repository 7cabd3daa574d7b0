import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { prepareTemplate } from "../global-setup.ts";
import { startParts } from "../parts.ts";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";
import { isCaught, runMutants, told } from "./run.ts";
import type { Verdict } from "./vitest.config.ts";

const usage = "usage: npm run mutants -- [--only NAME]… [--share K/N] [--json]\n";

/**
 * Makes each mistake of the list in the sources as they are read and runs the story that is to tell of
 * it, on a PostgreSQL and a Redis of its own. A mutant that no story notices is a rule that nothing holds.
 */
async function main(argv: readonly string[]): Promise<number> {
  const names = argv.flatMap((word, at) => (argv[at - 1] === "--only" ? [word] : []));
  const flags = ["--only", "--share"];
  const stray = argv.filter((word, at) => ![...flags, "--json"].includes(word) && !flags.includes(argv[at - 1] ?? ""));
  const share = readShare(argv);
  const wanted = mutants.filter(
    ({ name }, at) => (names.length === 0 || names.includes(name)) && at % (share?.of ?? 1) === (share?.number ?? 0),
  );
  const unknown = names.filter((name) => mutants.every((mutant) => mutant.name !== name));
  if (stray.length > 0 || unknown.length > 0 || share === undefined || argv.at(-1) === "--only") {
    for (const name of unknown)
      process.stderr.write(`there is no mutant ${JSON.stringify(name)}; docs/mutants.md lists them\n`);
    process.stderr.write(usage);
    return 2;
  }
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-mutants-parts-"));
  await chmod(directory, 0o755);
  const parts = await startParts(directory);
  try {
    await prepareTemplate(parts.postgresUrl);
    for (const missing of parts.missing) process.stderr.write(`could not run: ${missing}\n`);
    process.stderr.write(`${wanted.length} mutants\n`);
    const verdicts = await runMutants({
      postgresUrl: parts.postgresUrl,
      redisUrl: parts.redisUrl ?? "",
      names: wanted.map(({ name }) => name),
    });
    return report(wanted, verdicts, argv.includes("--json"));
  } finally {
    for (const part of parts.running.toReversed()) await part.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** One of so many parts of the list, that together are all of it; undefined for what is no such part. */
function readShare(argv: readonly string[]): { readonly number: number; readonly of: number } | undefined {
  const at = argv.indexOf("--share");
  if (at === -1) return { number: 0, of: 1 };
  const [, number, of] = /^(\d+)\/([1-9]\d*)$/.exec(argv[at + 1] ?? "") ?? [];
  return number === undefined || of === undefined ? undefined : { number: Number(number) % Number(of), of: Number(of) };
}

function report(wanted: readonly Mutant[], verdicts: readonly Verdict[], json: boolean): number {
  const survivors = wanted.filter((mutant) => !isCaught(mutant, verdicts));
  for (const mutant of survivors) {
    const said = told(mutant, verdicts).map(({ test, state, errors }) =>
      `${state}: ${test} ${errors.join(" ")}`.trim(),
    );
    process.stderr.write(`SURVIVED  ${mutant.name}\n`);
    for (const line of said.length === 0 ? [`no test is called ${mutant.caughtBy.test}`] : said)
      process.stderr.write(`          ${line}\n`);
  }
  const line = { mutants: wanted.length, caught: wanted.length - survivors.length };
  process.stdout.write(json ? `${JSON.stringify(line)}\n` : `mutants ${line.mutants}  caught ${line.caught}\n`);
  return survivors.length === 0 ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
