import { describe, expect, test } from "vitest";
import { walkEveryOrder, type Disturbance } from "../harness/every-order.ts";
import { type Held, heldBefore, isLetIn, type Said, takeIn, whole } from "../harness/source-model.ts";

const created: Said = { kind: "created", attributes: whole };
const changed: Said = { kind: "changed", attributes: { title: "Dr" } };
const sessionsEnded: Said = { kind: "sessions_ended" };
const enabled: Said = { kind: "enabled" };
const disabled: Said = { kind: "disabled" };
const deleted: Said = { kind: "deleted" };
const farAhead = 2_000_000_000;

// Each happened a second after the one before, unless it says otherwise, and arrives whenever it does.
const ends: readonly (readonly [string, boolean, readonly Said[]])[] = [
  [
    "the last word takes access away",
    false,
    [changed, disabled, enabled, changed, disabled, sessionsEnded, enabled, disabled],
  ],
  [
    "the last word gives it back",
    true,
    [disabled, enabled, changed, disabled, enabled, sessionsEnded, disabled, enabled],
  ],
  ["they are deleted at last", false, [disabled, enabled, deleted, created, changed, disabled, enabled, deleted]],
  [
    "they are created again at last",
    true,
    [disabled, enabled, deleted, changed, sessionsEnded, disabled, deleted, created],
  ],
  [
    "they are disabled after they came back",
    false,
    [changed, enabled, deleted, created, changed, enabled, sessionsEnded, disabled],
  ],
  [
    "both are said of the same moment",
    false,
    [changed, disabled, enabled, disabled, enabled, created, { ...disabled, at: 7 }, { ...enabled, at: 7 }],
  ],
  [
    "whoever lets them in does not say when",
    false,
    [
      changed,
      disabled,
      { ...enabled, at: "unsaid" },
      { ...created, at: "unsaid" },
      { kind: "changed", at: "unsaid", attributes: whole },
      changed,
      sessionsEnded,
      { ...enabled, at: "unsaid" },
    ],
  ],
  [
    "what is said after their end is about anything else",
    false,
    [enabled, sessionsEnded, enabled, disabled, changed, changed, sessionsEnded, changed],
  ],
  [
    "whoever shuts them out does not say when, and comes after all that lets them in",
    false,
    [enabled, changed, disabled, enabled, created, sessionsEnded, enabled, { ...disabled, at: "unsaid" }],
  ],
];

describe.each(ends)("somebody of whom eight events arrive, where %s,", (_how, letIn, life) => {
  test.each<readonly [Disturbance, number]>([
    ["nothing", 40_320],
    ["one twice", 1_451_520],
    ["one lost and retried", 1_451_520],
  ])(`is ${letIn ? "let in" : "kept out"} whatever order they arrive in: with %s, %i orders`, (disturbance, orders) => {
    for (const writing of ["as they come", "all first"] as const) {
      const walked = walk(life, writing, disturbance);
      expect(walked.orders).toBe(orders);
      expect(walked.ends.map(isLetIn)).toEqual(walked.ends.map(() => letIn));
    }
  });
});

test("a word dated far ahead makes no later word old, in any order in which it arrives before it", () => {
  const ahead: readonly Said[] = [
    { ...enabled, at: farAhead },
    { ...created, at: farAhead },
    { kind: "changed", at: farAhead, attributes: whole },
  ];
  const life = [...ahead, changed, sessionsEnded, disabled];
  const { orders, ends: found } = walkEveryOrder<Held>({
    events: 5,
    disturbance: "nothing",
    writing: "as they come",
    start: heldBefore,
    next: (held, taken, arrivedAfter) => takeIn(held, life, taken[0] ?? -1, arrivedAfter),
  });
  expect(orders).toBe(120);
  expect(found.map((held) => isLetIn(takeIn(held, life, 5, 5)))).toEqual(found.map(() => false));
});

test("an update of somebody who was deleted, however much it says, brings nobody back", () => {
  const life: readonly Said[] = [
    deleted,
    { kind: "changed", attributes: whole },
    { kind: "enabled", attributes: whole },
  ];
  const end = life.reduce((held, _, index) => takeIn(held, life, index, index), heldBefore);
  expect(isLetIn(end)).toBe(false);
  expect(isLetIn(takeIn(end, [...life, created], 3, 3))).toBe(true);
});

function walk(life: readonly Said[], writing: "as they come" | "all first", disturbance: Disturbance) {
  return walkEveryOrder<Held>({
    events: life.length,
    disturbance,
    writing,
    start: heldBefore,
    next: (held, taken, arrivedAfter) => takeIn(held, life, taken[0] ?? -1, arrivedAfter),
  });
}
