import { describe, expect, test } from "vitest";
import { converge, markApplied, sql, takeEvents } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { believed, createLives, deliverAgain, eventsOf, type Life, type Step } from "../harness/lifecycle.ts";
import { lockWaiters, pauseBefore } from "../harness/pause.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// Nobody applies anything but the story, which says who stops where.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;

const steps: readonly Step[] = ["create", "update", "deactivate", "reactivate", "join", "delete"];

describe("a worker that stops in the middle, while the directory changes and another worker comes", () => {
  test.each([
    ["create", "deactivate"],
    ["update", "delete"],
    ["deactivate", "reactivate"],
    ["reactivate", "delete"],
    ["join", "delete"],
  ] as const)(
    "at %s leaves the same state as one that never stopped, wherever it stops: %s is not undone",
    async (early, late) => {
      const straight = await finalState(early, late, undefined);
      expect(straight.statements).toBeGreaterThan(8);
      for (let at = 0; at < straight.statements; at += 1) {
        expect((await finalState(early, late, at)).state, `stopped before statement ${at}`).toBe(straight.state);
      }
    },
  );
});

describe("an event that comes twice", () => {
  test.each(["create", "update", "reactivate", "join"] as const)("writes nothing the second time: %s", async (step) => {
    const tenant = await createTenant(house);
    const { life, ids } = await lived(tenant, steps.indexOf(step));
    await apply(tenant, ids);
    const before = await rowVersions(tenant);
    const again = await deliverAgain(database, tenant.id, ids.slice(-1));
    await apply(tenant, again);
    expect(life.id()).not.toBe("");
    expect(await rowVersions(tenant)).toEqual(before);
  });
});

/**
 * One worker takes the early event when it is the newest, and stops before its statement `at`. The
 * directory goes on to the late event, a second worker applies all that came, or waits behind the
 * first; then the first goes on, and nobody comes after it.
 */
async function finalState(early: Step, late: Step, at: number | undefined) {
  const tenant = await createTenant(house);
  const { life, ids: before } = await lived(tenant, steps.indexOf(early) - 1);
  await apply(tenant, before);
  await life.liveTo(steps.indexOf(early));
  const ids = await idsOf(tenant, life);
  const stopped = Promise.withResolvers<void>();
  let resume = (): void => undefined;
  let statements = 0;
  const first = database.inTenant(tenant.id, async (transaction) => {
    const paused = pauseBefore(transaction, at ?? Number.NaN);
    resume = paused.letGo;
    paused.reached.then(stopped.resolve, stopped.reject);
    const taken = await takeEvents(paused.transaction, ids.slice(-1));
    await converge(paused.transaction, tenant.id, taken);
    await markApplied(
      paused.transaction,
      taken.map(({ id }) => id),
    );
    statements = paused.count();
  });
  await Promise.race([stopped.promise, first]);
  await life.liveTo(steps.indexOf(late));
  const rest = (await idsOf(tenant, life)).slice(ids.length);
  const second = apply(tenant, rest);
  const blocked = new AbortController();
  await Promise.race([
    second,
    first,
    until("the second worker waits", async () => blocked.signal.aborted || (await lockWaiters(house.databaseUrl)) > 0),
  ]);
  blocked.abort();
  resume();
  await Promise.all([first, second]);
  const [state] = (await believed(database, tenant.id)).values();
  return { state, statements };
}

async function lived(
  tenant: TestTenant,
  to: number,
): Promise<{ readonly life: Life; readonly ids: readonly number[] }> {
  const [life] = await createLives(database, tenant, steps, 1);
  if (life === undefined) throw new Error("nobody lives");
  await life.liveTo(to);
  return { life, ids: to < 0 ? [] : await idsOf(tenant, life) };
}

async function idsOf(tenant: TestTenant, life: Life): Promise<readonly number[]> {
  return (await eventsOf(database, tenant.id, [life.id()])).get(life.id()) ?? [];
}

async function apply(tenant: TestTenant, ids: readonly number[]): Promise<void> {
  await database.inTenant(tenant.id, async (transaction) => {
    const taken = await takeEvents(transaction, ids);
    expect(taken).toHaveLength(ids.length);
    if (taken.length > 0) await converge(transaction, tenant.id, taken);
    await markApplied(transaction, ids);
  });
}

/** Which transaction wrote each row of the user store last. */
async function rowVersions(tenant: TestTenant) {
  return database.once(
    tenant.id,
    sql`SELECT 'user' AS what, id::text AS key, xmin::text FROM app_user
      UNION ALL SELECT 'identity', sub, xmin::text FROM identity
      UNION ALL SELECT 'denial', reason, xmin::text FROM denial
      UNION ALL SELECT 'member', group_id::text, xmin::text FROM app_group_member
      UNION ALL SELECT 'revocation', sub, xmin::text FROM revocation
      UNION ALL SELECT 'pending', id::text, xmin::text FROM feed_pending
      ORDER BY what, key`,
  );
}
