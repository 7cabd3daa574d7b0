import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { createDirectoryLists, sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
for (const name of ["ann", "bob", "cid", "dan", "eve"]) await tenant.scim("POST", "/Users", newUser(name));

describe("Table 6: pagination parameters", () => {
  test("a startIndex less than 1 SHALL be interpreted as 1", async () => {
    for (const startIndex of [-5, 0, 1]) {
      const { body } = await page(tenant, `startIndex=${startIndex}&count=2`);
      expect([body["startIndex"], namesIn(body)]).toEqual([1, ["ann", "bob"]]);
    }
  });

  test("a negative count SHALL be interpreted as 0, and 0 asks for totalResults alone", async () => {
    for (const count of [-1, 0]) {
      const { body } = await page(tenant, `count=${count}`);
      expect(body).toMatchObject({ totalResults: 5, itemsPerPage: 0, Resources: [] });
    }
  });

  test("the service provider MUST NOT return more results than specified, although it MAY return fewer", async () => {
    expect(namesIn((await page(tenant, "count=3")).body)).toHaveLength(3);
    expect(namesIn((await page(tenant, "count=100000")).body)).toHaveLength(5);
  });

  test.each(["count=many", "startIndex=1.5", "count=1&count=2"])("%s is refused", async (query) => {
    const { status, body } = await page(tenant, query);
    expect([status, body["scimType"]]).toEqual([400, "invalidValue"]);
  });
});

test("Table 7: an answer says how many there are in all, where it begins and how many it holds", async () => {
  expect((await page(tenant, "startIndex=4&count=10")).body).toMatchObject({
    totalResults: 5,
    startIndex: 4,
    itemsPerPage: 2,
  });
  expect((await page(tenant, "startIndex=6")).body).toMatchObject({ totalResults: 5, startIndex: 6, itemsPerPage: 0 });
});

test("without an order that is asked for, resources have one: pages together are the whole list", async () => {
  const whole = namesIn((await page(tenant, "")).body);
  expect(await walk(tenant, "", 2)).toEqual(whole);
  expect(await walk(tenant, "filter=active%20pr", 2)).toEqual(whole);
});

describe("in a list of thousands", async () => {
  const large = await createTenant(house);
  await insertUsers(large, 2_500);

  test("a page is where its index says, from either end and in the middle, without the pages before it", async () => {
    for (const startIndex of [1, 2, 1_001, 1_250, 1_251, 1_252, 2_001, 2_401, 2_402, 2_500, 2_501, 9_999]) {
      const numbers = Array.from({ length: 100 }, (_, at) => startIndex + at).filter((number) => number <= 2_500);
      const { body } = await page(large, `startIndex=${startIndex}&count=100&attributes=userName`);
      expect([startIndex, body["totalResults"], namesIn(body)]).toEqual([startIndex, 2_500, numbers.map(nameOf)]);
    }
  });

  test("so it is in a sorted list, both ways", async () => {
    for (const startIndex of [1, 1_249, 1_252, 2_490]) {
      const { body } = await page(large, `sortBy=userName&sortOrder=descending&startIndex=${startIndex}&count=5`);
      const numbers = Array.from({ length: 5 }, (_, at) => 2_501 - startIndex - at);
      expect(namesIn(body)).toEqual(numbers.map(nameOf));
      // Every tenth has a displayName, and those without are last.
      const named = await page(large, `sortBy=displayName&startIndex=${startIndex}&count=3`);
      expect(namesIn(named.body)).toEqual(
        [startIndex, startIndex + 1, startIndex + 2].map((at) =>
          nameOf(at <= 250 ? at * 10 : Math.floor((at - 251) / 9) * 10 + ((at - 251) % 9) + 1),
        ),
      );
    }
  });
});

describe("a walk finds everybody who is there throughout, exactly once", () => {
  test.each(["", "sortBy=userName", "sortBy=displayName&sortOrder=descending", "filter=active%20eq%20true"])(
    "while others are deleted before and behind it, created and revived: %s",
    async (query) => {
      const crowd = await createTenant(house);
      await insertUsers(crowd, 300);
      const ids = new Map<string, string>();
      for (const startIndex of [1, 201]) {
        const { body } = await page(crowd, `startIndex=${startIndex}&count=200`);
        for (const one of resourcesIn(body)) ids.set(String(one["userName"]), String(one["id"]));
      }
      let turn = 0;
      const leavers = new Set<string>();
      const seen = await walk(crowd, query, 20, async () => {
        turn += 1;
        // Newcomers are last in the order of the ids: the walk would never end while there are new ones.
        if (turn > 10) return;
        for (const number of [turn * 3, 300 - turn * 4, 150 + turn]) {
          const leaver = nameOf(number);
          if (leavers.has(leaver)) continue;
          leavers.add(leaver);
          await crowd.scim("DELETE", `/Users/${ids.get(leaver)}`);
        }
        await crowd.scim(
          "POST",
          "/Users",
          newUser(`a newcomer ${turn}`, { userName: `a${turn}`, displayName: `z${turn}` }),
        );
        // Back under the old id, which stands long before the page.
        if (turn === 4) await crowd.scim("POST", "/Users", { userName: nameOf(3), externalId: "3", active: true });
      });
      const stayers = [...ids.keys()].filter((name) => !leavers.has(name));
      const counts = Map.groupBy(seen, (name) => name);
      expect(stayers.filter((name) => counts.get(name)?.length !== 1)).toEqual([]);
    },
  );
});

test("a walk that pauses for longer than its places are remembered goes on by counting", async () => {
  let nowMs = 0;
  const lists = createDirectoryLists(house.database, { now: () => nowMs });
  const listing = {
    parts: [{ kind: "User" as const, filter: undefined, sortPath: undefined }],
    sort: undefined,
    base: "",
  };
  const read = async (startIndex: number) => {
    const { resources } = await lists.list(tenant.id, tenant.connectionId, listing, {
      by: "index",
      startIndex,
      count: 2,
    });
    return resources.map(
      ({ resource }) => (resource.attributes as { readonly userName?: string }).userName?.split("@")[0],
    );
  };
  expect(await read(1)).toEqual(["ann", "bob"]);
  nowMs = 10 * 60_000;
  expect(await read(3)).toEqual(["cid", "dan"]);
});

test("a search that would take too long is refused with tooMany, and says how to narrow it", async () => {
  const crowd = await createTenant(house);
  await insertUsers(crowd, 20_000);
  const lists = createDirectoryLists(house.database, { now: Date.now, searchMsMax: 1 });
  const filter = { kind: "compare", path: "title", operator: "co", value: "x", as: "folded" } as const;
  const listing = { parts: [{ kind: "User" as const, filter, sortPath: undefined }], sort: undefined, base: "" };
  const searching = lists.list(crowd.id, crowd.connectionId, listing, { by: "index", startIndex: 1, count: 10 });
  await expect(searching).rejects.toMatchObject({ code: "too_many", message: expect.stringContaining("userName") });
});

/** Every name that a walk by index shows, until a page is empty; `between` runs after each page. */
async function walk(
  { scim }: TestTenant,
  query: string,
  count: number,
  between: () => Promise<void> = async () => undefined,
): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (;;) {
    const { status, body } = await scim("GET", `/Users?${query}&startIndex=${seen.length + 1}&count=${count}`);
    expect(status).toBe(200);
    const names = namesIn(body);
    if (names.length === 0) return seen;
    seen.push(...names);
    await between();
  }
}

function page({ scim }: TestTenant, query: string) {
  return scim("GET", `/Users?${query}`);
}

function resourcesIn(body: Record<string, unknown>): readonly Record<string, unknown>[] {
  return body["Resources"] as readonly Record<string, unknown>[];
}

function namesIn(body: Record<string, unknown>): readonly unknown[] {
  return resourcesIn(body).map((one) => String(one["userName"]).split("@")[0]);
}

function nameOf(number: number): string {
  return `n${String(number).padStart(5, "0")}`;
}

/** Users numbered from one, in the order of their ids; every tenth has a displayName, in the same order. */
async function insertUsers({ id, connectionId }: TestTenant, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => newId(1_700_000_000_000 + at));
  await house.database.once(
    id,
    sql`INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes)
      SELECT user_id, ${id}, ${connectionId}, name, name, nth::text, true,
        jsonb_build_object('userName', name, 'externalId', nth::text, 'active', true) || CASE WHEN nth % 10 = 0 THEN jsonb_build_object('displayName', 'd' || name) ELSE '{}' END
      FROM unnest(${ids}::uuid[]) WITH ORDINALITY AS numbered(user_id, nth), LATERAL (SELECT 'n' || lpad(nth::text, 5, '0')) AS named(name)`,
  );
}
