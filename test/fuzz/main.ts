import { createRandom, type Random } from "../chaos/random.ts";
import { dictionary, readCorpus } from "./corpus.ts";
import { allowed, complaintOf, leastMs, measureGrowth } from "./growth.ts";
import { createMutator, lengthMax, type Mutator } from "./mutation.ts";
import { isPolluted, pollutionOf, takeStock } from "./prototypes.ts";
import { type Finding, shortest } from "./shortest.ts";
import { createSourceTargets } from "./source-targets.ts";
import { createTargets, outcomeOf, type Target } from "./targets.ts";

/** A target with the inputs that led somewhere no other had led before. */
type Feed = { readonly target: Target; readonly pool: string[]; readonly outcomes: Set<string> };

const poolMax = 4000;
const findingsMax = 20;

const usage = "usage: npm run fuzz -- [--executions N] [--seed S] [--ms-max N] [--only TARGET] [--json]\n";

/**
 * Feeds every reader of what strangers send with mutations of what providers send. Whatever comes,
 * a reader answers or refuses, in time that grows no faster than the input, and what it made of the
 * input means the same when it is written and read again.
 */
async function main(argv: readonly string[]): Promise<number> {
  const executions = Number(option(argv, "--executions") ?? 1_000_000);
  const seed = Number(option(argv, "--seed") ?? Date.now() % 1_000_000);
  const only = option(argv, "--only");
  allowed.ms = Number(option(argv, "--ms-max") ?? allowed.ms);
  const targets = [...createTargets(readCorpus()), ...createSourceTargets()].filter(
    ({ name }) => only === undefined || name === only,
  );
  if (
    !Number.isInteger(executions) ||
    executions < 1 ||
    !Number.isInteger(seed) ||
    !(allowed.ms > 0) ||
    targets.length === 0
  ) {
    process.stderr.write(usage);
    return 2;
  }
  // Refusals are the rule here, and nobody reads where they came from.
  Error.stackTraceLimit = 0;
  const feeds = targets.map((target): Feed => ({ target, pool: [...target.seeds], outcomes: new Set() }));
  const findings: Finding[] = [];
  const began = performance.now();
  const run = feed(feeds, executions, createRandom(seed), findings);
  const seconds = (performance.now() - began) / 1000;
  const growths = targets.flatMap((target) =>
    measureGrowth(target).map((growth) => ({ ...growth, target: target.name })),
  );
  for (const { target, shape, problem } of growths)
    if (problem !== undefined) findings.push({ target, problem, input: shape, turn: 0 });
  for (const finding of findings) show(finding, seed);

  const slowest = Math.max(0, run.slowestMs, ...growths.map(({ ms }) => ms));
  const line = {
    executions: run.executed,
    findings: findings.length,
    per_second: Math.round(run.executed / seconds),
    outcomes: feeds.reduce((count, { outcomes }) => count + outcomes.size, 0),
    slowest_8k_ms: Number(slowest.toFixed(2)),
    growth_max: Number(Math.max(0, ...growths.map(({ ratio }) => ratio)).toFixed(1)),
    seed,
  };
  const words = Object.entries(line).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(argv.includes("--json") ? `${JSON.stringify(line)}\n` : `${words.join("  ")}\n`);
  return findings.length === 0 ? 0 : 1;
}

function feed(
  feeds: readonly Feed[],
  executions: number,
  random: Random,
  findings: Finding[],
): { readonly executed: number; readonly slowestMs: number } {
  const mutator = createMutator(random, dictionary);
  const stock = takeStock();
  // One mistake is met again and again; it is told once.
  const known = new Set<string>();
  let slowestMs = 0;
  let executed = 0;
  // What was recorded is read as it is, before any of it is changed.
  const asTheyAre = feeds.flatMap((one) => one.target.seeds.map((input) => [one, input] as const));
  while (executed < executions && findings.length < findingsMax) {
    const one = feeds[executed % feeds.length] as Feed;
    const [fed, input] = asTheyAre[executed] ?? [one, inputFor(one, mutator, random)];
    const turn = Math.floor(random() * 1_000);
    const problem = execute(fed, input, turn, random);
    executed += 1;
    if (typeof problem === "number") slowestMs = Math.max(slowestMs, problem);
    else if (!known.has(kindOf(fed.target, problem))) {
      known.add(kindOf(fed.target, problem));
      findings.push(shortest(fed.target, problem, input, turn));
    }
    const polluted = isPolluted() || executed % 1_000 === 0 ? pollutionOf(stock) : undefined;
    // After that nothing that is read says anything.
    if (polluted !== undefined) {
      findings.push({ target: fed.target.name, problem: polluted, input, turn });
      break;
    }
  }
  return { executed, slowestMs };
}

function kindOf({ name }: Target, problem: string): string {
  return `${name} ${problem.replaceAll(/\d/g, "")}`;
}

function inputFor({ target, pool }: Feed, mutator: Mutator, random: Random): string {
  const given = pool[Math.floor(random() * pool.length)] ?? "";
  if (target.shape === "json") return mutator.json(given, pool);
  const changed = mutator.text(given, pool);
  return target.shape === "bytes" ? Buffer.from(changed).toString("latin1").slice(0, lengthMax) : changed;
}

/** What was wrong, or how many milliseconds it took. */
function execute({ target, pool, outcomes }: Feed, input: string, turn: number, random: Random): string | number {
  const began = performance.now();
  let outcome: string;
  try {
    outcome = outcomeOf(target, input, turn);
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message.split("\n", 1)[0]}` : `threw a ${typeof error}`;
  }
  const ms = performance.now() - began;
  if (!outcomes.has(outcome)) {
    outcomes.add(outcome);
    if (pool.length < poolMax) pool.push(input);
    else pool[Math.floor(random() * poolMax)] = input;
  }
  // Once may have been the machine's doing; the least of several times is the reader's.
  if (ms <= allowed.ms / 2) return ms;
  const least = Math.min(ms, leastMs(target, input));
  return complaintOf({ ms: least, ratio: 0 }) ?? least;
}

function show({ target, problem, input, turn }: Finding, seed: number): void {
  process.stderr.write(
    `FOUND  ${target}: ${problem}\n       ${JSON.stringify(input.slice(0, 2000))} (turn ${turn}, seed ${seed})\n`,
  );
}

function option(argv: readonly string[], name: string): string | undefined {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
}

process.exit(await main(process.argv.slice(2)));
