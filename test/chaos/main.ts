import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { newId } from "@rollcall/core/runtime";
import { createConnection, createCredentials, createTenant, type Database, openDatabase } from "@rollcall/core/store";
import { quantile } from "../bench/statistics.ts";
import { openFeedReader } from "../harness/feed-reader.ts";
import { until } from "../harness/until.ts";
import { compare, type Findings, isQuiet, type Tenant } from "./compare.ts";
import { type Parts, startParts, type Victim } from "./parts.ts";
import { createProvider, type Ledger, newPerson, type Person } from "./provider.ts";
import { createRandom, type Random } from "./random.ts";

type Fault = Victim | "flushall";

const faults: readonly Fault[] = ["ingest", "worker", "reconciler", "postgres", "redis", "flushall"];
const peoplePerTenant = 24;
const quietMsMax = 60_000;

const usage =
  "usage: npm run chaos -- [--cycles N] [--seed S] [--json] [--only FAULT] [--queue redis|postgres] [--mutant NAME]\n";

/**
 * Sends a provider's traffic to real processes, kills one of them at random in each cycle, starts it
 * again, waits for quiet, and compares everything with what was acknowledged. With `--mutant` the
 * processes make a mistake on purpose, and a run that does not fail has proved nothing.
 */
async function main(argv: readonly string[]): Promise<number> {
  const cycles = Number(option(argv, "--cycles") ?? 10);
  const seed = Number(option(argv, "--seed") ?? Date.now() % 1_000_000);
  const only = option(argv, "--only") as Fault | undefined;
  const queue = option(argv, "--queue") ?? "redis";
  if (
    !Number.isInteger(cycles) ||
    cycles < 1 ||
    !Number.isInteger(seed) ||
    (queue !== "redis" && queue !== "postgres") ||
    (only !== undefined && !faults.includes(only))
  ) {
    process.stderr.write(usage);
    return 2;
  }
  const possible = faults.filter((fault) => queue === "redis" || (fault !== "redis" && fault !== "flushall"));
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-chaos-"));
  await chmod(directory, 0o755);
  const parts = await startParts(directory, queue, option(argv, "--mutant"));
  const database = openDatabase({ url: parts.databaseUrl, poolMax: 4, onError: () => undefined });
  let kept = true;
  try {
    const random = createRandom(seed);
    const ledger: Ledger = { acked: 0, settled: 0, contradictions: [] };
    const tenants = [
      await openTenant(database, parts, "one", ledger, random),
      await openTenant(database, parts, "two", ledger, random),
    ];
    const total: Findings = { lost: [], doubled: [], resurrected: [], gaps: [] };
    const recoveriesMs: number[] = [];
    for (let cycle = 1; cycle <= cycles; cycle += 1) {
      const fault = only ?? (possible[Math.floor(random() * possible.length)] as Fault);
      recoveriesMs.push(await runCycle(parts, database, tenants, fault, random, total));
      total.lost.push(...ledger.contradictions.splice(0));
      const wrong =
        total.lost.length + total.doubled.length + total.resurrected.length + total.gaps.length + parts.fallen().length;
      process.stderr.write(
        `cycle ${String(cycle).padStart(4)}/${cycles}  ${fault.padEnd(10)} quiet and equal after ${Math.round(recoveriesMs.at(-1) ?? 0)} ms, ${ledger.acked} acknowledged, ${wrong} wrong\n`,
      );
      if (wrong > 0) break;
    }
    kept = report(argv.includes("--json"), cycles, recoveriesMs, ledger, total, parts.fallen(), seed);
    return kept ? 0 : 1;
  } finally {
    await database.close();
    await parts.stop();
    if (kept) await rm(directory, { recursive: true, force: true });
    else process.stderr.write(`the processes' logs are in ${directory}\n`);
  }
}

async function openTenant(
  database: Database,
  parts: Parts,
  slug: string,
  ledger: Ledger,
  random: Random,
): Promise<Tenant> {
  const issuer = `https://${slug}.test`;
  const actor = "chaos";
  const tenant = await createTenant(database, { id: newId(), slug, name: slug }, actor);
  const connection = await createConnection(
    database,
    tenant.id,
    { id: newId(), slug: "idp", name: "IdP", kind: "scim", issuers: [issuer] },
    actor,
  );
  const credentials = createCredentials(database, parts.secret, Date.now);
  const scim = await credentials.issue({
    purpose: "scim",
    tenantId: tenant.id,
    connectionId: connection.id,
    label: actor,
  });
  const feed = await credentials.issue({ purpose: "feed", tenantId: tenant.id, label: actor });
  const people = Array.from({ length: peoplePerTenant }, (_, at) => newPerson(`person-${at}`));
  const directory = { tenant: slug, people, groupIds: [] };
  const provider = createProvider(parts.scimUrl, scim.token, directory, ledger, random);
  await provider.createGroups(2);
  const address = { url: parts.feedUrl, feed: slug, token: feed.token };
  return {
    id: tenant.id,
    slug,
    issuer,
    directory,
    provider,
    follower: openFeedReader(address),
    newcomer: openFeedReader(address),
  };
}

/** Answers how long it took from the fault until everything was quiet and equal again. */
async function runCycle(
  parts: Parts,
  database: Database,
  tenants: readonly Tenant[],
  fault: Fault,
  random: Random,
  total: Findings,
): Promise<number> {
  let stopped = false;
  // Each person has one request at a time, as a provider's queue would; the people go on side by side.
  const traffic = tenants.flatMap((tenant) =>
    Array.from({ length: 4 }, async (_, worker) => {
      const own = tenant.directory.people.filter((_person, at) => at % 4 === worker);
      while (!stopped) await tenant.provider.change(own[Math.floor(random() * own.length)] as Person);
    }),
  );
  // A refusal that nobody awaits yet must not end the process before it is reported.
  const finished = Promise.all(traffic);
  finished.catch(() => undefined);

  await delay(150 + random() * 350);
  const faultAtMs = performance.now();
  if (fault === "flushall") {
    await parts.flushRedis();
  } else {
    await parts.kill(fault);
    await delay(random() * 300);
    await parts.restart(fault);
  }
  await delay(random() * 200);
  stopped = true;
  await finished;
  await until("all is quiet", () => isQuiet(database, tenants).catch(() => false), quietMsMax).catch((error: Error) => {
    total.lost.push(`not everything that was accepted is applied and published: ${error.message}`);
  });
  for (const tenant of tenants) {
    const findings = await until(
      "the comparison can be made",
      async () => compare(database, tenant).catch(() => undefined),
      20_000,
    );
    for (const kind of Object.keys(findings) as (keyof Findings)[]) total[kind].push(...findings[kind]);
  }
  return performance.now() - faultAtMs;
}

function report(
  json: boolean,
  cycles: number,
  recoveriesMs: readonly number[],
  ledger: Ledger,
  total: Findings,
  fallen: readonly string[],
  seed: number,
): boolean {
  for (const finding of [...total.lost, ...total.doubled, ...total.resurrected, ...total.gaps, ...fallen])
    process.stderr.write(`WRONG  ${finding}\n`);
  const counts = {
    lost: total.lost.length,
    doubled: total.doubled.length,
    resurrected: total.resurrected.length,
    feed_gaps: total.gaps.length,
  };
  const line = {
    cycles: recoveriesMs.length,
    acked: ledger.acked,
    ...counts,
    p99_recovery_ms: Math.round(quantile(recoveriesMs, 0.99)),
    unanswered: ledger.settled,
    fallen: fallen.length,
    seed,
  };
  process.stdout.write(
    json
      ? `${JSON.stringify(line)}\n`
      : `${Object.entries(line)
          .map(([name, value]) => `${name} ${value}`)
          .join("  ")}\n`,
  );
  return recoveriesMs.length === cycles && fallen.length === 0 && Object.values(counts).every((count) => count === 0);
}

function option(argv: readonly string[], name: string): string | undefined {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
}

process.exit(await main(process.argv.slice(2)));
