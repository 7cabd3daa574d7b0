import { describe, expect, inject, test } from "vitest";
import { Client } from "pg";
import { sql } from "@rollcall/core/store";
import { type House, openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  reactivate,
  type ScimAnswer,
  type TestTenant,
} from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "three houses on one database, with the queue on %s",
  async (queue) => {
    const first = await openHouse({ queue });
    const shared = {
      databaseUrl: first.databaseUrl,
      ...(first.queue.redisUrl === undefined ? {} : { redisUrl: first.queue.redisUrl }),
    };
    const houses = [first, await openHouse(shared), await openHouse(shared)];

    test("sixty-four identical creations make one user, and tell the others that it exists", async () => {
      const tenant = await createTenant(first);
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) => at(index, tenant, "POST", "/Users", newUser("ann"))),
      );
      expect(countsOf(answers)).toEqual({ 201: 1, 409: 63 });
      await untilQuiet(first, tenant.id);
      expect([...(await readUserStore(first, tenant.id)).values()].map(({ userName }) => userName)).toEqual([
        "ann@example.test",
      ]);
    });

    test("sixty-four creations of one deleted user bring back one, under its old id", async () => {
      const tenant = await createTenant(first);
      const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
      await tenant.scim("DELETE", `/Users/${body["id"] as string}`);
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) => at(index, tenant, "POST", "/Users", newUser("ann"))),
      );
      expect(countsOf(answers)).toEqual({ 201: 1, 409: 63 });
      expect(answers.find(({ status }) => status === 201)?.body["id"]).toBe(body["id"]);
    });

    test("members added by everybody at once are all in the group", async () => {
      const tenant = await createTenant(first);
      const ids = await createUsers(tenant, 60);
      const group = await tenant.scim("POST", "/Groups", newGroup("Everybody"));
      const path = `/Groups/${group.body["id"] as string}`;
      const answers = await Promise.all(
        ids.map((id, index) =>
          at(index, tenant, "PATCH", path, patch({ op: "add", path: "members", value: [{ value: id }] })),
        ),
      );
      expect(countsOf(answers)).toEqual({ 204: 60 });

      const read = await tenant.scim("GET", path);
      expect((read.body["members"] as { value: string }[]).map(({ value }) => value).toSorted()).toEqual(
        ids.toSorted(),
      );
      await untilQuiet(first, tenant.id);
      const users = await readUserStore(first, tenant.id);
      expect(ids.filter((id) => users.get(id)?.groups[0] !== "Everybody")).toEqual([]);
    });

    test("changes to different attributes of one user by everybody at once lose none", async () => {
      const tenant = await createTenant(first);
      const [id = ""] = await createUsers(tenant, 1);
      const changes = ["title", "nickName", "displayName"] as const;
      const answers = await Promise.all(
        changes.map((name, index) =>
          at(index, tenant, "PATCH", `/Users/${id}`, patch({ op: "replace", path: name, value: `a ${name}` })),
        ),
      );
      expect(countsOf(answers)).toEqual({ 200: 3 });
      expect((await tenant.scim("GET", `/Users/${id}`)).body).toMatchObject({
        title: "a title",
        nickName: "a nickName",
        displayName: "a displayName",
      });
    });

    test("one subject that two providers create at once belongs to one of them, and never to both in turn", async () => {
      const tenant = await createTenant(first);
      const other = await addConnection(first, tenant, tenant.issuer);
      const subjects = Array.from({ length: 20 }, (_, index) => `u${index}`);
      const [own, theirs] = await Promise.all(
        [tenant, other].map(async ({ scim }) =>
          Promise.all(subjects.map((sub) => scim("POST", "/Users", newUser(sub)))),
        ),
      );
      expect(countsOf([...(own ?? []), ...(theirs ?? [])])).toEqual({ 201: 40 });
      await untilQuietBut(tenant, 20);

      const holders = await first.database.once<{ sub: string }>(
        tenant.id,
        sql`SELECT identity.sub FROM identity JOIN app_user ON app_user.id = identity.user_id WHERE app_user.attributes ->> 'externalId' = identity.sub`,
      );
      expect(holders.map(({ sub }) => sub).toSorted()).toEqual(subjects.toSorted());
      expect((await readUserStore(first, tenant.id)).size).toBe(20);
    });

    test("a user who is deleted while a group takes it in is in none", async () => {
      const tenant = await createTenant(first);
      const [id = ""] = await createUsers(tenant, 1);
      const group = await tenant.scim("POST", "/Groups", newGroup("Sales"));
      const groupId = group.body["id"] as string;
      // Holds the group's change where it has found the user and not yet written the edge.
      const stopped = await holdEdge(first, tenant.id, groupId, id);
      const adding = tenant.scim(
        "PATCH",
        `/Groups/${groupId}`,
        patch({ op: "add", path: "members", value: [{ value: id }] }),
      );
      await until("the group's change waits", async () => (await lockWaiters(first.databaseUrl)) === 1);
      const deleting = tenant.scim("DELETE", `/Users/${id}`);
      await Promise.race([
        deleting,
        until("the deletion waits behind it", async () => (await lockWaiters(first.databaseUrl)) === 2),
      ]);
      await stopped.letGo();

      expect([(await adding).status, (await deleting).status]).toEqual([204, 204]);
      await untilQuiet(first, tenant.id);
      const edges = await first.database.once(tenant.id, sql`SELECT member FROM directory_member`);
      expect(edges).toEqual([]);
      expect((await readUserStore(first, tenant.id)).get(id)?.groups).toEqual([]);
    });

    test("groups that come and go while users move between them leave the store as the directory is", async () => {
      const tenant = await createTenant(first);
      const ids = await createUsers(tenant, 8);
      const rounds = Array.from({ length: 16 }, async (_, round) => {
        const group = await at(round, tenant, "POST", "/Groups", newGroup(`g${round}`, ids));
        const path = `/Groups/${group.body["id"] as string}`;
        await at(
          round + 1,
          tenant,
          "PATCH",
          path,
          patch({ op: "replace", path: "members", value: ids.slice(round % 8).map((value) => ({ value })) }),
        );
        if (round % 2 === 0) await at(round + 2, tenant, "DELETE", path);
      });
      await Promise.all(rounds);
      await untilQuiet(first, tenant.id);
      const differences = await first.database.once(
        tenant.id,
        sql`(SELECT group_id, member_id FROM directory_member EXCEPT SELECT group_id, directory_user_id FROM app_group_member)
        UNION ALL (SELECT group_id, directory_user_id FROM app_group_member EXCEPT SELECT group_id, member_id FROM directory_member)`,
      );
      expect(differences).toEqual([]);
      const [ghosts] = await first.database.once<{ count: number }>(
        tenant.id,
        sql`SELECT count(*) AS count FROM app_group WHERE id NOT IN (SELECT id FROM directory_group WHERE deleted_at IS NULL)`,
      );
      expect(ghosts?.count).toBe(0);
      const [failed] = await first.database.once<{ count: number }>(
        tenant.id,
        sql`SELECT count(*) AS count FROM lifecycle_event WHERE attempts > 0`,
      );
      expect(failed?.count).toBe(0);
    });

    test("a user who is switched on and off by everybody ends as the directory last heard", async () => {
      const tenant = await createTenant(first);
      const ids = await createUsers(tenant, 6);
      await Promise.all(
        ids.flatMap((id, user) =>
          Array.from({ length: 6 }, (_, index) =>
            at(index + user, tenant, "PATCH", `/Users/${id}`, (index + user) % 2 === 0 ? deactivate : reactivate),
          ),
        ),
      );
      await untilQuiet(first, tenant.id);
      const users = await readUserStore(first, tenant.id);
      for (const id of ids) {
        const { body } = await tenant.scim("GET", `/Users/${id}`);
        expect(users.get(id)?.denials).toEqual(body["active"] === true ? [] : ["idp_inactive"]);
      }
    });

    /** Sends to one of the three houses. */
    function at(index: number, tenant: TestTenant, method: string, path: string, body?: unknown): Promise<ScimAnswer> {
      return tenant.scim(method, path, body, {}, houses[index % houses.length]?.url);
    }

    async function untilQuietBut(tenant: TestTenant, failing: number): Promise<void> {
      await until("only the refused wait", async () => {
        const [row] = await first.database.once<{ waiting: number; tried: number }>(
          tenant.id,
          sql`SELECT count(*) AS waiting, count(*) FILTER (WHERE attempts > 0) AS tried FROM lifecycle_event WHERE applied_at IS NULL`,
        );
        return row?.waiting === failing && row.tried === failing;
      });
    }
  },
);

async function createUsers(tenant: TestTenant, count: number): Promise<readonly string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => tenant.scim("POST", "/Users", newUser(`u${index}`))),
  );
  return answers.map(({ body }) => body["id"] as string);
}

function countsOf(answers: readonly ScimAnswer[]): Record<number, number> {
  const counts = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries([...counts].map(([status, group]) => [status, group.length]));
}

/** Writes a membership edge in a transaction that stays open, so that whoever writes the same one waits. */
async function holdEdge(
  { databaseUrl }: House,
  tenantId: string,
  groupId: string,
  userId: string,
): Promise<{ letGo(): Promise<void> }> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT set_config('rollcall.tenant', $1, true)", [tenantId]);
  await client.query("SET LOCAL ROLE rollcall_app");
  await client.query(
    "INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind) VALUES ($1, $2, $3, $4, 'User')",
    [tenantId, groupId, userId, userId],
  );
  return {
    letGo: async () => {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}
