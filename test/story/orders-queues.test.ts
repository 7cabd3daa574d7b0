import { describe, expect, inject, test } from "vitest";
import { laneCount, sql } from "@rollcall/core/store";
import { openFeedReader } from "../harness/feed-reader.ts";
import { type House, openHouse } from "../harness/house.ts";
import { asOwner } from "../harness/lost-commits.ts";
import { believed, createLives, deliverAgain, eventsOf, type Life, type Step } from "../harness/lifecycle.ts";
import { inParallel, permutations, withOneTwice } from "../harness/orders.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const backends = ["postgres", "redis"] as const;
const orders = permutations([0, 1, 2, 3, 4, 5]).map(withOneTwice);

/** How far the directory is when these were delivered. */
type Writing = (delivered: readonly number[]) => number;
const asTheyCome: Writing = (delivered) => Math.max(...delivered);
const allFirst: Writing = () => 5;

const lives: readonly (readonly [string, readonly Step[], Writing, object])[] = [
  [
    "a leaver, each written when it is due",
    ["create", "update", "deactivate", "reactivate", "join", "delete"],
    asTheyCome,
    { denials: ["idp_deleted"], groups: 0, store: { deny: true, cut: true }, feed: { deny: true, cut: true } },
  ],
  [
    "a leaver who comes back, all written before the first is due",
    ["create", "join", "deactivate", "delete", "create", "join"],
    allFirst,
    { denials: [], groups: 1, store: { deny: false, cut: true }, feed: { deny: false, cut: true } },
  ],
];

// The real worker, woken by the real queue; the story says only which event is due, by its time of next attempt.
describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "with the queue on %s, six events, one of them twice,",
  async (queue) => {
    const house = await openHouse({ queue });
    await holdBackEvents(house);

    test.each(lives)(
      "of %s, end in one state whichever of all 720 orders the worker meets them in, and each takes effect once",
      { timeout: 300_000 },
      async (_whose, steps, writing, end) => {
        const tenant = await createTenant(house);
        const users = await createLives(house.database, tenant, steps, orders.length);
        const courses = users.map((life, index): Course => ({ life, order: orders[index] ?? [] }));
        for (let turn = 0; turn <= steps.length; turn += 1) await liveTurn(house, tenant, courses, turn, writing);
        await untilQuiet(house, tenant.id);

        const states = new Set((await believed(house.database, tenant.id)).values());
        expect([...states].map((state) => JSON.parse(state) as unknown)).toMatchObject([
          { behind: 0, identities: [true], ...end },
        ]);
        expect(await effectsOf(house, tenant)).toEqual({
          events: 7 * 720,
          appliedTwice: 0,
          versionsTwice: 0,
          back: 0,
          tried: 0,
        });
        await expectDenseFeed(house, tenant);
      },
    );
  },
);

type Course = { readonly life: Life; readonly order: readonly number[] };

/** Everybody's next event is due, whoever's lane it is in; the worker takes what it finds. */
async function liveTurn(
  house: House,
  tenant: TestTenant,
  courses: readonly Course[],
  turn: number,
  writing: Writing,
): Promise<void> {
  const { database } = house;
  await inParallel(courses, ({ life, order }) => life.liveTo(writing(order.slice(0, turn + 1))));
  const events = await eventsOf(
    database,
    tenant.id,
    courses.map(({ life }) => life.id()),
  );
  const next = courses.map(({ life, order }) => {
    const step = order[turn] ?? -1;
    return { id: events.get(life.id())?.[step] ?? Number.NaN, again: order.indexOf(step) < turn };
  });
  const repeated = await deliverAgain(
    database,
    tenant.id,
    next.filter(({ again }) => again).map(({ id }) => id),
  );
  const due = [...next.filter(({ again }) => !again).map(({ id }) => id), ...repeated];
  await database.once(
    tenant.id,
    sql`UPDATE lifecycle_event SET next_attempt_at = NULL WHERE id = ANY(${due}::bigint[])`,
  );
  house.waker.wake(Array.from({ length: laneCount }, (_, lane) => lane));
  await until("all that is due is applied", async () => {
    const [row] = await database.once<{ applied: number }>(
      tenant.id,
      sql`SELECT count(*) AS applied FROM lifecycle_event WHERE id = ANY(${due}::bigint[]) AND applied_at IS NOT NULL`,
    );
    return row?.applied === due.length;
  });
}

type Effects = {
  readonly events: number;
  readonly appliedTwice: number;
  readonly versionsTwice: number;
  readonly back: number;
  readonly tried: number;
};

/** How often what was applied took effect, by what the database wrote down while it happened. */
async function effectsOf({ databaseUrl }: House, tenant: TestTenant): Promise<Effects | undefined> {
  return asOwner(databaseUrl, async (owner) => {
    const { rows } = await owner.query<Effects>(
      `SELECT (SELECT count(*) FROM lifecycle_event WHERE tenant_id = $1 AND subject_kind = 'user' AND applied_at IS NOT NULL)::integer AS events,
        (SELECT count(*) FROM (SELECT event_id FROM applications WHERE tenant_id = $1 GROUP BY event_id HAVING count(*) <> 1) AS more)::integer AS "appliedTwice",
        (SELECT count(*) FROM (SELECT user_id, version FROM convergences WHERE tenant_id = $1 GROUP BY user_id, version HAVING count(*) <> 1) AS more)::integer AS "versionsTwice",
        (SELECT count(*) FROM convergences WHERE tenant_id = $1 AND version <= before)::integer AS back,
        (SELECT count(*) FROM lifecycle_event WHERE tenant_id = $1 AND attempts > 0)::integer AS tried`,
      [tenant.id],
    );
    return rows[0];
  });
}

/** A follower of the whole log finds no gap, no wrong digest, and nothing said twice. */
async function expectDenseFeed(house: House, tenant: TestTenant): Promise<void> {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  const [head] = await house.database.once<{ seq: number }>(tenant.id, sql`SELECT seq FROM feed_meta`);
  await until("the follower has come to the end", async () => (await reader.catchUp()).seq === head?.seq);
  expect(reader.seen.map(({ seq }) => seq)).toEqual(reader.seen.map((_, index) => index + 1));
  const last = new Map<string, string>();
  const repeated = reader.seen.filter(({ sub, op, nbf }) => {
    const says = `${op} ${nbf ?? ""}`;
    const isRepeated = last.get(sub) === says;
    last.set(sub, says);
    return isRepeated;
  });
  expect(repeated).toEqual([]);
}

/** Events wait from their acceptance on until the story lets them go, and what becomes of them is written down. */
async function holdBackEvents({ databaseUrl }: House): Promise<void> {
  await asOwner(databaseUrl, (owner) =>
    owner.query(`
      CREATE TABLE applications (tenant_id uuid, event_id bigint);
      CREATE TABLE convergences (tenant_id uuid, user_id uuid, before bigint, version bigint);
      CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.subject_kind = 'user' THEN NEW.next_attempt_at := 'infinity'; END IF;
          RETURN NEW;
        END $$;
      CREATE FUNCTION note_application() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO applications VALUES (NEW.tenant_id, NEW.id); RETURN NULL; END $$;
      CREATE FUNCTION note_convergence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN INSERT INTO convergences VALUES (NEW.tenant_id, NEW.directory_user_id, OLD.applied_version, NEW.applied_version); RETURN NULL; END $$;
      CREATE TRIGGER hold_back BEFORE INSERT ON lifecycle_event FOR EACH ROW EXECUTE FUNCTION hold_back();
      CREATE TRIGGER note_application AFTER UPDATE OF applied_at ON lifecycle_event FOR EACH ROW EXECUTE FUNCTION note_application();
      CREATE TRIGGER note_convergence AFTER UPDATE OF applied_version ON link FOR EACH ROW EXECUTE FUNCTION note_convergence();`),
  );
}
