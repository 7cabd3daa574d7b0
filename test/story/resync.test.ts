import { expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { readResync, recordStep, type ResyncRun, sql, takeResync } from "@rollcall/core/store";
import { walkStep } from "@rollcall/reconciler";
import { adminOf } from "../harness/admin.ts";
import { createDriftScene, type DriftScene, some, storeOf } from "../harness/drift-scene.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
/** Here nobody does what is asked for but the story itself. */
const idle = await openHouse({ without: ["resyncs"] });

test("a plain resync converges everybody anew, whether they seem to differ or not, and says what did", async () => {
  const scene = await createDriftScene(house);
  await scene.byHand(sql`UPDATE app_user SET display_name = 'Anna' WHERE id = ${scene.ids.ann}`);
  const run = await scene.resync({ scope: "tenant" });
  expect(run).toMatchObject({ dryRun: false, total: 4, compared: 4, enqueued: 4, applied: 4, dead: 0, healed: 1 });
  expect(some(run.found)).toEqual({ stale_attribute: 1 });
});

test("one user, one group with all that it holds, or one connection is brought right, and nobody else", async () => {
  const scene = await createDriftScene(house);
  const { tenant, ids, groupId } = scene;
  const outer = await tenant.scim("POST", "/Groups", newGroup("All", [groupId, ids.eve]));
  await untilQuiet(house, tenant.id);
  const spoil = async (): Promise<void> => {
    await scene.byHand(sql`UPDATE app_user SET display_name = 'X'`);
    await scene.byHand(sql`DELETE FROM app_group_member WHERE directory_user_id = ${ids.bob}`);
  };
  const before = await storeOf(house, tenant.id);
  await spoil();
  const user = await scene.resync({ scope: "user", userId: ids.bob });
  expect(user).toMatchObject({ total: 1, compared: 1, enqueued: 1, healed: 2 });
  const names = async (): Promise<readonly string[]> =>
    [...(await readUserStore(house, tenant.id)).values()]
      .map((one) => `${one.userName} ${one.groups.join()}`)
      .toSorted();
  expect(await names()).toEqual(["ann@example.test All,Sales", "bob@example.test All,Sales", "eve@example.test All"]);
  expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({ stale_attribute: 2 });

  await spoil();
  const group = await scene.resync({ scope: "group", groupId, differingOnly: true });
  expect(some(group.found)).toEqual({ stale_attribute: 2, wrong_membership: 1 });
  expect(group).toMatchObject({ total: 3, compared: 3, enqueued: 2, healed: 3 });
  const all = await scene.resync({ scope: "group", groupId: outer.body["id"] as string, dryRun: true });
  expect(some(all.found)).toEqual({ stale_attribute: 1 });
  expect(all.total).toBe(all.compared);

  expect(await scene.resync({ scope: "connection", connection: "idp", differingOnly: true })).toMatchObject({
    healed: 1,
  });
  expect(await storeOf(house, tenant.id)).toEqual(before);
  expect(await scene.drift()).toEqual({});
});

test("what is asked for wrongly is refused: nobody's user, group or connection, and too many at once", async () => {
  const scene = await createDriftScene(idle);
  const path = `/tenants/${scene.tenant.slug}/resyncs`;
  for (const body of [
    { scope: "user", userId: newId() },
    { scope: "group", groupId: newId() },
    { scope: "connection", connection: "none" },
  ])
    expect(await scene.admin("POST", path, body)).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await scene.admin("POST", path, { scope: "everything" })).toMatchObject({ status: 400 });
  expect(await scene.admin("GET", `${path}/${newId()}/differences`)).toMatchObject({ status: 404 });
  expect(await scene.admin("POST", `${path}/${newId()}/cancel`)).toMatchObject({ status: 404 });
  const ids = [];
  for (let at = 0; at < 20; at += 1) ids.push(await scene.start({ scope: "tenant" }));
  expect(await scene.admin("POST", path, { scope: "tenant" })).toMatchObject({ body: { code: "too_many" } });
  expect(await scene.admin("POST", `${path}/${ids[0]}/apply`)).toMatchObject({ body: { code: "value_invalid" } });
  expect((await scene.admin("POST", `${path}/${ids[0]}/cancel`)).body).toMatchObject({ state: "cancelled" });
  const second = (await scene.admin("GET", `${path}?limit=5`)).body as { items: { id: string }[]; next: string };
  expect(second.items.map(({ id }) => id)).toEqual(ids.toReversed().slice(0, 5));
  const third = (await scene.admin("GET", `${path}?limit=5&after=${second.next}`)).body as typeof second;
  expect(third.items.map(({ id }) => id)).toEqual(ids.toReversed().slice(5, 10));
  for (const id of ids) await scene.admin("POST", `${path}/${id}/cancel`);
});

test("a dry run's differences are read page by page and by kind, and applying it heals what still differs", async () => {
  const scene = await createDriftScene(house);
  const { tenant, ids } = scene;
  await scene.byHand(sql`UPDATE app_user SET display_name = 'X'`);
  await scene.byHand(sql`DELETE FROM denial WHERE user_id = ${ids.eve}`);
  const dry = await scene.resync({ scope: "tenant", dryRun: true });
  expect(some(dry.found)).toEqual({ stale_attribute: 3, wrong_state: 1 });
  const path = `/tenants/${tenant.slug}/resyncs/${dry.id}`;
  type Page = { readonly items: readonly { readonly id: number; readonly kind: string }[]; readonly next?: string };
  const first = (await scene.admin("GET", `${path}/differences?limit=3`)).body as Page;
  const rest = (await scene.admin("GET", `${path}/differences?limit=3&after=${first.next}`)).body as Page;
  expect([first.items.length, rest.items.length, rest.next]).toEqual([3, 1, undefined]);
  expect(new Set([...first.items, ...rest.items].map(({ id }) => id)).size).toBe(4);
  const denials = (await scene.admin("GET", `${path}/differences?kind=wrong_state`)).body as Page;
  expect(denials.items.map(({ kind }) => kind)).toEqual(["wrong_state"]);

  // Meanwhile Bob was brought right by something else.
  await scene.resync({ scope: "user", userId: ids.bob });
  const { status, body } = await scene.admin("POST", `${path}/apply`);
  expect({ status, body }).toMatchObject({ status: 202, body: { applies: dry.id, dryRun: false } });
  const applied = await scene.ended(body["id"] as string);
  expect(some(applied.found)).toEqual({ stale_attribute: 2, wrong_state: 1 });
  expect(applied).toMatchObject({ enqueued: 2, healed: 3 });
  // And the dry run's own list says so.
  expect((await scene.differences(dry.id)).every(({ healedAt }) => healedAt !== undefined)).toBe(true);
  expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({});
});

test("whoever starts, cancels or applies one is in the audit", async () => {
  const scene = await createDriftScene(house);
  const dry = await scene.resync({ scope: "tenant", dryRun: true });
  const path = `/tenants/${scene.tenant.slug}/resyncs/${dry.id}`;
  await scene.ended((await scene.admin("POST", `${path}/apply`)).body["id"] as string);
  await scene.admin("POST", `${path}/cancel`);
  const trail = await house.database.once<{ action: string }>(
    scene.tenant.id,
    sql`SELECT action FROM audit WHERE action LIKE 'resync.%' ORDER BY id`,
  );
  // One that has ended cannot be cancelled, and nothing was.
  expect(trail.map(({ action }) => action)).toEqual(["resync.start", "resync.apply"]);
});

test("two who go on with the same run record each step once", async () => {
  const scene = await createDriftScene(idle);
  await scene.byHand(sql`UPDATE app_user SET display_name = 'X'`);
  const id = await scene.start({ scope: "tenant", dryRun: true });
  const [one, other] = await Promise.all([takeByHand(scene, id), takeByHand(scene, id)]);
  const steps = await Promise.all([one, other].map((run) => walkStep(idle.database, scene.tenant.id, run)));
  const recorded = await Promise.all(steps.map((each) => recordStep(idle.database, scene.tenant.id, one, each)));
  expect(recorded.filter((each) => each !== undefined)).toHaveLength(1);
  expect(await scene.differences(id)).toHaveLength(3);
});

test("a run that is cancelled stops, what it has not come to stays as it is, and it begins no more", async () => {
  const scene = await createDriftScene(idle);
  const { tenant, admin } = scene;
  await scene.byHand(sql`UPDATE app_user SET display_name = 'X'`);
  const before = await storeOf(idle, tenant.id);
  const path = `/tenants/${tenant.slug}/resyncs`;
  const waiting = await scene.start({ scope: "tenant", differingOnly: true });
  expect((await admin("POST", `${path}/${waiting}/cancel`)).body).toMatchObject({ state: "cancelled" });
  const begun = await scene.start({ scope: "tenant", differingOnly: true });
  const run = await takeByHand(scene, begun);
  const looked = await walkStep(idle.database, tenant.id, run);
  expect(looked.differences).toHaveLength(3);
  expect((await admin("POST", `${path}/${begun}/cancel`)).body).toMatchObject({ state: "cancelled" });
  // What it was about to do when it was cancelled it does not do any more.
  expect(await recordStep(idle.database, tenant.id, run, looked)).toBeUndefined();
  for (const line of ["short", "asked", "scheduled"] as const)
    expect([waiting, begun]).not.toContain((await takeResync(idle.database, line))?.run.id);
  expect(await storeOf(idle, tenant.id)).toEqual(before);
  expect(await scene.differences(begun)).toEqual([]);
});

test("the console writes what is asked for and does nothing of it itself", async () => {
  const scene = await createDriftScene(idle);
  const id = await scene.start({ scope: "user", userId: scene.ids.ann });
  await tenantIsIdle(scene);
  expect((await scene.admin("GET", `/tenants/${scene.tenant.slug}/resyncs/${id}`)).body).toMatchObject({
    state: "queued",
    compared: 0,
    enqueued: 0,
  });
});

test("a tenant without anybody is compared, and nothing is found", async () => {
  const tenant = await createTenant(house);
  const scene = await createDriftScene(house);
  const { admin } = scene;
  const own = await adminOf(house, tenant);
  const { id } = (await own("POST", `/tenants/${tenant.slug}/resyncs`, { scope: "tenant" })).body as { id: string };
  const ended = await until("it has ended", async () => {
    const { body } = await own("GET", `/tenants/${tenant.slug}/resyncs/${id}`);
    return body["finishedAt"] !== undefined && body;
  });
  expect(ended).toMatchObject({ state: "finished", total: 0, compared: 0, enqueued: 0 });
  // Another's drift is nobody's business.
  expect((await admin("GET", `/tenants/${tenant.slug}/drift`)).status).toBe(404);
  expect((await admin("GET", `/tenants/${scene.tenant.slug}/drift`)).body["comparedAt"]).toBeUndefined();
  const run = await scene.resync({ scope: "tenant", dryRun: true });
  const drift = (await admin("GET", `/tenants/${scene.tenant.slug}/drift`)).body;
  expect(drift["comparedAt"]).toBe(run.finishedAt);
});

async function takeByHand({ tenant }: DriftScene, id: string): Promise<ResyncRun> {
  await idle.database.once(
    tenant.id,
    sql`UPDATE reconcile_run SET state = 'running', begun_at = now(), taken_until = now() + interval '1 minute' WHERE id = ${id}`,
  );
  const run = await readResync(idle.database, tenant.id, id);
  if (run === undefined) throw new Error("the run is gone");
  return run;
}

/** A user that was created behind it is applied: whoever was to do something in this time has had it. */
async function tenantIsIdle({ tenant }: DriftScene): Promise<void> {
  await tenant.scim("POST", "/Users", newUser("late"));
  await untilQuiet(idle, tenant.id);
}
