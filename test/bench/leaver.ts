import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { startFleet } from "@rollcall/cli/fleet";
import { startIdentityProvider } from "@rollcall/cli/identity-provider";
import { join, leave, type LeaverTimes, startGateway } from "@rollcall/cli/story";
import type { BenchOptions, BenchResult } from "./main.ts";
import { startPushFloor } from "./push-floor.ts";
import { startRedis } from "../harness/parts.ts";
import { p50, quantile, round } from "./statistics.ts";

const perSec = 20;
const stages = ["accepted", "applied", "published", "refused"] as const;

/**
 * How long a leaver's token lives: from the first byte of the provider's SCIM request to the guard's
 * refusal, through ingest, worker, reconciler and feed in processes of their own, with durable
 * commits; interleaved with the physical limit, one insert and its push to a client.
 */
export async function leaver({ quick, queue, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const provider = await startIdentityProvider();
  const redis = queue === "redis" ? await startRedis(directory) : undefined;
  const fleet = await startFleet(directory, [provider.issuer], redis === undefined ? {} : { redisUrl: redis.url });
  try {
    const count = quick ? 60 : 400;
    const guard = await startGateway(fleet, provider.issuer);
    const floor = await startPushFloor(fleet.databaseUrl);
    say(`preparing ${count} joiners …`);
    const leavers: { id: string; token: string }[] = [];
    for (let at = 0; at < count; at += 1) {
      const token = await provider.tokenFor(`bench-${at}`);
      leavers.push({ id: await join(fleet, `bench-${at}`), token });
      if (!(await guard.check(token)).allow) throw new Error("a joiner was refused");
    }
    say(`${count} leavers at ${perSec} a second, queue in ${queue} …`);
    const floors: number[] = [];
    const running: Promise<LeaverTimes>[] = [];
    const startedAt = performance.now();
    for (const [at, one] of leavers.entries()) {
      await delay(Math.max(0, startedAt + (at * 1000) / perSec - performance.now()));
      running.push(leave(fleet, guard, one.id, one.token));
      // Half a slot later, alone, the limit: the same disk, the same database, the same minute.
      await delay(500 / perSec);
      floors.push(await floor.push());
    }
    const times = await Promise.all(running);
    await floor.close();
    await guard.close();
    return report(times, floors, say);
  } finally {
    await fleet.close();
    await redis?.stop();
    await provider.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function report(times: readonly LeaverTimes[], floors: readonly number[], say: (line: string) => void): BenchResult {
  const figures: Record<string, number> = {};
  say(
    `${"stage".padEnd(12)} ${"p50".padStart(8)} ${"p99".padStart(8)} ${"max".padStart(8)}   ms from the request's first byte`,
  );
  const row = (name: string, values: readonly number[]): void => {
    const [middle, high, most] = [p50(values), quantile(values, 0.99), quantile(values, 1)].map(round) as [
      number,
      number,
      number,
    ];
    say(`${name.padEnd(12)} ${String(middle).padStart(8)} ${String(high).padStart(8)} ${String(most).padStart(8)}`);
    const prefix = name === "refused" ? "" : `${name}_`;
    Object.assign(figures, { [`${prefix}p50_ms`]: middle, [`${prefix}p99_ms`]: high, [`${prefix}max_ms`]: most });
  };
  for (const stage of stages)
    row(
      stage,
      times.map((time) => time[stage]),
    );
  row("floor", floors);
  const refused = times.map((time) => time.refused);
  return {
    ratios: {
      p50_vs_floor: round(p50(refused) / p50(floors)),
      p99_vs_floor: round(quantile(refused, 0.99) / quantile(floors, 0.99)),
    },
    figures: { leavers: times.length, ...figures },
  };
}
