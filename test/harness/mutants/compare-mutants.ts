import type { Mutant } from "./mutant.ts";

const store = "apps/core/src/store";
const compare = "apps/reconciler/src/compare";
const sieve = `${store}/compare-users-sieve.ts`;

/** Mistakes by which a difference would not be seen, what waits would be healed, or a run would lose its place. */
export const compareMutants: readonly Mutant[] = [
  {
    name: "strangers by the hundred are shut out unasked where they are in groups",
    file: `${compare}/chosen-events.ts`,
    changes: [
      { from: "(isStranger(difference) || difference.connectionId === undefined)", to: "isStranger(difference)" },
    ],
    caughtBy: { file: "compare", test: "strangers by the hundred are told, and left to a person" },
  },
  {
    name: "what waits to be applied is taken for drift",
    file: `${store}/compare-users.ts`,
    changes: [
      {
        from: "if (isOther || row.waits || row.groups_wait) waiting.push(row.id);",
        to: "if (isOther) waiting.push(row.id);",
      },
    ],
    caughtBy: { file: "compare", test: "a nested group that is taken out, applied one event at a time" },
  },
  {
    name: "a group that is still passed on is taken for applied",
    file: `${store}/compare-users.ts`,
    changes: [{ from: "row.waits || row.groups_wait)", to: "row.waits)" }],
    caughtBy: { file: "compare", test: "is behind, and no drift: > a group's end" },
  },
  {
    name: "a leaver without a denial looks right",
    file: sieve,
    changes: [{ from: "ELSE reason.size = 1 AND reason.reason = 'idp_inactive' END", to: "ELSE true END" }],
    caughtBy: { file: "drift-kinds", test: "wrong_state: nothing says that a leaver has left" },
  },
  {
    name: "a denial of which gateways were not told looks right",
    file: sieve,
    changes: [{ from: "WHEN entry.deny IS NOT TRUE THEN false", to: "WHEN entry.deny IS NOT TRUE THEN true" }],
    caughtBy: { file: "drift-kinds", test: "wrong_state: gateways let a denied leaver in" },
  },
  {
    name: "a stranger is taken out and its tokens live on",
    file: `${store}/converge-strangers.ts`,
    changes: [{ from: "deny: true, nbf:", to: "deny: false, nbf:" }],
    caughtBy: { file: "drift-kinds", test: "a subject that leads to a user by nobody's word" },
  },
  {
    name: "a dry run heals",
    file: `${compare}/chosen-events.ts`,
    changes: [{ from: 'if (run.heals === "none") return [];', to: "" }],
    caughtBy: { file: "drift-kinds", test: "missing: a user is gone" },
  },
  {
    name: "the schedule tries again what was given up",
    file: `${compare}/chosen-events.ts`,
    changes: [{ from: "difference.isGivenUp || isTooMany(difference)", to: "isTooMany(difference)" }],
    caughtBy: { file: "compare", test: "what was given up is told, left alone by the schedule" },
  },
  {
    name: "whoever has lost a part of the directory shuts out those people",
    file: `${compare}/chosen-events.ts`,
    changes: [{ from: "strangers > strangersMax && (isStranger", to: "strangers < 0 && (isStranger" }],
    caughtBy: { file: "compare", test: "strangers by the hundred are told, and left to a person" },
  },
  {
    name: "a run that was cancelled goes on",
    file: `${store}/resync-steps.ts`,
    changes: [{ from: "AND state = 'running' AND cursor IS NOT DISTINCT FROM", to: "AND cursor IS NOT DISTINCT FROM" }],
    caughtBy: { file: "resync", test: "a run that is cancelled stops" },
  },
  {
    name: "two who go on with one run both record the step",
    file: `${store}/resync-steps.ts`,
    changes: [
      {
        from: "AND cursor IS NOT DISTINCT FROM ${jsonOf(run.cursor)}::jsonb FOR UPDATE",
        to: "AND ${jsonOf(run.cursor)}::text IS NOT DISTINCT FROM ${jsonOf(run.cursor)}::text FOR UPDATE",
      },
    ],
    caughtBy: { file: "resync", test: "two who go on with the same run record each step once" },
  },
  {
    name: "a difference is called healed before anybody has looked",
    file: `${store}/drift-rows.ts`,
    changes: [{ from: "AND (subject_id, kind) NOT IN (SELECT", to: "AND (subject_id, kind) IN (SELECT" }],
    caughtBy: { file: "drift-kinds", test: "missing: a user is gone" },
  },
  {
    name: "only whom the user store is behind for is converged anew",
    file: `${compare}/chosen-events.ts`,
    changes: [{ from: 'run.heals === "all" ?', to: 'run.heals === "none" ?' }],
    caughtBy: { file: "resync", test: "a plain resync converges everybody anew" },
  },
];
