import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startBenchFeed } from "../guard-feed.ts";
import { benchIssuer, createBenchKey } from "../guard-tokens.ts";
import type { BenchOptions, BenchResult } from "../main.ts";
import { p50, round } from "../statistics.ts";
import {
  authz,
  type Contestant,
  haproxyWithMaps,
  joseSidecar,
  nginx,
  nodeServer,
  plainHaproxy,
  type Scene,
} from "./contestants.ts";
import { processorMs } from "./running.ts";
import { createWrk, type Load } from "./wrk.ts";

const liveTokens = 8_000;

/** What one round told of a contestant: a second's requests, and microseconds of a processor for each. */
type Told = { readonly perSec: number; readonly gatewayUs: number; readonly askedUs: number };

/**
 * What our checks cost a gateway: wrk through nginx that asks authz, through HAProxy that has the maps, and to
 * a Node server that has the guard, each against the same server without checks, and nginx that asks authz
 * against nginx that asks a sidecar of jose and Redis. All by turns, with 8,000 live tokens.
 */
export async function gateway({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-gateway-"));
  await chmod(directory, 0o755);
  const closers: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    const entries = quick ? 10_000 : 100_000;
    say(`starting the gateways, with ${entries} entries in the feed …`);
    const key = createBenchKey("RS256");
    const feed = await startBenchFeed(benchIssuer, entries);
    closers.push(() => feed.close());
    const tokens = Array.from({ length: liveTokens }, () => key.mint().text);
    const scene: Scene = { directory, key, feed, token: tokens[0] ?? "", closers };
    const contestants = await startContestants(scene, entries);
    const load = await createWrk(directory, tokens);
    const told = await race(contestants, load, quick, say);
    return resultOf(told, entries);
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

async function startContestants(scene: Scene, entries: number): Promise<ReadonlyMap<string, Contestant>> {
  const node = await nodeServer(scene, false);
  const application = Number(new URL(node.origin).port);
  return new Map([
    ["node", node],
    ["node_guard", await nodeServer(scene, true)],
    ["nginx", await nginx(scene, application)],
    ["nginx_authz", await nginx(scene, application, await authz(scene))],
    ["nginx_jose_redis", await nginx(scene, application, await joseSidecar(scene, entries))],
    ["haproxy", await plainHaproxy(scene, application)],
    ["haproxy_maps", await haproxyWithMaps(scene, application)],
  ]);
}

async function race(
  contestants: ReadonlyMap<string, Contestant>,
  load: (origin: string, seconds: number) => Promise<Load>,
  quick: boolean,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, readonly Told[]>> {
  const told = new Map([...contestants.keys()].map((name): [string, Told[]] => [name, []]));
  const [rounds, seconds] = quick ? [2, 2] : [7, 4];
  // The first round is the compilers'.
  for (let number = 0; number <= rounds; number += 1) {
    say(number === 0 ? "warming up …" : `round ${number} of ${rounds} …`);
    for (const [name, contestant] of contestants) {
      const outcome = await measure(contestant, load, seconds);
      if (number > 0) told.get(name)?.push(outcome);
    }
  }
  for (const [name, outcomes] of told)
    say(
      `${name.padEnd(18)} ${round(p50(outcomes.map(({ perSec }) => perSec)))}/s, µs a request: gateway ${round(p50(outcomes.map(({ gatewayUs }) => gatewayUs)))}, asked ${round(p50(outcomes.map(({ askedUs }) => askedUs)))}`,
    );
  return told;
}

async function measure(
  { origin, gateway, asked }: Contestant,
  load: (origin: string, seconds: number) => Promise<Load>,
  seconds: number,
): Promise<Told> {
  const msOf = (processes: Contestant["asked"]): number => processes.reduce((sum, one) => sum + processorMs(one), 0);
  const [gatewayMs, askedMs] = [msOf(gateway), msOf(asked)];
  const { perSec, requests } = await load(origin, seconds);
  return {
    perSec,
    gatewayUs: ((msOf(gateway) - gatewayMs) * 1_000) / requests,
    askedUs: ((msOf(asked) - askedMs) * 1_000) / requests,
  };
}

function resultOf(told: ReadonlyMap<string, readonly Told[]>, entries: number): BenchResult {
  const median = (name: string, what: keyof Told): number => p50((told.get(name) ?? []).map((one) => one[what]));
  const processor = (name: string): number => median(name, "gatewayUs") + median(name, "askedUs");
  const rate = (name: string, plain: string): number => round(median(name, "perSec") / median(plain, "perSec"));
  return {
    ratios: {
      // Of the processor's time: authz against jose and Redis, and with nginx itself on both sides.
      nginx_authz_vs_jose_redis_sidecar: round(
        median("nginx_authz", "askedUs") / median("nginx_jose_redis", "askedUs"),
      ),
      nginx_authz_vs_jose_redis_sidecar_with_nginx: round(processor("nginx_authz") / processor("nginx_jose_redis")),
      // Of requests in a second.
      nginx_authz_vs_nginx: rate("nginx_authz", "nginx"),
      nginx_jose_redis_vs_nginx: rate("nginx_jose_redis", "nginx"),
      haproxy_maps_vs_haproxy: rate("haproxy_maps", "haproxy"),
      node_guard_vs_node: rate("node_guard", "node"),
    },
    figures: {
      entries,
      live_tokens: liveTokens,
      ...Object.fromEntries(
        [...told.keys()].flatMap((name) => [
          [`${name}_per_sec`, round(median(name, "perSec"))],
          [`${name}_gateway_us`, round(median(name, "gatewayUs"))],
          [`${name}_asked_us`, round(median(name, "askedUs"))],
        ]),
      ),
    },
  };
}
