import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { createGuard, type Guard, type GuardOptions } from "@rollcall/guard";
import { protect } from "@rollcall/guard/express";
import { createVerifier } from "fast-jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import { type BenchFeed, startBenchFeed } from "./guard-feed.ts";
import { startRivals } from "./guard-rivals.ts";
import { measureTables } from "./guard-tables.ts";
import {
  arriving,
  type BenchAlgorithm,
  type BenchKey,
  type BenchToken,
  benchAudience,
  benchIssuer,
  createBenchKey,
} from "./guard-tokens.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { p50, round } from "./statistics.ts";

/** What is timed: one pass over tokens that arrive, waiting for each. */
type Contestant = (token: string, minted: BenchToken) => unknown;
type Contest = Readonly<Record<string, Contestant>>;

const algorithms: readonly BenchAlgorithm[] = ["RS256", "ES256", "EdDSA"];
/** Less than a millisecond's work, so that on a busy machine most batches are not interrupted. */
const batch = 8;
const repeatedBatch = 100;
const goingRound = 1_600;
/** So many of each contestant's first tokens are the compiler's. */
const warmUpTokens = { inMemory: 3_200, withStore: 400 };
const liveTokens = 8_000;
const storeBatch = 5;

/**
 * What a decision costs: tokens seen for the first time, and again among 8,000 live ones, with the feed
 * empty, at 100,000 and at a million entries; in one process, all contestants by turns in every round.
 */
export async function guard({ quick, say }: BenchOptions): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  const keys = algorithms.map(createBenchKey);
  const empty = await startBenchFeed(benchIssuer, 0);
  try {
    for (const key of keys) {
      const medians = await firstSeen(key, empty, quick ? 300 : 2_000);
      tell(say, `first seen, ${key.alg}`, medians);
      const name = key.alg.toLowerCase();
      for (const [who, us] of Object.entries(medians)) figures[`first_seen_${name}_${who}_us`] = round(us);
      ratios[`first_seen_${name}_vs_raw`] = round(medians["guard"]! / medians["raw"]!);
    }
  } finally {
    await empty.close();
  }
  Object.assign(figures, await measureTables(quick, say));
  await repeated(keys[0] as BenchKey, quick, say, figures, ratios);
  return { ratios, figures };
}

/** The guard remembers fewer tokens than go round, so that each is new to it whenever it comes. */
async function firstSeen(key: BenchKey, feed: BenchFeed, rounds: number): Promise<Readonly<Record<string, number>>> {
  const gate = await startGuard(key, feed, { rememberTokens: goingRound / 4 });
  const keySet = createLocalJWKSet({ keys: [key.jwk] });
  const options = { issuer: benchIssuer, audience: benchAudience, algorithms: [key.alg] };
  const fast = createVerifier({
    key: key.pem,
    algorithms: [key.alg],
    allowedIss: benchIssuer,
    allowedAud: benchAudience,
  });
  const next = pick(Array.from({ length: goingRound }, key.mint), 1);
  const medians = await contest(rounds, batch, () => next(batch), {
    raw: (_, minted) => key.verifyRaw(minted),
    guard: (token) => gate.check(token),
    jose: (token) => jwtVerify(token, keySet, options),
    fast_jwt: (token) => fast(token) as unknown,
  });
  if (gate.metrics().tokens.recalled > 0) throw new Error("a token was remembered that had to be new");
  await gate.close();
  return medians;
}

async function repeated(
  key: BenchKey,
  quick: boolean,
  say: (line: string) => void,
  figures: Record<string, number>,
  ratios: Record<string, number>,
): Promise<void> {
  const live = Array.from({ length: liveTokens }, key.mint);
  const cached = createVerifier({
    key: key.pem,
    algorithms: [key.alg],
    allowedIss: benchIssuer,
    allowedAud: benchAudience,
    cache: liveTokens * 2,
  });
  const rivals = await startRivals(key);
  try {
    for (const entries of [0, 100_000, 1_000_000]) {
      const feed = await startBenchFeed(benchIssuer, entries);
      await rivals.fill(entries);
      const gate = await startGuard(key, feed);
      const middleware = throughExpress(gate);
      for (const token of live) {
        refuseRefusals(await gate.check(token.text));
        cached(token.text);
      }
      const some = pick(live);
      const fast = await contest(quick ? 150 : 800, repeatedBatch, () => some(repeatedBatch), {
        guard: (token) => gate.check(token),
        guard_express: middleware,
        fast_jwt_cached: (token) => cached(token) as unknown,
      });
      const slow = await contest(
        quick ? 60 : 400,
        storeBatch,
        () => some(storeBatch),
        {
          express_jwt_redis: rivals.redis,
          express_jwt_postgres: rivals.postgres,
        },
        warmUpTokens.withStore,
      );
      tell(say, `repeated, ${entries} entries`, { ...fast, ...slow });
      for (const [who, us] of Object.entries({ ...fast, ...slow }))
        figures[`repeated_${entries}_${who}_us`] = round(us);
      figures["repeated_us"] = round(fast["guard"]!);
      // Their middleware against ours, at the same number of entries.
      ratios["repeated_vs_express_jwt_redis"] = round(slow["express_jwt_redis"]! / fast["guard_express"]!);
      ratios["repeated_vs_express_jwt_postgres"] = round(slow["express_jwt_postgres"]! / fast["guard_express"]!);
      await gate.close();
      await feed.close();
    }
  } finally {
    await rivals.close();
  }
}

/** By turns, each a batch of tokens it has not been given in this round before; medians in microseconds. */
async function contest(
  rounds: number,
  size: number,
  tokens: () => readonly BenchToken[],
  contestants: Contest,
  warmUpCount = warmUpTokens.inMemory,
): Promise<Readonly<Record<string, number>>> {
  const names = Object.keys(contestants);
  const times = new Map(names.map((name): [string, number[]] => [name, []]));
  const warmUp = Math.ceil(warmUpCount / size);
  for (let at = 0; at < rounds + warmUp; at += 1) {
    const minted = tokens();
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(at + place) % names.length] as string;
      const run = contestants[name] as Contestant;
      const arrived = minted.map(arriving);
      // The feed is followed in between, as it is in a gateway.
      await turn();
      const startedAt = performance.now();
      for (let index = 0; index < arrived.length; index += 1) {
        const outcome = run(arrived[index] as string, minted[index] as BenchToken);
        refuseRefusals(outcome instanceof Promise ? await outcome : outcome);
      }
      const us = ((performance.now() - startedAt) * 1_000) / size;
      if (at >= warmUp) times.get(name)?.push(us);
    }
  }
  return Object.fromEntries([...times].map(([name, values]) => [name, p50(values)]));
}

async function startGuard(key: BenchKey, feed: BenchFeed, more: Partial<GuardOptions> = {}): Promise<Guard> {
  const gate = createGuard({
    ...more,
    issuers: [{ issuer: benchIssuer, audience: benchAudience, jwks: { keys: [key.jwk] } }],
    feed: { url: feed.url, token: "bench", gateway: "bench", keys: feed.keys },
    stale: "deny",
    unknown: "allow",
    onError: (error) => process.stderr.write(`${error.message}\n`),
  });
  await gate.start();
  if (!gate.status().fresh) throw new Error("the guard has not taken the feed");
  return gate;
}

function throughExpress(gate: Guard): Contestant {
  const middleware = protect(gate);
  const response = { writeHead: () => undefined, end: () => undefined };
  return (token) =>
    new Promise<void>((resolve, reject) => {
      const authorization = `Bearer ${token}`;
      const headers = { host: "api.example.com", authorization };
      const request = {
        headers,
        rawHeaders: ["Host", "api.example.com", "Authorization", authorization],
        originalUrl: "/",
      };
      void middleware(request, response, (error) => (error === undefined ? resolve() : reject(error as Error)));
    });
}

/** A contestant that refused what is good has not done the work it is timed for. */
function refuseRefusals(outcome: unknown): void {
  if ((outcome as { readonly allow?: boolean } | undefined)?.allow === false)
    throw new Error(`a good token was refused: ${JSON.stringify(outcome)}`);
}

/** Tokens from all over the live ones, so that none is warmer than in a gateway. */
function pick(live: readonly BenchToken[], stride = 7_919): (count: number) => readonly BenchToken[] {
  let at = 0;
  return (count) => Array.from({ length: count }, () => live[(at += stride) % live.length] as BenchToken);
}

function tell(say: (line: string) => void, what: string, medians: Readonly<Record<string, number>>): void {
  const row = Object.entries(medians).map(([who, us]) => `${who} ${us.toFixed(2)}`);
  say(`${what.padEnd(28)} ${row.join("  ")}   µs, medians`);
}
