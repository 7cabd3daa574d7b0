import { describe, expect, test } from "vitest";
import { converge, markApplied, sql, suspendUser, takeEvents } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { interleave } from "../harness/interleave.ts";
import { believed, createLives, deliverAgain, eventsOf, type Life, type Step } from "../harness/lifecycle.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "../harness/tenant.ts";

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

test("a group that is deleted while a worker puts somebody into it does not come back, wherever that worker stops", async () => {
  const straight = await doomedGroup(undefined);
  expect(straight.left).toEqual([]);
  for (let at = 0; at < straight.statements; at += 1) {
    expect((await doomedGroup(at)).left, `stopped before statement ${at}`).toEqual([]);
  }
});

test("a suspension that comes while a worker reactivates the user stands, wherever that worker stops", async () => {
  const straight = await suspendedMeanwhile(undefined);
  expect(straight.state).toMatchObject({ denials: ["admin_suspended"], store: { deny: true } });
  for (let at = 0; at < straight.statements; at += 1) {
    expect((await suspendedMeanwhile(at)).state, `stopped before statement ${at}`).toMatchObject({
      denials: ["admin_suspended"],
      store: { deny: true },
    });
  }
});

test("a cut that is made while a worker reactivates the user stands, wherever that worker stops", async () => {
  const straight = await cutMeanwhile(undefined);
  expect(straight.cuts).toEqual([true]);
  for (let at = 0; at < straight.statements; at += 1)
    expect((await cutMeanwhile(at)).cuts, `stopped before statement ${at}`).toEqual([true]);
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

/** The early event is the first worker's; the second has all that came after it, and nobody comes last. */
async function finalState(early: Step, late: Step, at: number | undefined) {
  const tenant = await createTenant(house);
  const { life, ids: before } = await lived(tenant, steps.indexOf(early) - 1);
  await apply(tenant, before);
  await life.liveTo(steps.indexOf(early));
  const ids = await idsOf(tenant, life);
  const statements = await interleave(house, tenant.id, ids.slice(-1), at, async () => {
    await life.liveTo(steps.indexOf(late));
    const later = (await idsOf(tenant, life)).slice(ids.length);
    return () => apply(tenant, later);
  });
  const [state] = (await believed(database, tenant.id)).values();
  return { state, statements };
}

/** A worker lets somebody in again whose tokens are cut off an hour later at that moment; says whether they still are. */
async function cutMeanwhile(at: number | undefined) {
  const tenant = await createTenant(house);
  const { life, ids: before } = await lived(tenant, steps.indexOf("deactivate"));
  await apply(tenant, before);
  const cutsOf = () =>
    database.once<{ nbf: number }>(tenant.id, sql`SELECT nbf FROM revocation WHERE tenant_id = ${tenant.id}`);
  const [{ nbf } = { nbf: 0 }] = await cutsOf();
  await life.liveTo(steps.indexOf("reactivate"));
  const ids = (await idsOf(tenant, life)).slice(before.length);
  const statements = await interleave(house, tenant.id, ids, at, async () => {
    return () => database.once(tenant.id, sql`UPDATE revocation SET nbf = nbf + 3600 WHERE tenant_id = ${tenant.id}`);
  });
  return { cuts: (await cutsOf()).map((row) => nbf > 0 && row.nbf >= nbf + 3_600), statements };
}

/** A worker lets somebody in again whom an admin suspends at that moment. */
async function suspendedMeanwhile(at: number | undefined) {
  const tenant = await createTenant(house);
  const { life, ids: before } = await lived(tenant, steps.indexOf("deactivate"));
  await apply(tenant, before);
  await life.liveTo(steps.indexOf("reactivate"));
  const ids = (await idsOf(tenant, life)).slice(before.length);
  const statements = await interleave(house, tenant.id, ids, at, async () => {
    return () => suspendUser(database, tenant.id, life.id(), { actor: "test", at: new Date() });
  });
  const [state = "{}"] = (await believed(database, tenant.id)).values();
  return { state: JSON.parse(state) as object, statements };
}

/** Ann joins a new group, and the group is deleted while a worker puts her into it. */
async function doomedGroup(at: number | undefined) {
  const tenant = await createTenant(house);
  const ann = await tenant.scim("POST", "/Users", newUser("ann"));
  await apply(tenant, await waitingIds(tenant));
  const group = await tenant.scim("POST", "/Groups", newGroup("Sales", [ann.body["id"] as string]));
  const ids = await waitingIds(tenant, "user");
  const statements = await interleave(house, tenant.id, ids, at, async () => {
    await tenant.scim("DELETE", `/Groups/${group.body["id"] as string}`);
    const gone = await waitingIds(tenant, "group");
    return () => apply(tenant, gone);
  });
  const left = await database.once(
    tenant.id,
    sql`SELECT id::text FROM app_group UNION ALL SELECT directory_user_id::text FROM app_group_member`,
  );
  return { left, statements };
}

async function waitingIds(tenant: TestTenant, subjectKind?: "user" | "group"): Promise<readonly number[]> {
  const rows = await database.once<{ id: number }>(
    tenant.id,
    sql`SELECT id FROM lifecycle_event WHERE applied_at IS NULL AND subject_kind = coalesce(${subjectKind ?? null}::text, subject_kind) ORDER BY id`,
  );
  return rows.map(({ id }) => id);
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
