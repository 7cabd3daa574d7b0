import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startFleet } from "@rollcall/cli/fleet";
import { environmentWith, newId } from "@rollcall/core/runtime";
import { Client } from "pg";
import type { BenchOptions, BenchResult } from "../main.ts";
import { p50, round } from "../statistics.ts";
import { compareOneByOne, compareProfiles, compareRaw } from "./raw-compare.ts";
import { type SeededTenant, seedStores, spoilStores } from "./seed-stores.ts";

const oneByOneMax = 1_000;

type Compared = {
  readonly ms: number;
  readonly found: number;
  readonly state: string;
  readonly compared: number;
  readonly peakMib: number;
};

/**
 * A whole comparison of a directory with its user store, one user in a hundred of which is wrong: by the
 * reconciler's own pass, each in a process of its own, by turns with one raw FULL JOIN of the same
 * tables by their owner, and with a loop that lists and asks for each.
 */
export async function reconcile({ quick, say }: BenchOptions): Promise<BenchResult> {
  const sizes = quick ? [10_000, 50_000] : [10_000, 100_000, 1_000_000];
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const fleet = await startFleet(directory, [], { roles: [] });
  const client = new Client({ connectionString: fleet.databaseUrl });
  try {
    await client.connect();
    const ratios: Record<string, number> = {};
    const figures: Record<string, number> = {};
    for (const users of sizes) {
      const tenant = { tenantId: newId(), connectionId: newId(), users };
      say(`seeding ${users} users …`);
      await seedStores(client, tenant);
      const spoilt = await spoilStores(client, tenant);
      await client.query("VACUUM ANALYZE");
      const measured = await measure(fleet.databaseUrl, client, tenant, { rounds: quick ? 2 : 3, spoilt });
      const name = users >= 1_000_000 ? `${users / 1_000_000}m` : `${users / 1_000}k`;
      ratios[`compare_${name}_vs_raw`] = round(measured.ours / measured.raw);
      ratios[`compare_${name}_vs_profiles`] = round(measured.ours / measured.profiles);
      Object.assign(figures, {
        [`compare_${name}_ms`]: round(measured.ours),
        [`raw_${name}_ms`]: round(measured.raw),
        [`profiles_${name}_ms`]: round(measured.profiles),
        [`one_by_one_${name}_ms`]: round(measured.oneByOne),
        [`peak_mib_${name}`]: measured.peakMib,
        [`found_${name}`]: measured.found,
      });
      say(
        `${name.padStart(5)}: ${Math.round(measured.ours)} ms, raw ${Math.round(measured.raw)} ms, profiles alone ${Math.round(measured.profiles)} ms, one by one ${Math.round(measured.oneByOne)} ms, peak ${measured.peakMib} MiB, ${measured.found} found`,
      );
    }
    return { ratios, figures };
  } finally {
    await client.end();
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  databaseUrl: string,
  client: Client,
  tenant: SeededTenant,
  { rounds, spoilt }: { readonly rounds: number; readonly spoilt: number },
) {
  const [ours, raws, profiles]: [Compared[], number[], number[]] = [[], [], []];
  for (let at = 0; at < rounds; at += 1) {
    profiles.push((await timed(() => compareProfiles(client, tenant))).ms);
    const raw = await timed(() => compareRaw(client, tenant));
    raws.push(raw.ms);
    const own = await compareInProcess(databaseUrl, tenant);
    if (own.state !== "finished" || own.compared < tenant.users) throw new Error(`the run ended as ${own.state}`);
    if (own.found !== spoilt || raw.result !== spoilt)
      throw new Error(`${spoilt} were put wrong, ${own.found} were found, and ${raw.result} by the raw statement`);
    ours.push(own);
  }
  // Past so many users it takes minutes, and is as slow for each.
  const listed = Math.min(tenant.users, oneByOneMax);
  const oneByOne = await timed(() => compareOneByOne(client, tenant, listed));
  return {
    ours: p50(ours.map(({ ms }) => ms)),
    raw: p50(raws),
    profiles: p50(profiles),
    oneByOne: (oneByOne.ms * tenant.users) / listed,
    peakMib: Math.max(...ours.map(({ peakMib }) => peakMib)),
    found: spoilt,
  };
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ readonly ms: number; readonly result: Result }> {
  const startedAt = performance.now();
  const result = await work();
  return { ms: performance.now() - startedAt, result };
}

async function compareInProcess(databaseUrl: string, { tenantId }: SeededTenant): Promise<Compared> {
  const file = fileURLToPath(new URL("compare-process.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=rollcall-source", file, tenantId], {
    env: environmentWith({ DATABASE_URL: databaseUrl }),
    timeout: 3_600_000,
  });
  return JSON.parse(stdout) as Compared;
}
