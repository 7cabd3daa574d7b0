import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { converge, markApplied, resolveSubject, sql, takeEvents } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { openHouse, quietLog } from "../harness/house.ts";
import { changeGroup, createGroup, createUser } from "../harness/members.ts";
import { readAssignments, readClosure } from "../harness/membership-graph.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll } from "../harness/user-store.ts";

// Nobody applies anything but the story, which says when.
const still = await openHouse({ without: ["worker", "publisher"] });
const drain = createDrain({ database: still.database, log: quietLog, newId });

describe("a group within a group", () => {
  test("that left another group and was deleted before anybody was told takes its users out of both", async () => {
    const tenant = await createTenant(still);
    const ann = await createUser(tenant, "ann");
    const inner = await createGroup(tenant, "Inner", [ann]);
    const outer = await createGroup(tenant, "Outer", [inner]);
    await applyEverything(tenant);
    expect(await readAssignments(still, tenant.id)).toHaveLength(2);
    await changeGroup(tenant, outer, { op: "remove", path: "members", value: [{ value: inner }] });
    await tenant.scim("DELETE", `/Groups/${inner}`);
    await applyEverything(tenant);
    expect(await readAssignments(still, tenant.id)).toEqual([]);
  });

  test("that ends before its last change is applied takes its users out of everything around it", async () => {
    const tenant = await createTenant(still);
    const ann = await createUser(tenant, "ann");
    const deep = await createGroup(tenant, "Deep", [ann]);
    const middle = await createGroup(tenant, "Middle", [deep, ann]);
    await createGroup(tenant, "Outer", [middle]);
    await applyEverything(tenant);
    // One request of two events, of which the second is applied, and all that comes of it.
    await changeGroup(tenant, middle, { op: "remove", path: "members", value: [{ value: deep }] }, rename("Renamed"));
    await apply(
      tenant,
      (await waiting(tenant)).filter(({ subject }) => subject !== middle),
    );
    await apply(
      tenant,
      (await waiting(tenant)).filter(({ subject }) => subject !== middle),
    );
    expect((await tenant.scim("DELETE", `/Groups/${middle}`)).status).toBe(204);
    await applyEverything(tenant);
    expect(await readAssignments(still, tenant.id)).toEqual([`${deep} ${ann}`]);
  });

  test("is left by its end though the inbox was cleared of all that was applied", async () => {
    const tenant = await createTenant(still);
    const ann = await createUser(tenant, "ann");
    const inner = await createGroup(tenant, "Inner", [ann]);
    await createGroup(tenant, "Outer", [inner]);
    await applyEverything(tenant);
    await still.database.once(tenant.id, sql`DELETE FROM lifecycle_event WHERE applied_at IS NOT NULL`);
    expect((await tenant.scim("DELETE", `/Groups/${inner}`)).status).toBe(204);
    await applyEverything(tenant);
    expect(await readAssignments(still, tenant.id)).toEqual([]);
  });

  test("is among a joiner's groups before any worker has come to it", async () => {
    const tenant = await createTenant(still);
    const inner = await createGroup(tenant, "Inner", [await createUser(tenant, "ann")]);
    await createGroup(tenant, "Outer", [inner]);
    expect(await resolveSubject(still.database, tenant.id, tenant.issuer, "ann")).toMatchObject({
      status: "active",
      groups: ["Inner", "Outer"],
    });
  });

  test("whose users move on while they are being told ends as the directory is", async () => {
    const tenant = await createTenant(still);
    const [ann, bob] = [await createUser(tenant, "ann"), await createUser(tenant, "bob")];
    const [left, right] = [await createGroup(tenant, "Left", [ann, bob]), await createGroup(tenant, "Right")];
    const outer = await createGroup(tenant, "Outer", [left]);
    // The groups' events are passed on one step at a time, and each time somebody has moved.
    for (const [from, to, who] of [
      [left, right, ann],
      [outer, right, left],
      [right, outer, ann],
    ] as const) {
      await apply(
        tenant,
        (await waiting(tenant)).filter(({ kind }) => kind === "group"),
      );
      await changeGroup(tenant, from, { op: "remove", path: "members", value: [{ value: who }] });
      await changeGroup(tenant, to, { op: "add", path: "members", value: [{ value: who }] });
    }
    await applyEverything(tenant);
    expect(await readAssignments(still, tenant.id)).toEqual(await readClosure(still, tenant.id));
  });
});

function rename(displayName: string): Record<string, unknown> {
  return { op: "replace", path: "displayName", value: displayName };
}

/** What is passed on waits in other lanes, which may have had their turn. */
async function applyEverything(tenant: TestTenant): Promise<void> {
  await until("nothing waits any more", async () => {
    await applyAll(drain);
    return (await waiting(tenant)).length === 0;
  });
}

type Waiting = { readonly id: number; readonly kind: string; readonly subject: string };

/** Applies some of what waits, and not what comes of it. */
async function apply(tenant: TestTenant, events: readonly Waiting[]): Promise<void> {
  const ids = events.map(({ id }) => id);
  await still.database.inTenant(tenant.id, async (transaction) => {
    const taken = await takeEvents(transaction, ids);
    const { unfinished } = await converge(transaction, tenant.id, taken);
    expect(unfinished).toEqual([]);
    await markApplied(transaction, ids);
  });
}

async function waiting(tenant: TestTenant): Promise<readonly Waiting[]> {
  return still.database.once(
    tenant.id,
    sql`SELECT id, subject_kind AS kind, subject_id AS subject FROM lifecycle_event WHERE applied_at IS NULL ORDER BY id`,
  );
}
