import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Fleet, startFleet } from "@rollcall/cli/fleet";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { Client } from "pg";
import { chromium } from "playwright-core";
import { browserPath } from "../../harness/browser-path.ts";
import { until } from "../../harness/until.ts";
import type { BenchOptions, BenchResult } from "../main.ts";
import { type SeededTenant, seedStores } from "../reconcile/seed-stores.ts";
import { p50, quantile, round } from "../statistics.ts";
import { seedHistory } from "./seed-history.ts";

const lists = ["users", "events", "revocations", "audit"] as const;
const smallUsers = 1_000;
const foldMsMax = 600_000;

type Times = { readonly ms: readonly number[]; readonly rows: number };

/**
 * The console in front of a large tenant and of a small one in the same database, by turns: how long
 * Chromium takes from the click on an address to an overview that answers its keys, what the overview's
 * question costs, and whether the last pages of each list cost what the first ones do.
 */
export async function consolePages({ quick, say }: BenchOptions): Promise<BenchResult> {
  const users = quick ? 20_000 : 1_000_000;
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const fleet = await startFleet(directory, [], { roles: ["console", "reconciler"] });
  try {
    const [small, large] = [await seed(fleet, smallUsers, say), await seed(fleet, users, say)];
    const { token } = await fleet.credentials.issue({ purpose: "admin", tenantId: undefined, label: "bench" });
    const ask = asker(fleet.consoleUrl, token);
    say("folding what happened …");
    await until("all is folded", async () => isFolded(fleet, [small, large]), foldMsMax);

    const overviews = await overviewsByTurns(ask, [small, large], quick ? 20 : 100);
    const opened = await openedByTurns(fleet.consoleUrl, token, [small, large], quick ? 3 : 10, say);
    const ratios: Record<string, number> = {
      overview_vs_small: round(p50(overviews.large) / p50(overviews.small)),
      opened_vs_small: round(p50(opened.large) / p50(opened.small)),
      shown_vs_small: round(p50(opened.shown.large) / p50(opened.shown.small)),
    };
    const figures: Record<string, number> = {
      users,
      events: users,
      overview_p50_ms: round(p50(overviews.large)),
      overview_p99_ms: round(quantile(overviews.large, 0.99)),
      shown_p50_ms: round(p50(opened.shown.large)),
      opened_p50_ms: round(p50(opened.large)),
      opened_slowest_ms: round(Math.max(...opened.large)),
    };
    for (const list of lists) {
      say(`walking through ${list} …`);
      const { ms, rows } = await walk(ask, `${pathOf(large)}/${list}`);
      const tenth = Math.max(1, Math.floor(ms.length / 10));
      ratios[`${list}_last_pages_vs_first`] = round(p50(ms.slice(-tenth)) / p50(ms.slice(0, tenth)));
      figures[`${list}_rows`] = rows;
      figures[`${list}_page_p50_ms`] = round(p50(ms));
    }
    return { ratios, figures };
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function seed(fleet: Fleet, users: number, say: BenchOptions["say"]): Promise<SeededTenant> {
  const tenant = { tenantId: newId(), connectionId: newId(), users };
  say(`seeding ${users} users and as many events …`);
  const client = new Client({ connectionString: fleet.databaseUrl });
  await client.connect();
  try {
    await seedStores(client, tenant);
    await seedHistory(client, tenant);
    await client.query("VACUUM ANALYZE");
  } finally {
    await client.end();
  }
  return tenant;
}

async function isFolded({ database }: Fleet, tenants: readonly SeededTenant[]): Promise<boolean> {
  const [behind] = await database.house<{ behind: boolean }>(
    sql`SELECT position < (SELECT max(id) FROM lifecycle_event) AS behind FROM lag_cursor WHERE stage = 'accepted'`,
  );
  const counted = await Promise.all(
    tenants.map(({ tenantId, users }) =>
      database.once(tenantId, sql`SELECT FROM people_count WHERE admitted + shut_out = ${users}::int`),
    ),
  );
  return behind?.behind === false && counted.every(({ length }) => length === 1);
}

type Ask = (path: string) => Promise<{ readonly ms: number; readonly body: unknown }>;

function asker(url: string, token: string): Ask {
  return async (asked) => {
    const startedAt = performance.now();
    const answer = await fetch(`${url}/v1/admin${asked}`, { headers: { authorization: `Bearer ${token}` } });
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(`${asked} is answered ${answer.status} ${JSON.stringify(body)}`);
    return { ms: performance.now() - startedAt, body };
  };
}

function pathOf({ tenantId }: SeededTenant): string {
  return `/tenants/b-${tenantId}`;
}

type ByTurns = { readonly small: readonly number[]; readonly large: readonly number[] };

async function overviewsByTurns(
  ask: Ask,
  [small, large]: readonly [SeededTenant, SeededTenant],
  rounds: number,
): Promise<ByTurns> {
  const times = { small: [] as number[], large: [] as number[] };
  for (let at = -3; at < rounds; at += 1)
    for (const [name, tenant] of [["small", small] as const, ["large", large] as const]) {
      const { ms } = await ask(`${pathOf(tenant)}/overview`);
      // The first few make the connections and their plans.
      if (at >= 0) times[name].push(ms);
    }
  return times;
}

/** Each time in a browser that has never been here, from the address to an overview with its figures and a working menu. */
async function openedByTurns(
  url: string,
  token: string,
  [small, large]: readonly [SeededTenant, SeededTenant],
  rounds: number,
  say: BenchOptions["say"],
): Promise<ByTurns & { readonly shown: ByTurns }> {
  if (browserPath === undefined) throw new Error("there is no Chromium here: install chromium");
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  try {
    const visitor = await browser.newContext();
    const page = await visitor.newPage();
    await page.goto(`${url}/console/`);
    await page.getByLabel("Admin token").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("button", { name: "Log out" }).waitFor();
    const storageState = await visitor.storageState();
    const times = { small: [] as number[], large: [] as number[] };
    const shown = { small: [] as number[], large: [] as number[] };
    for (let at = 0; at < rounds; at += 1)
      for (const [name, tenant] of [["small", small] as const, ["large", large] as const]) {
        const context = await browser.newContext({ storageState });
        const fresh = await context.newPage();
        const startedAt = performance.now();
        await fresh.goto(`${url}/console/t/b-${tenant.tenantId}`, { waitUntil: "commit" });
        await fresh.locator(".line").waitFor();
        shown[name].push(performance.now() - startedAt);
        await fresh.getByRole("link", { name: "Users" }).click();
        await fresh.waitForURL(/\/users$/);
        times[name].push(performance.now() - startedAt);
        await context.close();
      }
    say(`opened in ${round(p50(times.large))} ms, the small one in ${round(p50(times.small))} ms`);
    return { ...times, shown };
  } finally {
    await browser.close();
  }
}

/** Every page of a list, one after the other, as a program reads it. */
async function walk(ask: Ask, list: string): Promise<Times> {
  const ms: number[] = [];
  let rows = 0;
  let after: string | undefined;
  do {
    const place = after === undefined ? "" : `&after=${encodeURIComponent(after)}`;
    const page = await ask(`${list}?limit=200${place}`);
    const { items, next } = page.body as { readonly items: readonly unknown[]; readonly next?: string };
    ms.push(page.ms);
    rows += items.length;
    after = next;
  } while (after !== undefined);
  return { ms, rows };
}
