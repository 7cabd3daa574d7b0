import { describe, expect, inject, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { createRandom } from "../chaos/random.ts";
import { openHouse } from "../harness/house.ts";
import { createGroup, createUser } from "../harness/members.ts";
import { readAssignments, readClosure } from "../harness/membership-graph.ts";
import { createTenant, newGroup, patch, type ScimAnswer } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "groups, users and edges that three writers change at once, with the queue on %s",
  async (queue) => {
    const first = await openHouse({ queue });
    const shared = {
      databaseUrl: first.databaseUrl,
      ...(first.queue.redisUrl === undefined ? {} : { redisUrl: first.queue.redisUrl }),
    };
    const houses = [first, await openHouse(shared), await openHouse(shared)];

    test.each([1, 2, 3])("leave the application with exactly what the directory comes to: seed %i", async (seed) => {
      const tenant = await createTenant(first);
      const random = createRandom(seed);
      const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
      const userIds = await Promise.all(Array.from({ length: 8 }, async (_, index) => createUser(tenant, `u${index}`)));
      const groupIds = await Promise.all(
        Array.from({ length: 9 }, async (_, index) => createGroup(tenant, `g${index}`)),
      );
      const unexpected: ScimAnswer[] = [];
      const writers = houses.map(async ({ url }, writer) => {
        for (let step = 0; step < 40; step += 1) {
          const { method, path, body } = randomStep(`${writer}-${step}`);
          const answer = await tenant.scim(method, path, body, {}, url);
          if (answer.status >= 400 && answer.status !== 404) unexpected.push(answer);
          if (method === "POST" && answer.status === 201) groupIds.push(answer.body["id"] as string);
        }
      });
      await Promise.all(writers);
      expect(unexpected).toEqual([]);
      await untilQuiet(first, tenant.id);
      expect(await readAssignments(first, tenant.id)).toEqual(await readClosure(first, tenant.id));
      const [failed] = await first.database.once<{ count: number }>(
        tenant.id,
        sql`SELECT count(*) AS count FROM lifecycle_event WHERE attempts > 0`,
      );
      expect(failed?.count).toBe(0);

      function randomStep(name: string): { readonly method: string; readonly path: string; readonly body?: unknown } {
        const roll = random();
        const path = `/Groups/${pick(groupIds)}`;
        const members = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
          value: pick(random() < 0.6 ? groupIds : userIds),
        }));
        if (roll < 0.05) return { method: "DELETE", path };
        if (roll < 0.1) return { method: "POST", path: "/Groups", body: { ...newGroup(name), members } };
        const op = roll < 0.55 ? "add" : roll < 0.85 ? "remove" : "replace";
        return { method: "PATCH", path, body: patch({ op, path: "members", value: members }) };
      }
    });
  },
);
