import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, startFleet } from "@rollcall/cli/fleet";
import { denySubject, findTenant, sql } from "@rollcall/core/store";
import { until } from "../harness/until.ts";
import type { ClientOrder, ClientWord } from "./fanout-clients.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { quantile, round } from "./statistics.ts";

const issuer = "https://idp.bench.test";
const feed = "acme";
const tokenCount = 50;
const settleMs = 1_000;
// What a process holds beside the sockets that are measured.
const spareFiles = 500;
const run = promisify(execFile);

type Gateways = { readonly child: ChildProcess; readonly received: (readonly [number, number])[] };
type Target = { readonly port: number; readonly count: number };

/**
 * From the publication of a denial, by the database's clock, until each gateway's socket has it: real
 * sockets that long-poll one feed process, one denial a second; then ten times as many behind two relays.
 */
export async function fanout({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const direct = quick ? 500 : 5_000;
  const wantedPerRelay = quick ? 250 : 25_000;
  const denials = quick ? 8 : 30;
  // Two cores are all these gateways too, and need some seconds to be told, each of them, and to ask again.
  const relayed = quick ? { denials, everyMs: 1_000 } : { denials: 10, everyMs: 6_000 };
  const settings = { FEED_REQUESTS_PER_SEC: "100000" };
  const fleet = await startFleet(directory, [issuer], { roles: ["reconciler", "feed"], settings });
  try {
    const tenant = await findTenant(fleet.database, feed);
    if (tenant === undefined) throw new Error("the fleet has no tenant");
    const port = Number(new URL(fleet.feedUrl).port);
    say(`${direct} gateways on one feed process, one denial a second …`);
    const plain = await measure(fleet, tenant.id, [{ port, count: direct }], { denials, everyMs: 1_000 }, say);
    const relays = await Promise.all([startRelay(fleet), startRelay(fleet)]);
    const room = await Promise.all(relays.map(({ child }) => roomFor(child, wantedPerRelay)));
    const perRelay = Math.min(wantedPerRelay, ...room);
    say(`${perRelay * 2} gateways behind two relays …`);
    const behind = await measure(
      fleet,
      tenant.id,
      relays.map((relay) => ({ port: relay.port, count: perRelay })),
      relayed,
      say,
    );
    for (const { child } of relays) child.disconnect();
    return {
      ratios: { p99_relayed_vs_direct: round(behind.p99 / plain.p99) },
      figures: {
        gateways: direct,
        p50_ms: plain.p50,
        p99_ms: plain.p99,
        max_ms: plain.max,
        missed: plain.missed,
        relayed_gateways: perRelay * 2,
        relayed_p50_ms: behind.p50,
        relayed_p99_ms: behind.p99,
        relayed_missed: behind.missed,
      },
    };
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(
  fleet: Fleet,
  tenantId: string,
  targets: readonly Target[],
  { denials, everyMs }: { readonly denials: number; readonly everyMs: number },
  say: (line: string) => void,
) {
  const tokens: string[] = [];
  for (let at = 0; at < tokenCount; at += 1)
    tokens.push((await fleet.credentials.issue({ purpose: "feed", tenantId, label: "bench" })).token);
  const first = await headOf(fleet, tenantId);
  const groups = await Promise.all(targets.map((target) => startGateways(target, `1-${first}`, tokens)));
  await delay(settleMs);
  for (let at = 0; at < denials; at += 1) {
    const sub = `leaver-${first}-${at}`;
    await denySubject(fleet.database, tenantId, { iss: issuer, sub }, { actor: "bench", at: new Date() });
    await delay(everyMs);
  }
  const expected = denials * targets.reduce((sum, { count }) => sum + count, 0);
  const got = (): number => groups.reduce((sum, { received }) => sum + received.length, 0);
  await until("every gateway has every denial", () => got() >= expected, 30_000).catch(() => undefined);
  for (const { child } of groups) child.send("stop" satisfies ClientOrder);

  const rows = await fleet.database.once<{ seq: number; at: number }>(
    tenantId,
    sql`SELECT seq, extract(epoch FROM published_at)::float8 * 1000 AS at FROM feed_entry WHERE seq > ${first}`,
  );
  const publishedAt = new Map(rows.map(({ seq, at }) => [seq, at]));
  const tookMs = groups.flatMap(({ received }) => received.map(([seq, at]) => at - (publishedAt.get(seq) ?? at)));
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => round(quantile(tookMs, share))) as [number, number, number];
  say(`p50 ${p50} ms, p99 ${p99} ms, max ${max} ms, ${expected - got()} missed of ${expected}`);
  return { p50, p99, max, missed: expected - got() };
}

async function headOf(fleet: Fleet, tenantId: string): Promise<number> {
  const [row] = await fleet.database.once<{ seq: number }>(tenantId, sql`SELECT seq FROM feed_meta`);
  return row?.seq ?? 0;
}

async function startGateways({ port, count }: Target, cursor: string, tokens: readonly string[]): Promise<Gateways> {
  const child = forkBench("./fanout-clients.ts", []);
  await roomFor(child, count);
  const received: (readonly [number, number])[] = [];
  const waiting = Promise.withResolvers<void>();
  child.on("message", (word: ClientWord) => {
    if ("waiting" in word) waiting.resolve();
    else for (const one of word.received) received.push(one);
  });
  child.send({ port, path: `/v1/feeds/${feed}/changes`, cursor, tokens, count } satisfies ClientOrder);
  await waiting.promise;
  return { child, received };
}

async function startRelay(fleet: Fleet): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = forkBench("./fanout-relay.ts", [fleet.feedUrl, fleet.tokens.feed]);
  const [address] = (await once(child, "message")) as [AddressInfo];
  return { child, port: address.port };
}

/** Lets a process hold so many sockets, where we may; answers how many it can. */
async function roomFor(child: ChildProcess, sockets: number): Promise<number> {
  const asked = ["--pid", String(child.pid)];
  const limit = async (): Promise<number> =>
    Number((await run("prlimit", [...asked, "--nofile", "--noheadings", "--output=SOFT"])).stdout.trim());
  const files = sockets + spareFiles;
  if ((await limit()) < files) await run("prlimit", [...asked, `--nofile=${files}:${files}`]).catch(() => undefined);
  return (await limit()) - spareFiles;
}

function forkBench(file: string, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ["--conditions=rollcall-source"],
    stdio: ["ignore", 2, "inherit", "ipc"],
  });
}
