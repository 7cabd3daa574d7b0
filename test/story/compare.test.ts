import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { compareUsers, readCompared, scheduleCompares, sieveUsers, sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { adminOf } from "../harness/admin.ts";
import { createDriftScene, some, storeOf } from "../harness/drift-scene.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { createTenant, deactivate, newGroup, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

/** Nothing is applied here but when the story says so. */
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });

/** Has a worker apply what waits until the work is done, and not a moment longer. */
async function whileApplying<Result>(work: () => Promise<Result>): Promise<Result> {
  let done = false;
  const applying = (async () => {
    while (!done) await applyAll(drain);
  })();
  try {
    return await work();
  } finally {
    done = true;
    await applying;
  }
}

const quietScene = () => whileApplying(() => createDriftScene(house));

async function create(tenant: TestTenant, name: string): Promise<string> {
  return (await tenant.scim("POST", "/Users", newUser(name))).body["id"] as string;
}

describe("what merely waits is behind, and no drift:", () => {
  const waiting: Readonly<Record<string, (scene: Awaited<ReturnType<typeof quietScene>>) => Promise<unknown>>> = {
    "a joiner": ({ tenant }) => create(tenant, "zoe"),
    "a leaver": ({ tenant, ids }) => tenant.scim("PATCH", `/Users/${ids.ann}`, deactivate),
    "a user who comes back": ({ tenant, ids }) => tenant.scim("PATCH", `/Users/${ids.eve}`, reactivate),
    "a user who is deleted": ({ tenant, ids }) => tenant.scim("DELETE", `/Users/${ids.bob}`),
    "a rename": ({ tenant, ids }) =>
      tenant.scim("PATCH", `/Users/${ids.ann}`, patch({ op: "replace", path: "externalId", value: "anna" })),
    "a group's rename": ({ tenant, groupId }) =>
      tenant.scim("PATCH", `/Groups/${groupId}`, patch({ op: "replace", path: "displayName", value: "Sold" })),
    "a group's end": ({ tenant, groupId }) => tenant.scim("DELETE", `/Groups/${groupId}`),
    "a member who comes": ({ tenant, groupId, ids }) =>
      tenant.scim("PATCH", `/Groups/${groupId}`, patch({ op: "add", path: "members", value: [{ value: ids.eve }] })),
    "a group around a group": ({ tenant, groupId }) => tenant.scim("POST", "/Groups", newGroup("All", [groupId])),
  };
  test.each(Object.entries(waiting))("%s", async (_name, happen) => {
    const scene = await quietScene();
    await happen(scene);
    const before = await storeOf(house, scene.tenant.id);
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({});
    expect(run).toMatchObject({ state: "finished", enqueued: 0 });
    expect(run.waiting).toBeGreaterThan(0);
    expect(await storeOf(house, scene.tenant.id)).toEqual(before);
    expect(await scene.drift()).toEqual({});

    await applyAll(drain);
    await applyAll(drain);
    expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({});
  });

  test("a nested group that is taken out, applied one event at a time", async () => {
    const scene = await quietScene();
    const { tenant, groupId } = scene;
    const outer = await tenant.scim("POST", "/Groups", newGroup("All", [groupId]));
    await applyAll(drain);
    await applyAll(drain);
    expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({});
    const outerId = outer.body["id"] as string;
    await tenant.scim("DELETE", `/Groups/${outerId}`);
    await tenant.scim("DELETE", `/Groups/${groupId}`);
    for (;;) {
      expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({});
      const [next] = await house.database.once<{ id: number; lane: number }>(
        tenant.id,
        sql`SELECT id, lane FROM lifecycle_event WHERE applied_at IS NULL ORDER BY random() LIMIT 1`,
      );
      if (next === undefined) break;
      await drain(next.lane);
    }
  });
});

describe("no denial is lifted by a comparison:", () => {
  test("a suspension, an admin's denial of a subject, and one from before the user was known stand", async () => {
    const scene = await quietScene();
    const { tenant, admin, ids } = scene;
    const base = `/tenants/${tenant.slug}`;
    await admin("POST", `${base}/users/${ids.ann}/suspend`, {});
    await admin("POST", `${base}/revocations`, { userId: ids.bob });
    await admin("POST", `${base}/revocations`, { iss: tenant.issuer, sub: "zoe" });
    const zoe = await create(tenant, "zoe");
    await applyAll(drain);
    const before = await storeOf(house, tenant.id);
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({});
    // Everybody converged anew keeps them too.
    await whileApplying(() => scene.resync({ scope: "tenant" }));
    expect(await storeOf(house, tenant.id)).toEqual(before);
    const store = await readUserStore(house, tenant.id);
    expect([ids.ann, ids.bob, zoe].map((user) => store.get(user)?.denials)).toEqual([
      ["admin_suspended"],
      ["admin_revoked"],
      ["admin_revoked"],
    ]);
  });

  test("an admin's denial whose user is not denied for it any more by a slip of a hand is one again", async () => {
    const scene = await quietScene();
    const { tenant, admin, ids } = scene;
    await admin("POST", `/tenants/${tenant.slug}/revocations`, { userId: ids.bob });
    await scene.byHand(sql`DELETE FROM denial WHERE user_id = ${ids.bob}`);
    const run = await whileApplying(() => scene.resync({ scope: "tenant", differingOnly: true }));
    expect(some(run.found)).toEqual({ wrong_state: 1 });
    expect(run.healed).toBe(1);
    expect((await readUserStore(house, tenant.id)).get(ids.bob)?.denials).toEqual(["admin_revoked"]);
  });
});

test("another tenant's rows are neither looked at nor touched, though both call everything alike", async () => {
  const [mine, theirs] = [await quietScene(), await quietScene()];
  for (const { byHand, ids } of [mine, theirs]) await byHand(sql`DELETE FROM app_user WHERE id = ${ids.ann}`);
  const before = await storeOf(house, theirs.tenant.id);
  const { id, found } = await whileApplying(() => mine.resync({ scope: "tenant", differingOnly: true }));
  expect(some(found)).toEqual({ missing: 1 });
  expect(await storeOf(house, theirs.tenant.id)).toEqual(before);
  expect(await theirs.drift()).toEqual({});
  const stranger = await adminOf(house, theirs.tenant);
  for (const path of ["", "/differences"])
    expect((await stranger("GET", `/tenants/${theirs.tenant.slug}/resyncs/${id}${path}`)).status).toBe(404);
});

test("what was given up is told, left alone by the schedule, and tried again where an admin asks", async () => {
  const scene = await quietScene();
  const { tenant, ids } = scene;
  await tenant.scim("PATCH", `/Users/${ids.ann}`, patch({ op: "replace", path: "title", value: "Boss" }));
  await scene.byHand(sql`UPDATE lifecycle_event SET dead_at = now(), last_error = 'by hand' WHERE applied_at IS NULL`);
  const run = await scene.resync({ scope: "tenant", dryRun: true });
  expect(some(run.found)).toEqual({ stale_attribute: 1 });
  expect(await scene.differences(run.id)).toMatchObject([
    { directory: { attributes: { title: "Boss" } }, userStore: { attributes: { title: null } } },
  ]);

  const { id } = await scheduled(tenant.id);
  expect(await scene.ended(id)).toMatchObject({ found: { stale_attribute: 1 }, enqueued: 0, healed: 0 });
  expect(await scene.drift()).toEqual({ stale_attribute: 1 });

  const asked = await whileApplying(() => scene.resync({ scope: "tenant", differingOnly: true }));
  expect(asked).toMatchObject({ enqueued: 1, applied: 1, healed: 1 });
  expect(await scene.drift()).toEqual({});
});

describe("on schedule", () => {
  test("each tenant is compared once, healed by itself, and not again before it is due", async () => {
    const scene = await quietScene();
    const { tenant, ids } = scene;
    await scene.byHand(sql`DELETE FROM denial WHERE user_id = ${ids.eve}`);
    const { id } = await scheduled(tenant.id);
    expect(await whileApplying(() => scene.ended(id))).toMatchObject({
      found: { wrong_state: 1 },
      enqueued: 1,
      healed: 1,
    });
    expect((await readUserStore(house, tenant.id)).get(ids.eve)?.denials).toEqual(["idp_inactive"]);
    await scheduleCompares(house.database, { everySec: 3_600, heals: true, newId });
    expect(await scheduledRuns(tenant.id)).toEqual([id]);
    await scheduleCompares(house.database, { everySec: 0, heals: false, newId });
    const [, second = ""] = await scheduledRuns(tenant.id);
    // Where it only reports it is as a dry run.
    expect(await scene.ended(second)).toMatchObject({ dryRun: true, state: "finished" });
  });

  test("strangers by the hundred are told, and left to a person", async () => {
    const scene = await quietScene();
    const { tenant } = scene;
    await scene.byHand(
      sql`INSERT INTO app_user (id, tenant_id, user_name, attributes) SELECT gen_random_uuid(), ${tenant.id}, 'ghost', '{}' FROM generate_series(1, 150)`,
    );
    // One who is in a group differs in that too, and is left all the same.
    await scene.byHand(sql`
      WITH made AS (
        INSERT INTO app_group (id, tenant_id, connection_id, display_name) SELECT gen_random_uuid(), ${tenant.id}, ${tenant.connectionId}, 'Ghosts' RETURNING id
      ) INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id) SELECT ${tenant.id}, made.id, app_user.id, app_user.id FROM made, app_user WHERE user_name = 'ghost'`);
    const { id } = await scheduled(tenant.id);
    const left = await whileApplying(() => scene.ended(id));
    // The group alone, which nobody has ever had, is taken away.
    expect(left).toMatchObject({ found: { ghost: 151, wrong_membership: 150 }, enqueued: 1 });
    const stored = [...(await readUserStore(house, tenant.id)).values()];
    expect(stored.filter(({ userName }) => userName === "ghost")).toHaveLength(150);
    const asked = await whileApplying(() => scene.resync({ scope: "tenant", differingOnly: true }));
    expect(asked).toMatchObject({ found: { ghost: 150 }, healed: 150 });
  });
});

async function scheduled(tenantId: string): Promise<{ readonly id: string }> {
  await scheduleCompares(house.database, { everySec: 3_600, heals: true, newId });
  const [id] = await scheduledRuns(tenantId);
  if (id === undefined) throw new Error("no comparison was asked for");
  return { id };
}

async function scheduledRuns(tenantId: string): Promise<readonly string[]> {
  const rows = await house.database.once<{ id: string }>(
    tenantId,
    sql`SELECT id FROM reconcile_run WHERE cause = 'schedule' ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}

// The sieve says in SQL what the domain's rules say; it may let through too much, and never too little.
test("whoever differs by the domain's rules passes the sieve, whatever their attributes are", async () => {
  const tenant = await createTenant(house, { subjectAttribute: "emails[primary]", subjectCompare: "casefold" });
  const ids: string[] = [];
  for (let at = 0; at < 60; at += 1) {
    const made = await tenant.scim("POST", "/Users", newUser(`u${at}`, oddAttributes(at)));
    expect(made.status).toBe(201);
    ids.push(made.body["id"] as string);
  }
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
  const spoil = [
    sql`UPDATE app_user SET display_name = 'Other' WHERE id = ${pick(ids)}`,
    sql`UPDATE app_user SET email = 'other@x.test' WHERE id = ${pick(ids)}`,
    sql`UPDATE app_user SET display_name = NULL, email = NULL WHERE id = ${pick(ids)}`,
    sql`UPDATE identity SET sub_key = upper(sub_key) || 'x' WHERE directory_user_id = ${pick(ids)}`,
    sql`DELETE FROM identity WHERE directory_user_id = ${pick(ids)}`,
  ];
  for (const statement of [undefined, ...spoil]) {
    if (statement !== undefined) await house.database.once(tenant.id, statement);
    const [sieved, exact] = await house.database.inTenant(tenant.id, async (transaction) => {
      const connections = await readCompared(transaction);
      const connection = connections.get(tenant.connectionId);
      if (connection === undefined) throw new Error("the tenant has no connection");
      const found = await compareUsers(transaction, connections, ids);
      return [await sieveUsers(transaction, tenant.id, connection, undefined, 1_000), found] as const;
    });
    const differing = exact.differences.map(({ subjectId }) => subjectId);
    expect(sieved.suspects).toEqual(expect.arrayContaining(differing));
    if (statement === undefined) expect(differing).toEqual([]);
    // Whom it lets through in vain costs a second look: none of these does.
    expect(sieved.suspects.toSorted()).toEqual([...new Set(differing)].toSorted());
  }
});

function pick(ids: readonly string[]): string {
  return ids[randomInt(ids.length)] as string;
}

function oddAttributes(at: number): Record<string, unknown> {
  const address = (value: string, primary?: boolean) => ({ value, ...(primary === undefined ? {} : { primary }) });
  const emails = [
    [address(`Ä${at}@WORK.test`)],
    [address(`a${at}@work.test`, false)],
    [address(`x${at}@home.test`), address(`straße${at}@work.test`, true)],
    [address(`y${at}@home.test`), address(`z${at}@work.test`)],
    undefined,
  ][at % 5];
  const name = [{ formatted: `F ${at}` }, { givenName: "G" }, { givenName: "G", familyName: "H" }, undefined][at % 4];
  const displayName = [`D ${at}`, undefined, ""][at % 3];
  return {
    ...(emails === undefined ? {} : { emails }),
    ...(name === undefined ? {} : { name }),
    ...(displayName === undefined ? {} : { displayName }),
    active: at % 7 !== 0,
  };
}
