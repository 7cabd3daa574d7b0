import { createGuard, type Guard, type GuardOptions } from "@rollcall/guard";
import { protect } from "@rollcall/guard/express";
import { createVerifier } from "fast-jwt";
import { createLocalJWKSet, jwtVerify } from "jose";
import { type Contestant, contest, type ContestSize, refuseRefusals } from "./guard-contest.ts";
import { type BenchFeed, startBenchFeed } from "./guard-feed.ts";
import { startRivals } from "./guard-rivals.ts";
import { measureTables } from "./guard-tables.ts";
import {
  type BenchAlgorithm,
  type BenchKey,
  type BenchToken,
  benchAudience,
  benchIssuer,
  createBenchKey,
} from "./guard-tokens.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { round } from "./statistics.ts";

const algorithms: readonly BenchAlgorithm[] = ["RS256", "ES256", "EdDSA"];
const goingRound = 1_600;
const liveTokens = 8_000;
const sizes = {
  firstSeen: (quick: boolean): ContestSize => ({ rounds: quick ? 25 : 200, warmUp: 20, batches: 10, batch: 8 }),
  repeated: (quick: boolean): ContestSize => ({ rounds: quick ? 25 : 200, warmUp: 10, batches: 8, batch: 100 }),
  stores: (quick: boolean): ContestSize => ({ rounds: quick ? 12 : 80, warmUp: 3, batches: 20, batch: 5 }),
};

/**
 * What a decision costs: tokens seen for the first time, and again among 8,000 live ones, with the feed
 * empty, at 100,000 and at a million entries; in one process, all contestants by turns in every round.
 */
export async function guard({ quick, say }: BenchOptions): Promise<BenchResult> {
  const figures: Record<string, number> = {};
  const ratios: Record<string, number> = {};
  // First, while there is nothing else in memory that could be collected meanwhile.
  Object.assign(figures, await measureTables(quick, say));
  const keys = algorithms.map(createBenchKey);
  const empty = await startBenchFeed(benchIssuer, 0);
  try {
    for (const key of keys) {
      const medians = await firstSeen(key, empty, sizes.firstSeen(quick));
      tell(say, `first seen, ${key.alg}`, medians);
      const name = key.alg.toLowerCase();
      for (const [who, us] of Object.entries(medians)) figures[`first_seen_${name}_${who}_us`] = round(us);
      ratios[`first_seen_${name}_vs_raw`] = round(medians["guard"]! / medians["raw"]!);
    }
  } finally {
    await empty.close();
  }
  await repeated(keys[0] as BenchKey, quick, say, figures, ratios);
  return { ratios, figures };
}

/** The guard remembers fewer tokens than go round, so that each is new to it whenever it comes. */
async function firstSeen(key: BenchKey, feed: BenchFeed, size: ContestSize): Promise<Readonly<Record<string, number>>> {
  const gate = await startGuard(key, feed, { rememberTokens: goingRound / 16 });
  const keySet = createLocalJWKSet({ keys: [key.jwk] });
  const options = { issuer: benchIssuer, audience: benchAudience, algorithms: [key.alg] };
  const fast = createVerifier({
    key: key.pem,
    algorithms: [key.alg],
    allowedIss: benchIssuer,
    allowedAud: benchAudience,
  });
  const next = pick(Array.from({ length: goingRound }, key.mint), 1);
  const medians = await contest(size, next, {
    raw: (_, minted) => key.verifyRaw(minted),
    guard: (token) => gate.check(token),
    jose: (token) => jwtVerify(token, keySet, options),
    fast_jwt: (token) => fast(token) as unknown,
  });
  const { recalled, verified } = gate.metrics().tokens;
  if (recalled > verified / 100) throw new Error(`${recalled} tokens were remembered that had to be new`);
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
      const fast = await contest(sizes.repeated(quick), some, {
        guard: (token) => gate.check(token),
        guard_express: middleware,
        fast_jwt_cached: (token) => cached(token) as unknown,
      });
      const slow = await contest(sizes.stores(quick), some, {
        express_jwt_redis: rivals.redis,
        express_jwt_postgres: rivals.postgres,
      });
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

/** Tokens from all over the live ones, so that none is warmer than in a gateway. */
function pick(live: readonly BenchToken[], stride = 7_919): (count: number) => readonly BenchToken[] {
  let at = 0;
  return (count) => Array.from({ length: count }, () => live[(at += stride) % live.length] as BenchToken);
}

function tell(say: (line: string) => void, what: string, medians: Readonly<Record<string, number>>): void {
  const row = Object.entries(medians).map(([who, us]) => `${who} ${us.toFixed(2)}`);
  say(`${what.padEnd(28)} ${row.join("  ")}   µs, medians`);
}
