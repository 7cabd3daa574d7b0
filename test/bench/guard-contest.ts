import { performance } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { arriving, type BenchToken } from "./guard-tokens.ts";
import { p50 } from "./statistics.ts";

/** What is timed: the work for one token that has just arrived. */
export type Contestant = (token: string, minted: BenchToken) => unknown;

export type ContestSize = {
  readonly rounds: number;
  /** Rounds before those, which are the compiler's. */
  readonly warmUp: number;
  /** How many batches a contestant does when it is its turn; one pays for its own garbage and warms its own caches. */
  readonly batches: number;
  /** Timed as one: well under a millisecond's work, so that on a busy machine most are not interrupted. */
  readonly batch: number;
};

/** All contestants by turns in every round, each time another one first; the median batch of each, in microseconds a token. */
export async function contest(
  { rounds, warmUp, batches, batch }: ContestSize,
  tokens: (count: number) => readonly BenchToken[],
  contestants: Readonly<Record<string, Contestant>>,
): Promise<Readonly<Record<string, number>>> {
  const names = Object.keys(contestants);
  const times = new Map(names.map((name): [string, number[]] => [name, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    const minted = tokens(batch * batches);
    for (let place = 0; place < names.length; place += 1) {
      const name = names[(round + warmUp + place) % names.length] as string;
      const run = contestants[name] as Contestant;
      const arrived = minted.map(arriving);
      // The feed is followed in between, as it is in a gateway.
      await turn();
      for (let start = 0; start < arrived.length; start += batch) {
        const us = await time(run, arrived, minted, start, start + batch);
        if (round >= 0) times.get(name)?.push(us / batch);
      }
    }
  }
  return Object.fromEntries([...times].map(([name, values]) => [name, p50(values)]));
}

async function time(
  run: Contestant,
  arrived: readonly string[],
  minted: readonly BenchToken[],
  from: number,
  to: number,
): Promise<number> {
  const startedAt = performance.now();
  for (let index = from; index < to; index += 1) {
    const outcome = run(arrived[index] as string, minted[index] as BenchToken);
    refuseRefusals(outcome instanceof Promise ? await outcome : outcome);
  }
  return (performance.now() - startedAt) * 1_000;
}

/** A contestant that refused what is good has not done the work it is timed for. */
export function refuseRefusals(outcome: unknown): void {
  if ((outcome as { readonly allow?: boolean } | undefined)?.allow === false)
    throw new Error(`a good token was refused: ${JSON.stringify(outcome)}`);
}
