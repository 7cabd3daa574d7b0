import { expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { createDenialDrain, createDrain, startWorker } from "@rollcall/worker";
import { hold } from "../harness/hold.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { createTenant, deactivate, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, readUserStore } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const { database } = house;
const options = { database, log: quietLog, newId };
const rename = patch({ op: "replace", path: "displayName", value: "Changed" });

test("a denial does not wait for the turn of its lane, however long another lane takes", async () => {
  const { tenant, stayer, leaver } = await two();
  const held = await hold(house, tenant.id, "SELECT FROM link WHERE directory_user_id = $1 FOR UPDATE", [stayer]);
  await tenant.scim("PATCH", `/Users/${stayer}`, rename);
  // Nobody answers here, so that the lanes have their turns one after the other.
  const worker = startWorker({ ...options, queue: { ...house.queue, redisUrl: "redis://127.0.0.1:1" } });
  try {
    await until("another lane is being worked on", async () => (await lockWaiters(house.databaseUrl)) === 1);
    await tenant.scim("PATCH", `/Users/${leaver}`, deactivate);
    await until("the leaver is denied", async () => (await denialsOf(tenant, leaver)).length > 0);
    expect(await lockWaiters(house.databaseUrl), "the other lane is still being worked on").toBe(1);
  } finally {
    await held.letGo();
    await worker.close();
  }
});

test("a sweep of denials leaves everything else to the lanes", async () => {
  const { tenant, stayer, leaver } = await two();
  await tenant.scim("PATCH", `/Users/${stayer}`, rename);
  await tenant.scim("PATCH", `/Users/${leaver}`, deactivate);
  expect(await createDenialDrain(options)()).toBe(1);
  expect(await denialsOf(tenant, leaver)).toEqual(["idp_inactive"]);
  const names = await database.once<{ display_name: string }>(
    tenant.id,
    sql`SELECT display_name FROM app_user WHERE id = ${stayer}`,
  );
  expect(names).not.toContainEqual({ display_name: "Changed" });
});

/** Two users whose events are in different lanes. */
async function two(): Promise<{ readonly tenant: TestTenant; readonly stayer: string; readonly leaver: string }> {
  const tenant = await createTenant(house);
  const lanes = new Map<number, string>();
  for (let number = 0; lanes.size < 2; number += 1) {
    const id = (await tenant.scim("POST", "/Users", newUser(`n${number}`))).body["id"] as string;
    lanes.set(await laneOf(tenant, id), id);
  }
  await applyAll(createDrain(options));
  const [stayer = "", leaver = ""] = lanes.values();
  return { tenant, stayer, leaver };
}

async function laneOf(tenant: TestTenant, id: string): Promise<number> {
  const [event] = await database.once<{ lane: number }>(
    tenant.id,
    sql`SELECT lane FROM lifecycle_event WHERE subject_id = ${id}`,
  );
  return event?.lane ?? Number.NaN;
}

async function denialsOf(tenant: TestTenant, id: string): Promise<readonly string[]> {
  return (await readUserStore(house, tenant.id)).get(id)?.denials ?? [];
}
