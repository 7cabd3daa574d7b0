import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCredentials, openDatabase } from "@rollcall/core/store";
import { noFindings } from "./compare.ts";
import { runControls } from "./controls.ts";
import { runCycle } from "./cycle.ts";
import type { Fault, Scene } from "./fault.ts";
import { drawFaults, faults, possibleFaults } from "./faults.ts";
import { type Parts, startParts } from "./parts.ts";
import type { Ledger } from "./provider.ts";
import { createRandom } from "./random.ts";
import { countWrong, type Recovery, report } from "./report.ts";
import { openTenant } from "./tenant.ts";
import { openWitness } from "./witness.ts";

const usage = `usage: npm run chaos -- [--cycles N] [--quick] [--long] [--seed S] [--json] [--only FAULT[,FAULT]]
                        [--queue redis|postgres] [--mutant NAME] [--controls]
faults: ${faults.map(({ name }) => name).join(" ")}
`;

type Options = {
  /** Undefined: each possible fault once. */
  readonly cycles: number | undefined;
  readonly seed: number;
  readonly only: readonly string[];
  readonly queue: "redis" | "postgres";
  readonly mutant: string | undefined;
  readonly long: boolean;
  readonly json: boolean;
};

/**
 * Sends a provider's traffic to real processes, lets one fault happen in each cycle, waits for quiet,
 * and compares everything with what was acknowledged. With `--mutant` the processes make a mistake on
 * purpose, and a run that does not fail has proved nothing; `--controls` runs every one of them.
 */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--controls")) return runControls(argv.includes("--json"));
  const options = readOptions(argv);
  if (options === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-chaos-"));
  await chmod(directory, 0o755);
  const parts = await startParts(directory, options.queue, options.mutant);
  endWith(parts);
  let kept = false;
  try {
    kept = await runAll(parts, options);
    return kept ? 0 : 1;
  } finally {
    await parts.stop();
    if (kept) await rm(directory, { recursive: true, force: true });
    else process.stderr.write(`the processes' logs are in ${directory}\n`);
  }
}

/** What was started and mounted does not outlive a run that is told to stop. */
function endWith(parts: Parts): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => {
      const end = (): never => process.exit(1);
      parts.stop().then(end, end);
    });
}

function readOptions(argv: readonly string[]): Options | undefined {
  const option = (name: string): string | undefined => (argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined);
  const cycles = argv.includes("--quick") ? undefined : Number(option("--cycles") ?? 10);
  const seed = Number(option("--seed") ?? Date.now() % 1_000_000);
  const queue = option("--queue") ?? "redis";
  const only = option("--only")?.split(",") ?? [];
  if (cycles !== undefined && (!Number.isInteger(cycles) || cycles < 1)) return undefined;
  if (!Number.isInteger(seed) || (queue !== "redis" && queue !== "postgres")) return undefined;
  if (only.some((name) => faults.every((fault) => fault.name !== name))) return undefined;
  const [long, json] = [argv.includes("--long"), argv.includes("--json")];
  return { cycles, seed, only, queue, mutant: option("--mutant"), long, json };
}

async function runAll(parts: Parts, options: Options): Promise<boolean> {
  const { seed, queue, only, long, json } = options;
  const { possible, left } = possibleFaults(parts, queue);
  for (const line of left) process.stderr.write(`${line}\n`);
  const among = possible.filter(({ name }) => only.length === 0 || only.includes(name));
  if (among.length === 0) throw new Error("none of these faults can happen here");
  const cycles = options.cycles ?? among.length;
  const database = openDatabase({ url: parts.databaseUrl, poolMax: 4, onError: () => undefined });
  const random = createRandom(seed);
  const ledger: Ledger = { acked: 0, settled: 0, contradictions: [], hung: [], refused: [], drainedAtMs: undefined };
  const findings = noFindings();
  const recoveries: Recovery[] = [];
  try {
    const witness = await openWitness(parts.databaseUrl);
    const tenants = [
      await openTenant(database, parts, "one", ledger, random),
      await openTenant(database, parts, "two", ledger, random),
    ];
    const credentials = createCredentials(database, parts.secret, Date.now);
    const scene: Scene = { parts, database, credentials, witness, tenants, ledger, random, long, findings };
    const drawn = drawFaults(among, random);
    for (let cycle = 1; cycle <= cycles && countWrong(findings, parts) === 0; cycle += 1) {
      const fault: Fault = drawn.next().value;
      const ms = await runCycle(scene, fault).catch((cause: unknown) => {
        throw new Error(`the cycle of ${fault.name} could not be gone through`, { cause });
      });
      recoveries.push({ fault: fault.name, ms });
      process.stderr.write(
        `cycle ${String(cycle).padStart(4)}/${cycles}  ${fault.name.padEnd(18)} quiet and equal after ${String(Math.round(ms)).padStart(6)} ms, ${ledger.acked} acknowledged, ${countWrong(findings, parts)} wrong\n`,
      );
    }
  } finally {
    await database.close();
  }
  report({ json, recoveries, ledger, findings, fallen: parts.fallen(), seed, queue });
  return recoveries.length === cycles && countWrong(findings, parts) === 0;
}

process.exit(await main(process.argv.slice(2)));
