import { describe, expect, test } from "vitest";
import { beginTerm, converge, markApplied, publishFeed, takeEvents } from "@rollcall/core/store";
import { feedDigest } from "@rollcall/reconciler";
import { openHouse } from "../harness/house.ts";
import { believed, createLives, deliverAgain, eventsOf, type Life, type Step } from "../harness/lifecycle.ts";
import { inParallel, permutations, withOneTwice } from "../harness/orders.ts";
import { createTenant } from "../harness/tenant.ts";

// Nobody applies anything but the story, which says in which order.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;

const lives: readonly (readonly [string, readonly Step[], object])[] = [
  [
    "a leaver",
    ["create", "update", "deactivate", "reactivate", "join", "delete"],
    { denials: ["idp_deleted"], groups: 0, store: { deny: true, cut: true } },
  ],
  [
    "a leaver who comes back",
    ["create", "join", "deactivate", "delete", "create", "join"],
    { denials: [], groups: 1, store: { deny: false, cut: true } },
  ],
];

const orders = permutations([0, 1, 2, 3, 4, 5]);
const ordersWithOneTwice = orders.map(withOneTwice);

// A thousand lives are thousands of writes, however fast the machine.
const patienceMs = 300_000;

describe.each(lives)("the six events of %s, applied in all 720 orders", (_whose, steps, end) => {
  test(
    "lead to one state, with one delivered twice, when each is applied as soon as it is written",
    { timeout: patienceMs },
    async () => {
      await expectOneState(steps, end, ordersWithOneTwice, (delivered) => Math.max(...delivered));
    },
  );
});

describe.each(lives.slice(0, 1))(
  "the six events of %s, all written before the first is applied",
  (_whose, steps, end) => {
    test(
      "lead to one state in all 720 orders, and in each with one delivered twice",
      { timeout: patienceMs },
      async () => {
        await expectOneState(steps, end, [...orders, ...ordersWithOneTwice], () => steps.length - 1);
      },
    );
  },
);

type Course = { readonly life: Life; readonly order: readonly number[] };

/** Each user lives through one order. `writtenBy` says how far the directory is when these were delivered. */
async function expectOneState(
  steps: readonly Step[],
  end: object,
  all: readonly (readonly number[])[],
  writtenBy: (delivered: readonly number[]) => number,
): Promise<void> {
  const tenant = await createTenant(house);
  const users = await createLives(database, tenant, steps, all.length);
  const courses = users.map((life, index): Course => ({ life, order: all[index] ?? [] }));
  const fence = await beginTerm(database);

  for (let turn = 0; turn < steps.length + 1; turn += 1) {
    const due = courses.filter(({ order }) => turn < order.length);
    await inParallel(due, ({ life, order }) => life.liveTo(writtenBy(order.slice(0, turn + 1))));
    await applyTurn(tenant.id, due, turn);
    await publishFeed(database, tenant.id, fence, feedDigest, 10_000);
  }
  const states = new Set((await believed(database, tenant.id)).values());
  expect([...states].map((state) => JSON.parse(state) as unknown)).toMatchObject([
    { behind: 0, identities: [true], ...end },
  ]);
}

/** One transaction for everybody's next event: subjects share nothing, so each user's order is its own. */
async function applyTurn(tenantId: string, due: readonly Course[], turn: number): Promise<void> {
  const events = await eventsOf(
    database,
    tenantId,
    due.map(({ life }) => life.id()),
  );
  const next = due.map(({ life, order }) => {
    const step = order[turn] ?? -1;
    return { id: events.get(life.id())?.[step] ?? Number.NaN, again: order.indexOf(step) < turn };
  });
  const repeated = await deliverAgain(
    database,
    tenantId,
    next.filter(({ again }) => again).map(({ id }) => id),
  );
  const ids = [...next.filter(({ again }) => !again).map(({ id }) => id), ...repeated];
  await database.inTenant(tenantId, async (transaction) => {
    const taken = await takeEvents(transaction, ids);
    expect(taken).toHaveLength(ids.length);
    await converge(transaction, tenantId, taken);
    await markApplied(transaction, ids);
  });
}
