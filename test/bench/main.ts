import { consolePages } from "./console/console.ts";
import { events } from "./events/events.ts";
import { fanout } from "./fanout.ts";
import { feedMillion } from "./feed-million.ts";
import { gateway } from "./gateway/gateway.ts";
import { guard } from "./guard.ts";
import { leaver } from "./leaver.ts";
import { reconcile } from "./reconcile/reconcile.ts";
import { importDirectory } from "./scim/import.ts";
import { scim } from "./scim/scim.ts";

export type BenchOptions = {
  /** Under a minute, for CI: fewer rounds, the same measurement. */
  readonly quick: boolean;
  readonly queue: "postgres" | "redis";
  readonly say: (line: string) => void;
};

export type BenchResult = {
  readonly ratios: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
};

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<BenchResult>>> = {
  leaver,
  scim,
  import: importDirectory,
  events,
  guard,
  gateway,
  fanout,
  "feed-million": feedMillion,
  reconcile,
  console: consolePages,
};

const usage = `usage: npm run bench -- NAME [--json] [--quick] [--queue postgres|redis]\n\nNAME: ${Object.keys(benches).join(", ")}\n`;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...flags] = argv;
  const bench = name === undefined ? undefined : benches[name];
  if (name === undefined || bench === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const json = flags.includes("--json");
  const queue = flags[flags.indexOf("--queue") + 1] === "redis" ? "redis" : "postgres";
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const { ratios, figures } = await bench({ quick: flags.includes("--quick"), queue, say });
  if (json) process.stdout.write(`${JSON.stringify({ bench: name, ratios, figures })}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
