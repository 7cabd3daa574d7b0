import { onTestFinished, describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { findUsers, listCanaries, setCanary, sql } from "@rollcall/core/store";
import { startCanaries } from "@rollcall/reconciler";
import { adminOf } from "../harness/admin.ts";
import { type House, openHouse, quietLog } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const withoutWorker = await openHouse({ without: ["worker"] });

describe("a canary", () => {
  test("goes the whole way, is timed step by step, and leaves nobody alive behind", async () => {
    const tenant = await flying(house);
    const { last, usual } = await roundOf(house, tenant);
    expect(last).toMatchObject({ failedStep: null });
    expect(last?.steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["create", true],
      ["visible", true],
      ["deactivate", true],
      ["refused", true],
    ]);
    expect(last?.steps.every(({ ms }) => ms > 0)).toBe(true);
    expect(usual.map(({ step, rounds }) => [step, rounds])).toContainEqual(["refused", 1]);
    await untilQuiet(house, tenant.id);
    expect(await house.database.once(tenant.id, sql`SELECT id FROM directory_user WHERE deleted_at IS NULL`)).toEqual(
      [],
    );
    expect(await entriesOf(tenant)).toEqual([{ op: "deny" }]);
  });

  test("flies again under the same name, so that it never leaves more than one tombstone", async () => {
    const tenant = await flying(house);
    await roundOf(house, tenant);
    for (const rounds of [2, 3]) {
      await house.database.once(tenant.id, sql`UPDATE canary SET due_at = now()`);
      await until("it has flown again", async () => {
        const [canary] = await listCanaries(house.database, tenant.id);
        return canary?.usual.every((step) => step.rounds === rounds) === true && canary.usual.length === 4;
      });
    }
    await untilQuiet(house, tenant.id);
    expect(
      await house.database.once(tenant.id, sql`SELECT deleted_at IS NOT NULL AS dead FROM directory_user`),
    ).toEqual([{ dead: true }]);
  });

  test("is no person to admins: in no list, and in no count of people, joiners or leavers", async () => {
    const tenant = await flying(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    await roundOf(house, tenant);
    await untilQuiet(house, tenant.id);
    const everybody = { after: undefined, limit: 100 };
    const { items } = await findUsers(house.database, tenant.id, {}, everybody);
    expect(items.map(({ userName }) => userName)).toEqual(["ann@example.test"]);
    const admin = await adminOf(house, tenant);
    const { body } = await admin("GET", `/tenants/${tenant.slug}/overview`);
    expect(body["people"]).toMatchObject({ admitted: 1, shutOut: 0 });
    const folded = await until("what happened is folded", async () => {
      const rows = await house.database.once<{ stage: string; count: number }>(
        tenant.id,
        sql`SELECT stage, sum(count)::int AS count FROM lag_histogram WHERE step_sec = 900 GROUP BY stage`,
      );
      return rows.some(({ stage }) => stage === "appliedToPublished") ? rows : undefined;
    });
    expect(folded.filter(({ stage }) => stage.startsWith("leaver"))).toEqual([]);
    expect(folded.find(({ stage }) => stage === "joinerAccepted")?.count ?? 1).toBe(1);
  });

  test("tells somebody which step has missed its deadline, and that it is over", async () => {
    const tenant = await flying(withoutWorker, 3_000);
    const { last } = await roundOf(withoutWorker, tenant);
    expect(last).toMatchObject({ failedStep: "visible" });
    expect(last?.steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["create", true],
      ["visible", false],
    ]);
    expect(await alertsOf(withoutWorker, tenant)).toMatchObject([
      { key: tenant.connectionId, resolvedAt: null, detail: { step: "visible", deadlineMs: 3_000 } },
    ]);
    expect(
      await withoutWorker.database.once(tenant.id, sql`SELECT id FROM directory_user WHERE deleted_at IS NULL`),
    ).toEqual([]);
    await setCanary(
      withoutWorker.database,
      tenant.id,
      tenant.connectionId,
      { everySec: null, deadlineMs: 3_000 },
      "ann",
    );
    expect(await alertsOf(withoutWorker, tenant)).toMatchObject([{ resolvedAt: expect.any(Date) as Date }]);
  });

  test("cleans up what a round that was broken off has left", async () => {
    const tenant = await createTenant(house);
    const left = newUser(`rollcall-canary-${tenant.connectionId}`, {
      userName: `rollcall-canary-${tenant.connectionId}@canary.invalid`,
    });
    const { body } = await tenant.scim("POST", "/Users", left);
    await setCanary(house.database, tenant.id, tenant.connectionId, { everySec: 3_600, deadlineMs: 20_000 }, "ann");
    await house.database.once(tenant.id, sql`UPDATE canary SET user_id = ${body["id"] as string}`);
    fly(house);
    expect((await roundOf(house, tenant)).last).toMatchObject({ failedStep: null });
    await untilQuiet(house, tenant.id);
    expect(await house.database.once(tenant.id, sql`SELECT id FROM directory_user WHERE deleted_at IS NULL`)).toEqual(
      [],
    );
  });

  test("is switched on by an admin with a deadline that leaves time for all steps, and that is in the audit", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const path = `/tenants/${tenant.slug}/connections/idp/canary`;
    expect((await admin("POST", path, { everySec: 60, deadlineMs: 60_000 })).status).toBe(400);
    expect(await admin("POST", path, { everySec: 3_600 })).toMatchObject({
      status: 200,
      body: { connection: "idp", everySec: 3_600, deadlineMs: 30_000, last: null, usual: [] },
    });
    expect((await admin("GET", `/tenants/${tenant.slug}/canaries`)).body).toMatchObject({
      items: [{ connection: "idp" }],
    });
    expect(await admin("POST", path, { everySec: null })).toMatchObject({ body: { everySec: null, nextAt: null } });
    const audit = await house.database.once<{ action: string }>(
      tenant.id,
      sql`SELECT action FROM audit WHERE target = ${tenant.connectionId} ORDER BY id`,
    );
    expect(audit.map(({ action }) => action)).toEqual(["canary.start", "canary.stop"]);
  });
});

function fly({ database, waker: { wake } }: House): void {
  const canaries = startCanaries({ database, wake, staleSecMax: 30, log: quietLog, newId, pollMs: 20 });
  onTestFinished(() => canaries.close());
}

async function flying(of: House, deadlineMs = 20_000): Promise<TestTenant> {
  const tenant = await createTenant(of);
  await setCanary(of.database, tenant.id, tenant.connectionId, { everySec: 3_600, deadlineMs }, "ann");
  fly(of);
  return tenant;
}

function roundOf({ database }: House, { id }: TestTenant) {
  return until("it has flown", async () => {
    const [canary] = await listCanaries(database, id);
    return canary?.last === null ? undefined : canary;
  });
}

function entriesOf({ id }: TestTenant) {
  return house.database.once(id, sql`SELECT op FROM feed_entry WHERE tenant_id = ${id} AND superseded_by IS NULL`);
}

function alertsOf({ database }: House, { id }: TestTenant) {
  return database.once(
    id,
    sql`SELECT key, detail, resolved_at AS "resolvedAt" FROM alert WHERE kind = 'canary_failed'`,
  );
}
