import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { type Fleet, startFleet } from "@rollcall/cli/fleet";
import { newId } from "@rollcall/core/runtime";
import { createConnection, findTenant } from "@rollcall/core/store";
import { startRedis } from "../../harness/parts.ts";
import type { BenchOptions, BenchResult } from "../main.ts";
import { seedDirectory } from "../scim/seed.ts";
import { p50, quantile, round } from "../statistics.ts";
import { applySeed, denyBehind, openTeller, tell, type Teller, untilApplied } from "./burst.ts";
import { bullmqOnPostgres, bullmqOnRedis, graphileWorker, rawCommits, type Rival } from "./rivals.ts";

const issuer = "https://bench.idp.example.test";
const denialsMax = 200;

/**
 * What events cost from a signed webhook to its commit, and from there to the user store: one after
 * the other, and as a burst that meets a worker which was away; and how long a denial takes that comes
 * behind such a backlog. Interleaved with raw commits of the same rows, and with one job for each event.
 */
export async function events({ quick, say }: BenchOptions): Promise<BenchResult> {
  const [singles, burst, jobs, rounds] = quick ? [500, 3_000, 1_000, 2] : [5_000, 50_000, 5_000, 3];
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const redis = await startRedis(directory);
  const fleet = await startFleet(directory, []);
  try {
    const { teller, feed } = await prepare(fleet, burst + denialsMax, say);
    const rivals: Readonly<Record<string, Rival>> = {
      raw: rawCommits,
      bullmq_redis: bullmqOnRedis(redis.url),
      bullmq_postgres: bullmqOnPostgres,
      graphile_worker: graphileWorker,
    };
    const rates = new Map(Object.keys(rivals).map((name) => [name, [] as number[]]));
    const own: Own[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      say(`round ${round} of ${rounds} …`);
      for (const [name, rival] of Object.entries(rivals)) rates.get(name)?.push(await rival(fleet.databaseUrl, jobs));
      own.push(
        await measure(fleet, teller, feed, {
          singles,
          burst,
          firstDenied: burst + Math.floor(((round - 1) * denialsMax) / rounds),
          denials: Math.floor(denialsMax / rounds),
        }),
      );
    }
    return report(own, rates, say);
  } finally {
    await fleet.close();
    await redis.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function prepare(
  fleet: Fleet,
  users: number,
  say: (line: string) => void,
): Promise<{ readonly teller: Teller; readonly feed: string }> {
  const connectionId = newId();
  const bearer = await fleet.credentials.authenticate(fleet.tokens.scim, "scim");
  const tenant = await findTenant(fleet.database, bearer?.tenantId ?? "");
  if (tenant === undefined) throw new Error("the fleet has no tenant");
  const connection = { id: connectionId, slug: "bench", name: "bench", kind: "scim", issuers: [issuer] } as const;
  await createConnection(fleet.database, tenant.id, connection, "bench");
  await seedDirectory(fleet.databaseUrl, "public", { tenantId: tenant.id, connectionId }, users, 0);
  const teller = await openTeller(fleet, issuer, connectionId);
  say(`bringing ${users} users into the user store …`);
  await applySeed(fleet, teller, connectionId);
  return { teller, feed: tenant.slug };
}

type Own = {
  readonly acceptedPerSec: number;
  readonly singlePerSec: number;
  readonly burstAcceptedPerSec: number;
  readonly burstPerSec: number;
  readonly denialsMs: readonly number[];
};

async function measure(
  fleet: Fleet,
  teller: Teller,
  feed: string,
  { singles, burst, firstDenied, denials }: { singles: number; burst: number; firstDenied: number; denials: number },
): Promise<Own> {
  const startedAt = performance.now();
  const acceptedPerSec = await tell(teller, singles);
  await untilApplied(fleet, teller.tenantId);
  const singlePerSec = perSec(singles, startedAt);

  signalWorker(fleet, "SIGSTOP");
  const burstAcceptedPerSec = await tell(teller, burst).finally(() => signalWorker(fleet, "SIGCONT"));
  const resumedAt = performance.now();
  const users = Array.from({ length: denials }, (_, at) => firstDenied + at);
  const [denialsMs, burstPerSec] = await Promise.all([
    denyBehind(fleet, teller, feed, users),
    untilApplied(fleet, teller.tenantId).then(() => perSec(burst, resumedAt)),
  ]);
  return { acceptedPerSec, singlePerSec, burstAcceptedPerSec, burstPerSec, denialsMs };
}

/** A worker that is away, as while it is deployed: what is accepted meanwhile is its backlog. */
function signalWorker(fleet: Fleet, signal: "SIGSTOP" | "SIGCONT"): void {
  const processId = fleet.processId("worker");
  if (processId === undefined) throw new Error("there is no worker");
  process.kill(processId, signal);
}

function report(
  own: readonly Own[],
  rates: ReadonlyMap<string, readonly number[]>,
  say: (line: string) => void,
): BenchResult {
  const rivals = Object.fromEntries([...rates].map(([name, values]) => [name, p50(values)]));
  const burst = p50(own.map(({ burstPerSec }) => burstPerSec));
  const denials = own.flatMap(({ denialsMs }) => denialsMs);
  const jobs = Math.max(...Object.entries(rivals).flatMap(([name, rate]) => (name === "raw" ? [] : [rate])));
  const figures: Record<string, number> = {
    accepted_per_sec: p50(own.map(({ acceptedPerSec }) => acceptedPerSec)),
    single_applied_per_sec: p50(own.map(({ singlePerSec }) => singlePerSec)),
    burst_accepted_per_sec: p50(own.map(({ burstAcceptedPerSec }) => burstAcceptedPerSec)),
    burst_applied_per_sec: burst,
    ...Object.fromEntries(Object.entries(rivals).map(([name, rate]) => [`${name}_per_sec`, rate])),
    denials: denials.length,
    deny_behind_backlog_p50_ms: p50(denials),
    deny_behind_backlog_p99_ms: quantile(denials, 0.99),
  };
  for (const [name, value] of Object.entries(figures)) say(`${name.padEnd(28)} ${String(round(value)).padStart(10)}`);
  return {
    ratios: { burst_vs_raw: round(burst / (rivals["raw"] as number)), burst_vs_job_per_event: round(burst / jobs) },
    figures: Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)])),
  };
}

function perSec(count: number, startedAt: number): number {
  return (count * 1_000) / (performance.now() - startedAt);
}
