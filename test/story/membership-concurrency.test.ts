import { describe, expect, inject, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { createRandom } from "../chaos/random.ts";
import { openHouse } from "../harness/house.ts";
import { readAssignments, readClosure } from "../harness/membership-graph.ts";
import { createUser } from "../harness/members.ts";
import { createTenant, newGroup, newUser, patch, type ScimAnswer, type TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

/** One change of the group as the model sees it: people and not the values that named them. */
type Told = {
  readonly kind: "add" | "remove" | "replace" | "rename";
  readonly people: readonly string[];
  /** The group's version that the answer names: each change that changes something has one of its own. */
  readonly version: number;
};

const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "one group that three ingest processes change at once, with the queue on %s",
  async (queue) => {
    const first = await openHouse({ queue });
    const shared = {
      databaseUrl: first.databaseUrl,
      ...(first.queue.redisUrl === undefined ? {} : { redisUrl: first.queue.redisUrl }),
    };
    const urls = [first.url, (await openHouse(shared)).url, (await openHouse(shared)).url];

    test.each([1, 2, 3])("ends as if the changes had come one after the other: seed %i", async (seed) => {
      const tenant = await createTenant(first);
      const random = createRandom(seed);
      const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
      const present = ["ann", "bob", "cid", "dan", "eve", "fay"];
      const leaving = ["gus", "hal"];
      const late = ["ida", "jim", "kay"];
      const never = ["lou", "max"];
      const ids = new Map(
        await Promise.all(
          [...present, ...leaving].map(async (name) => [name, await createUser(tenant, name)] as const),
        ),
      );
      const created = await tenant.scim("POST", "/Groups", newGroup("Everybody"));
      const path = `/Groups/${created.body["id"] as string}`;
      const told: Told[] = [];
      const unexpected: ScimAnswer[] = [];

      const writers = Array.from({ length: 9 }, async (_, writer) => {
        for (let step = 0; step < 14; step += 1) await write(urls[writer % urls.length] ?? "", `${writer}-${step}`);
      });
      const comings = [...late, ...leaving].map(async (name, index) => {
        const id = ids.get(name);
        const answer = late.includes(name)
          ? await tenant.scim("POST", "/Users", newUser(name), {}, urls[index % urls.length])
          : await tenant.scim("DELETE", `/Users/${id ?? ""}`, undefined, {}, urls[index % urls.length]);
        if (answer.status >= 300) unexpected.push(answer);
        if (late.includes(name)) ids.set(name, answer.body["id"] as string);
      });
      await Promise.all([...writers, ...comings]);
      expect(unexpected).toEqual([]);

      const wanted = foldOf(told, new Set(leaving));
      const edges = await readEdges(tenant);
      for (const name of [...present, ...late]) {
        const id = ids.get(name) ?? "";
        // Whoever is there is in the group by its id, once and under no other name.
        expect([name, edges.get(id), edges.get(name)]).toEqual([name, wanted.has(name) ? id : undefined, undefined]);
      }
      for (const name of never) expect([name, edges.get(name)]).toEqual([name, wanted.has(name) ? null : undefined]);
      for (const name of leaving) {
        // Who was named again after the end waits to come back; nobody else stays.
        const left = [edges.get(ids.get(name) ?? ""), edges.get(name)].filter((edge) => edge !== undefined);
        expect([name, left]).toEqual([name, wanted.has(name) ? left.map(() => null) : []]);
      }
      await untilQuiet(first, tenant.id);
      expect(await readAssignments(first, tenant.id)).toEqual(await readClosure(first, tenant.id));

      async function write(url: string, name: string): Promise<void> {
        const people = [...new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(everybody())))];
        const value = people.map((person) => ({ value: (random() < 0.7 ? ids.get(person) : undefined) ?? person }));
        const roll = random();
        const kind = roll < 0.05 ? "rename" : roll < 0.5 ? "add" : roll < 0.9 ? "remove" : "replace";
        const operation =
          kind === "rename"
            ? { op: "replace", path: "displayName", value: `Everybody ${name}` }
            : { op: kind, path: "members", value };
        const answer = await tenant.scim("PATCH", path, patch(operation), {}, url);
        if (answer.status !== 204) unexpected.push(answer);
        else told.push({ kind, people, version: versionOf(answer) });
      }

      function everybody(): readonly string[] {
        return [...present, ...leaving, ...late, ...never];
      }
    });

    test("is gone when it is deleted among them, with every edge and for everybody", async () => {
      const tenant = await createTenant(first);
      const ids = await Promise.all(["ann", "bob", "cid"].map(async (name) => createUser(tenant, name)));
      const { body } = await tenant.scim("POST", "/Groups", newGroup("Doomed", ids));
      const path = `/Groups/${body["id"] as string}`;
      const changes = Array.from({ length: 24 }, async (_, index) => {
        const operation = {
          op: index % 2 === 0 ? "add" : "remove",
          path: "members",
          value: [{ value: ids[index % 3] }],
        };
        return tenant.scim("PATCH", path, patch(operation), {}, urls[index % urls.length]);
      });
      const removals = urls.map(async (url) => tenant.scim("DELETE", path, undefined, {}, url));
      const [changed, removed] = [await Promise.all(changes), await Promise.all(removals)];
      expect(removed.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404, 404]);
      expect(changed.filter(({ status }) => status !== 204 && status !== 404)).toEqual([]);
      await untilQuiet(first, tenant.id);
      expect((await tenant.scim("GET", path)).status).toBe(404);
      expect([...(await readEdges(tenant))]).toEqual([]);
      expect(await readAssignments(first, tenant.id)).toEqual([]);
    });

    test("whose name one changes while many change its members is renamed, and nobody is told to come back", async () => {
      const tenant = await createTenant(first);
      const ids = await Promise.all(Array.from({ length: 12 }, async (_, index) => createUser(tenant, `u${index}`)));
      const { body } = await tenant.scim("POST", "/Groups", newGroup("Before"));
      const path = `/Groups/${body["id"] as string}`;
      const answers = await Promise.all(
        ids.flatMap((value, index) => [
          tenant.scim("PATCH", path, patch({ op: "add", path: "members", value: [{ value }] }), {}, urls[index % 3]),
          tenant.scim("PATCH", path, patch({ op: "replace", value: { displayName: "After" } }), {}, urls[index % 3]),
        ]),
      );
      expect(answers.filter(({ status }) => status !== 204)).toEqual([]);
      const read = await tenant.scim("GET", path);
      expect(read.body["displayName"]).toBe("After");
      expect(read.body["members"]).toHaveLength(ids.length);
    });

    test("and the users that are deleted while whole lists replace each other lose nobody and lock nobody out", async () => {
      const tenant = await createTenant(first);
      const ids = await Promise.all(Array.from({ length: 12 }, async (_, index) => createUser(tenant, `u${index}`)));
      const groups = await Promise.all(
        Array.from({ length: 4 }, async (_, index) => {
          const { body } = await tenant.scim("POST", "/Groups", newGroup(`g${index}`, ids));
          return `/Groups/${body["id"] as string}`;
        }),
      );
      const [leaving, staying] = [ids.slice(0, 4), ids.slice(4)];
      const replacing = groups.flatMap((path, index) =>
        Array.from({ length: 4 }, async (_, turn) => {
          const values = (turn % 2 === 0 ? staying : staying.toReversed()).map((value) => ({ value }));
          const operations = [
            { op: "replace", path: "members", value: [] },
            { op: "add", path: "members", value: values },
          ];
          return tenant.scim("PATCH", path, patch(...operations), {}, urls[(index + turn) % urls.length]);
        }),
      );
      const deleting = leaving.map(async (id, index) =>
        tenant.scim("DELETE", `/Users/${id}`, undefined, {}, urls[index % urls.length]),
      );
      const answers = await Promise.all([...replacing, ...deleting]);
      expect(answers.filter(({ status }) => status !== 204)).toEqual([]);
      await untilQuiet(first, tenant.id);
      const edges = await first.database.once<{ member: string; count: number }>(
        tenant.id,
        sql`SELECT member, count(*) AS count FROM directory_member GROUP BY member`,
      );
      expect(new Map(edges.map(({ member, count }) => [member, count]))).toEqual(
        new Map(staying.map((id) => [id, groups.length])),
      );
      expect(await readAssignments(first, tenant.id)).toEqual(await readClosure(first, tenant.id));
    });

    /** Each edge's member by what it stands under; null where it waits. */
    async function readEdges(tenant: TestTenant): Promise<ReadonlyMap<string, string | null>> {
      const rows = await first.database.once<{ member: string; member_id: string | null }>(
        tenant.id,
        sql`SELECT member, member_id FROM directory_member`,
      );
      return new Map(rows.map((row) => [row.member, row.member_id]));
    }
  },
);

/**
 * Who is in the group in the end. The versions say in which order the changes were made; those that
 * answered the same version changed nothing but for one, and the model must agree. What becomes of
 * whoever leaves meanwhile no version tells, so the agreement is about the others.
 */
function foldOf(told: readonly Told[], leaving: ReadonlySet<string>): ReadonlySet<string> {
  const byVersion = [...Map.groupBy(told, ({ version }) => version)].toSorted(([a], [b]) => a - b);
  const seenOf = (members: ReadonlySet<string>): string =>
    [...members]
      .filter((person) => !leaving.has(person))
      .toSorted()
      .join();
  let members: ReadonlySet<string> = new Set();
  for (const [version, changes] of byVersion) {
    const before = members;
    const after = changes
      .map((change) => afterOf(before, change))
      .find((candidate) => changes.every((change) => seenOf(afterOf(candidate, change)) === seenOf(candidate)));
    if (after === undefined) throw new Error(`no order of the changes that answered version ${version} explains them`);
    members = after;
  }
  return members;
}

function afterOf(members: ReadonlySet<string>, { kind, people }: Told): ReadonlySet<string> {
  if (kind === "rename") return members;
  if (kind === "replace") return new Set(people);
  if (kind === "add") return new Set([...members, ...people]);
  return new Set([...members].filter((person) => !people.includes(person)));
}

function versionOf({ headers }: ScimAnswer): number {
  return Number(/^W\/"(\d+)/.exec(headers.get("etag") ?? "")?.[1]);
}
