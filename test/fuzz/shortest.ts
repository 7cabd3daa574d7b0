import { outcomeOf, type Target } from "./targets.ts";

export type Finding = {
  readonly target: string;
  readonly problem: string;
  readonly input: string;
  readonly turn: number;
};

const triesMax = 500;

/** The finding with as short an input as leads to the same problem. */
export function shortest(target: Target, problem: string, given: string, turn: number): Finding {
  let input = given;
  let tries = 0;
  for (let size = Math.ceil(input.length / 2); size >= 1 && tries < triesMax; size = Math.floor(size / 2)) {
    for (let start = 0; start < input.length && tries < triesMax; tries += 1) {
      const without = input.slice(0, start) + input.slice(start + size);
      if (problemOf(target, without, turn) === problem) input = without;
      else start += size;
    }
  }
  return { target: target.name, problem: `${problem}${placeOf(target, input, turn)}`, input, turn };
}

/** What is wrong with what a reader did, in one line; undefined where it answered or refused. */
export function problemOf(target: Target, input: string, turn: number): string | undefined {
  try {
    outcomeOf(target, input, turn);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message.split("\n", 1)[0]}` : `threw a ${typeof error}`;
  }
}

function placeOf(target: Target, input: string, turn: number): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 10;
  try {
    outcomeOf(target, input, turn);
    return "";
  } catch (error) {
    const frames = error instanceof Error ? (error.stack ?? "").split("\n") : [];
    return frames.find((frame) => frame.includes("/apps/"))?.replace(/^ *at/, ", at") ?? "";
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
