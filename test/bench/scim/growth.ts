import { performance } from "node:perf_hooks";
import type { Fleet } from "@rollcall/cli/fleet";
import { type LoadRequest, open } from "../http-load.ts";
import type { BenchResult } from "../main.ts";
import { p50, round } from "../statistics.ts";
import { type Contestant, requestsOf } from "./contestant.ts";
import { seededConnection } from "./seeded-connection.ts";

/**
 * How the cost of one request grows with the directory: the same request by turns to a small and to a
 * large connection, one at a time, and the ratio of the medians.
 */
export async function measureGrowth(fleet: Fleet, quick: boolean, say: (line: string) => void): Promise<BenchResult> {
  const large = quick ? 20_000 : 1_000_000;
  const manyMembers = quick ? 2_000 : 100_000;
  say(`seeding ${large} users …`);
  const small = await seededConnection(fleet, "small", 1_000, 10);
  const big = await seededConnection(fleet, "large", large, manyMembers);
  const name = quick
    ? { users: `${large / 1_000}k`, members: `${manyMembers / 1_000}k` }
    : { users: "1m", members: "100k" };

  const ratios: Record<string, number> = {};
  const figures: Record<string, number> = { growth_users: large, growth_members: manyMembers };
  const compare = async (
    key: string,
    requestFor: (contestant: Contestant, total: number) => (number: number) => LoadRequest,
  ) => {
    const [least, most] = await byTurns(
      [small, requestFor(small, 1_000)],
      [big, requestFor(big, large)],
      quick ? 60 : 300,
    );
    ratios[key] = round(most / least);
    Object.assign(figures, { [`${key}_small_ms`]: round(least), [`${key}_large_ms`]: round(most) });
    say(`${key.padEnd(24)} ${round(least)} ms, then ${round(most)} ms`);
  };
  await compare(`filter_${name.users}_vs_1k`, (contestant) => requestsOf(contestant, "filter", 0));
  await compare(`page_${name.users}_vs_1k`, (contestant) => requestsOf(contestant, "page", 0));
  await compare(`last_page_${name.users}_vs_1k`, ({ base }, total) => () => ({
    method: "GET",
    path: `${base}/Users?startIndex=${total - 99}&count=100`,
    statuses: [200],
  }));
  await compare(`member_${name.members}_vs_10`, (contestant) => requestsOf(contestant, "member", 0));
  return { ratios, figures };
}

type Side = readonly [Contestant, (number: number) => LoadRequest];

/** The medians, in milliseconds, of one request at a time, taken by turns. */
async function byTurns(first: Side, second: Side, count: number): Promise<readonly [number, number]> {
  const connections = await Promise.all([open(first[0].target), open(second[0].target)]);
  const times: readonly [number[], number[]] = [[], []];
  for (let number = 0; number < count; number += 1) {
    for (const [at, [, requestOf]] of [first, second].entries()) {
      const wanted = requestOf(number);
      const startedAt = performance.now();
      const answer = await connections[at]?.send(wanted);
      times[at]?.push(performance.now() - startedAt);
      if (answer === undefined || !wanted.statuses.includes(answer.status))
        throw new Error(
          `${wanted.method} ${wanted.path} was answered ${answer?.status}: ${answer?.text.slice(0, 300)}`,
        );
    }
  }
  for (const connection of connections) connection.close();
  return [p50(times[0]), p50(times[1])];
}
