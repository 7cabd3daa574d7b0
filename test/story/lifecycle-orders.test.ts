import { describe, expect, test } from "vitest";
import { type Disturbance, walkEveryOrder } from "../harness/every-order.ts";
import {
  applyBatch,
  directoryAt,
  emptyStore,
  endOf,
  failBatch,
  type Lifetime,
  type Store,
  wrongWith,
} from "../harness/lifecycle-model.ts";

// What SCIM says is ordered by its acceptance. What varies is in which order, how often and together with
// what workers come to it, and how far the directory is by then. An admin's act may come at any time too.
const lives: readonly (readonly [string, Lifetime])[] = [
  ["a leaver who comes back", ["create", "rename", "disable", "enable", "join", "suspend", "delete", "create"]],
  ["a leaver", ["create", "rename", "join", "suspend", "disable", "enable", "join", "delete"]],
  [
    "somebody whom an admin suspends",
    ["create", "join", "disable", "enable", "rename", "disable", "enable", "suspend"],
  ],
  [
    "somebody who is changed while they are out",
    ["create", "join", "disable", "rename", "rename", "enable", "join", "rename"],
  ],
];

const factorial = (of: number): number => (of <= 1 ? 1 : of * factorial(of - 1));
const eight = factorial(8);
const eightAndOneMore = (8 * factorial(9)) / 2;

const disturbances: readonly (readonly [Disturbance, number])[] = [
  ["nothing", eight],
  ["one twice", eightAndOneMore],
  ["one lost and retried", eightAndOneMore],
  ["one failed and retried", eightAndOneMore],
];

describe.each(lives)("the eight events of %s", (_who, life) => {
  describe.each(["as they come", "all first"] as const)("committed %s,", (writing) => {
    test.each(disturbances)("end as the rules say, in every order: with %s, %i orders", (disturbance, orders) => {
      const walked = walk(life, writing, disturbance);
      expect(walked.orders).toBe(orders);
      expect(walked.ends.map((store) => [wrongWith(store, endOf(life)), store.applied])).toEqual(
        walked.ends.map(() => [[], directoryAt(life, 7).version]),
      );
      // What gateways must refuse besides is open only where nobody could have had a token.
      const { cutSec } = endOf(life);
      if (cutSec?.from === cutSec?.to) expect(walked.ends).toHaveLength(1);
    });

    test("end as the rules say, however they are taken together", () => {
      const walked = walk(life, writing, "in batches");
      // Every way to line up eight things with ties, of which one may have to stand alone.
      expect(walked.orders).toBe(life.includes("suspend") ? 296_564 : 545_835);
      expect(walked.ends.flatMap((store) => wrongWith(store, endOf(life)))).toEqual([]);
    });
  });
});

test("whoever is up to date with a directory that refuses somebody refuses them, at every moment of every order", () => {
  const wrong: string[] = [];
  for (const [who, life] of lives)
    for (const writing of ["as they come", "all first"] as const)
      walk(life, writing, "one twice", (store, written) => {
        const { version, active, deleted } = directoryAt(life, written);
        const isRefused = store.denials.some((reason) => reason.startsWith("idp_"));
        if (store.applied === version && isRefused !== (deleted || !active)) wrong.push(`${who} at ${written}`);
        // Before any worker has come to the user no subject is theirs, and there is nothing to tell of it.
        if (store.known && store.revocation?.deny !== true && store.denials.length > 0)
          wrong.push(`${who}: gateways at ${written}`);
      });
  expect(wrong).toEqual([]);
});

function walk(
  life: Lifetime,
  writing: "as they come" | "all first",
  disturbance: Disturbance,
  look: (store: Store, written: number) => void = () => undefined,
) {
  const alone = life.indexOf("suspend");
  return walkEveryOrder<Store>({
    events: life.length,
    disturbance,
    writing,
    start: emptyStore,
    ...(alone === -1 ? {} : { alone }),
    next: (store, taken, written, fails) => {
      const next = fails ? failBatch(store, life, written, taken[0] ?? -1) : applyBatch(store, life, written, taken);
      look(next, written);
      return next;
    },
  });
}
