import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { createDriftScene, type DriftScene, some, storeOf } from "../harness/drift-scene.ts";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { deactivate } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const stranger = newId();

type Injected = {
  readonly what: string;
  readonly kind: string;
  /** What follows from it by PostgreSQL's own rules. */
  readonly and?: string;
  readonly by: (scene: DriftScene) => readonly ReturnType<typeof sql>[];
};

const injected: readonly Injected[] = [
  { what: "a user is gone", kind: "missing", by: ({ ids }) => [sql`DELETE FROM app_user WHERE id = ${ids.ann}`] },
  {
    what: "a user and all that it has is gone",
    kind: "missing",
    by: ({ ids }) => [
      sql`DELETE FROM identity WHERE directory_user_id = ${ids.ann}`,
      sql`DELETE FROM app_group_member WHERE directory_user_id = ${ids.ann}`,
      sql`DELETE FROM link WHERE directory_user_id = ${ids.ann}`,
      sql`DELETE FROM app_user WHERE id = ${ids.ann}`,
    ],
  },
  {
    what: "a group is gone",
    kind: "missing",
    and: "wrong_membership",
    by: ({ groupId }) => [sql`DELETE FROM app_group WHERE id = ${groupId}`],
  },
  {
    what: "a leaver has no denial",
    kind: "wrong_state",
    by: ({ ids }) => [sql`DELETE FROM denial WHERE user_id = ${ids.eve}`],
  },
  {
    what: "nothing says that a leaver has left",
    kind: "wrong_state",
    by: ({ ids }) => [
      sql`DELETE FROM denial WHERE user_id = ${ids.eve}`,
      sql`DELETE FROM revocation WHERE sub = 'eve'`,
    ],
  },
  {
    what: "gateways were never told of a leaver",
    kind: "wrong_state",
    by: ({ ids }) => [
      sql`DELETE FROM revocation WHERE sub = (SELECT sub_key FROM identity WHERE directory_user_id = ${ids.eve})`,
    ],
  },
  {
    what: "gateways let a denied leaver in",
    kind: "wrong_state",
    by: () => [sql`UPDATE revocation SET deny = false WHERE sub = 'eve'`],
  },
  {
    what: "somebody is denied who is not inactive",
    kind: "wrong_state",
    by: ({ tenant, ids }) => [
      sql`INSERT INTO denial (tenant_id, user_id, reason, origin_id) VALUES (${tenant.id}, ${ids.ann}, 'idp_inactive', ${ids.ann})`,
    ],
  },
  {
    what: "a name is another",
    kind: "stale_attribute",
    by: ({ ids }) => [sql`UPDATE app_user SET display_name = 'Anna' WHERE id = ${ids.ann}`],
  },
  {
    what: "an address is another",
    kind: "stale_attribute",
    by: ({ ids }) => [sql`UPDATE app_user SET email = NULL WHERE id = ${ids.ann}`],
  },
  {
    what: "an attribute is another",
    kind: "stale_attribute",
    by: ({ ids }) => [sql`UPDATE app_user SET attributes = attributes || '{"title":"Boss"}' WHERE id = ${ids.bob}`],
  },
  {
    what: "a user is newer than the directory",
    kind: "stale_attribute",
    by: ({ ids }) => [sql`UPDATE link SET applied_version = 99 WHERE directory_user_id = ${ids.bob}`],
  },
  {
    what: "a group's name is another",
    kind: "stale_attribute",
    by: ({ groupId }) => [sql`UPDATE app_group SET display_name = 'Sold' WHERE id = ${groupId}`],
  },
  {
    what: "a member is not in its group",
    kind: "wrong_membership",
    by: ({ ids }) => [sql`DELETE FROM app_group_member WHERE directory_user_id = ${ids.bob}`],
  },
  {
    what: "somebody is in a group too many",
    kind: "wrong_membership",
    by: ({ tenant, ids, groupId }) => [
      sql`INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id) VALUES (${tenant.id}, ${groupId}, ${ids.eve}, ${ids.eve})`,
    ],
  },
  {
    what: "a member is there as another user",
    kind: "wrong_membership",
    by: ({ ids }) => [sql`UPDATE app_group_member SET user_id = ${ids.ann} WHERE directory_user_id = ${ids.bob}`],
  },
  {
    what: "a subject finds nobody",
    kind: "subject_mismatch",
    by: () => [sql`DELETE FROM identity WHERE sub = 'ann'`],
  },
  {
    what: "a subject finds another user",
    kind: "subject_mismatch",
    by: ({ ids }) => [sql`UPDATE identity SET user_id = ${ids.bob} WHERE sub = 'ann'`],
  },
  {
    what: "a subject is taken for a former one",
    kind: "subject_mismatch",
    by: () => [sql`UPDATE identity SET alias = true WHERE sub = 'ann'`],
  },
  {
    what: "a user has a subject too many",
    kind: "subject_mismatch",
    by: ({ tenant, ids }) => [
      sql`INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id) VALUES (${tenant.id}, ${tenant.issuer}, 'root', 'root', ${ids.bob}, ${ids.bob})`,
    ],
  },
];

describe("what is put wrong by hand is found, told apart, and healed by a worker:", () => {
  test.each(injected)("$kind: $what", async ({ kind, and, by }) => {
    const scene = await createDriftScene(house);
    const before = await storeOf(house, scene.tenant.id);
    for (const statement of by(scene)) await scene.byHand(statement);
    const spoilt = await storeOf(house, scene.tenant.id);
    expect(spoilt).not.toEqual(before);

    const dry = await scene.resync({ scope: "tenant", dryRun: true });
    expect(dry).toMatchObject({ state: "finished", enqueued: 0, healed: 0, waiting: 0, compared: 4, total: 4 });
    expect(Object.keys(some(dry.found))).toEqual(and === undefined ? [kind] : [kind, and]);
    expect(await scene.drift()).toEqual(some(dry.found));
    // A dry run changes nothing.
    expect(await storeOf(house, scene.tenant.id)).toEqual(spoilt);

    const healing = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(healing.found)).toEqual(some(dry.found));
    expect(healing).toMatchObject({
      healed: (await scene.differences(dry.id)).length,
      dead: 0,
      enqueued: healing.applied,
    });
    expect((await scene.differences(healing.id)).every(({ healedAt }) => healedAt !== undefined)).toBe(true);
    expect(await scene.drift()).toEqual({});
    expect(withoutAliases(await storeOf(house, scene.tenant.id))).toEqual(withoutAliases(before));
    expect(some((await scene.resync({ scope: "tenant", dryRun: true })).found)).toEqual({});
  });
});

describe("what the directory has never had is taken out, and gateways refuse it:", () => {
  test("a ghost", async () => {
    const scene = await createDriftScene(house);
    const { tenant, groupId } = scene;
    const before = await storeOf(house, tenant.id);
    await scene.byHand(
      sql`INSERT INTO app_user (id, tenant_id, user_name, attributes) VALUES (${stranger}, ${tenant.id}, 'ghost', '{}')`,
    );
    await scene.byHand(
      sql`INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id) VALUES (${tenant.id}, ${groupId}, ${stranger}, ${stranger})`,
    );
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({ ghost: 1, wrong_membership: 1 });
    expect(run.healed).toBe(2);
    expect(await storeOf(house, tenant.id)).toEqual(before);
  });

  test("a group that nobody knows", async () => {
    const scene = await createDriftScene(house);
    const { tenant, ids } = scene;
    const before = await storeOf(house, tenant.id);
    const id = newId();
    await scene.byHand(
      sql`INSERT INTO app_group (id, tenant_id, connection_id, display_name) VALUES (${id}, ${tenant.id}, ${tenant.connectionId}, 'Admins')`,
    );
    await scene.byHand(
      sql`INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id) VALUES (${tenant.id}, ${id}, ${ids.ann}, ${ids.ann})`,
    );
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({ ghost: 1, wrong_membership: 1 });
    expect(await storeOf(house, tenant.id)).toEqual(before);
  });

  test("a subject that leads to a user by nobody's word", async () => {
    const scene = await createDriftScene(house);
    const { tenant, ids } = scene;
    await scene.byHand(
      sql`INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id) VALUES (${tenant.id}, ${tenant.issuer}, 'mallory', 'mallory', ${ids.ann}, ${stranger})`,
    );
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({ orphan_identity: 1 });
    expect(run.healed).toBe(1);
    expect((await readUserStore(house, tenant.id)).get(ids.ann)?.identities).toEqual(["ann"]);
    await untilQuiet(house, tenant.id);
    const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
    await reader.takeSnapshot();
    expect(reader.held.get(keyOf({ iss: tenant.issuer, sub: "mallory" }))?.op).toBe("deny");

    // Whoever comes to have it by the directory's word has it, and the tokens from before stay dead.
    await tenant.scim("PATCH", `/Users/${ids.bob}`, {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
      Operations: [{ op: "replace", path: "externalId", value: "mallory" }],
    });
    await untilQuiet(house, tenant.id);
    await reader.takeSnapshot();
    const entry = reader.held.get(keyOf({ iss: tenant.issuer, sub: "mallory" }));
    expect(entry).toMatchObject({ op: "allow", nbf: expect.any(Number) as number });
    expect((await scene.resync({ scope: "tenant", dryRun: true })).found).toMatchObject({
      subject_mismatch: 0,
      wrong_state: 0,
    });
  });

  test("a subject that somebody squats on is its rightful user's again", async () => {
    const scene = await createDriftScene(house);
    const { tenant, ids } = scene;
    await scene.byHand(
      sql`UPDATE identity SET directory_user_id = ${stranger}, user_id = ${stranger} WHERE sub = 'ann'`,
    );
    const run = await scene.resync({ scope: "tenant", differingOnly: true });
    expect(some(run.found)).toEqual({ subject_mismatch: 1, orphan_identity: 1 });
    expect(run).toMatchObject({ healed: 2, dead: 0 });
    expect((await readUserStore(house, tenant.id)).get(ids.ann)?.identities).toEqual(["ann"]);
  });
});

test("a leaver whose denial was lost is refused at gateways again, and the difference shows both sides", async () => {
  const scene = await createDriftScene(house);
  const { tenant, ids } = scene;
  await tenant.scim("PATCH", `/Users/${ids.bob}`, deactivate);
  await untilQuiet(house, tenant.id);
  await scene.byHand(sql`DELETE FROM denial WHERE user_id = ${ids.bob}`);
  await scene.byHand(sql`UPDATE revocation SET deny = false WHERE sub = 'bob'`);
  const id = await scene.start({ scope: "user", userId: ids.bob, differingOnly: true });
  expect(some((await scene.ended(id)).found)).toEqual({ wrong_state: 1 });
  expect(await scene.differences(id)).toMatchObject([
    {
      kind: "wrong_state",
      subjectKind: "user",
      subjectId: ids.bob,
      name: "bob@example.test",
      connection: "idp",
      directory: { denials: ["idp_inactive"] },
      userStore: { denials: [] },
    },
  ]);
  expect((await readUserStore(house, tenant.id)).get(ids.bob)?.denials).toEqual(["idp_inactive"]);
  const [entry] = await house.database.once<{ deny: boolean }>(
    tenant.id,
    sql`SELECT deny FROM revocation WHERE sub = 'bob'`,
  );
  expect(entry?.deny).toBe(true);
});

/** A subject that was put there by hand stays as its user's alias, as any that the directory says no more. */
function withoutAliases(store: unknown): unknown {
  const { subjects, ...rest } = store as { readonly subjects: readonly (readonly unknown[])[] };
  return { ...rest, subjects: subjects.filter(([, , , , , alias]) => alias === false) };
}
