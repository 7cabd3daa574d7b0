import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import type { TestTenant } from "../harness/tenant.ts";
import { sortable, where } from "./filter-arbitrary.ts";
import { meets, type Resource, sorted } from "./filter-interpreter.ts";
import { spelling, written, writtenName } from "./filter-spelling.ts";
import { idOf, openRandomDirectory } from "./random-directory.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const searchRequest = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const directories = await Promise.all([1, 2].map((seed) => openRandomDirectory(house, seed)));
const endpoints = directories.flatMap(({ tenant, endpoints: all }, number) =>
  all.map((endpoint) => ({ ...endpoint, tenant, title: `${endpoint.path}/.search of directory ${number + 1}` })),
);

describe("§3.4.2.2: a filter finds what an interpreter of the RFC finds", () => {
  test.each(endpoints)("$title", async ({ tenant, path, kinds, held }) => {
    const asked = fc.tuple(
      where(
        kinds,
        held.map((one) => one.resource),
      ),
      spelling,
    );
    await fc.assert(
      fc.asyncProperty(asked, async ([filter, how]) => {
        const text = written(filter, how);
        const expected = held.filter((one) => meets(one.kind, one.resource, filter)).map(idOf);
        const { ids, total } = await search(tenant, path, { filter: text, count: 200 });
        expect([text, ids.toSorted(), total]).toEqual([text, expected.toSorted(), expected.length]);
      }),
      { numRuns: 250 },
    );
  });
});

describe("§3.4.2.3 and RFC 9865: a sorted list is in the interpreter's order, whichever way its pages are asked for", () => {
  test.each(endpoints)("$title", async ({ tenant, path, kinds, held }) => {
    const asked = fc.record({
      by: fc.constantFrom(...sortable(kinds)),
      descending: fc.boolean(),
      count: fc.integer({ min: 1, max: held.length + 1 }),
      how: spelling,
    });
    await fc.assert(
      fc.asyncProperty(asked, async ({ by, descending, count, how }) => {
        const sort = { sortBy: writtenName(by, how), sortOrder: descending ? "descending" : "ascending", count };
        const expected = sorted(held, by, descending).map(idOf);
        expect([sort, await byIndex(tenant, path, sort)]).toEqual([sort, expected]);
        expect([sort, await byCursor(tenant, path, sort)]).toEqual([sort, [expected, expected]]);
      }),
      { numRuns: 25 },
    );
  });
});

test("§3.4.2.4: pages of a filtered and sorted list hold what the whole of it holds", async () => {
  const [first] = endpoints;
  if (first === undefined) throw new Error("no directory");
  const { tenant, path, kinds, held } = first;
  const asked = fc.tuple(
    where(
      kinds,
      held.map((one) => one.resource),
    ),
    fc.constantFrom(...sortable(kinds)),
    fc.integer({ min: 1, max: 5 }),
    spelling,
  );
  await fc.assert(
    fc.asyncProperty(asked, async ([filter, by, count, how]) => {
      const query = { filter: written(filter, how), sortBy: writtenName(by, how), count };
      const expected = sorted(
        held.filter((one) => meets(one.kind, one.resource, filter)),
        by,
        false,
      ).map(idOf);
      expect([query, await byIndex(tenant, path, query)]).toEqual([query, expected]);
      expect([query, await byCursor(tenant, path, query)]).toEqual([query, [expected, expected]]);
    }),
    { numRuns: 40 },
  );
});

async function byIndex(tenant: TestTenant, path: string, query: object): Promise<readonly string[]> {
  const found: string[] = [];
  for (;;) {
    const { ids } = await search(tenant, path, { ...query, startIndex: found.length + 1 });
    if (ids.length === 0) return found;
    found.push(...ids);
  }
}

/** All that is found walking forwards, and walking back from the last page. */
async function byCursor(tenant: TestTenant, path: string, query: object): Promise<readonly (readonly string[])[]> {
  const forwards: string[] = [];
  let page = await search(tenant, path, { ...query, cursor: "" });
  forwards.push(...page.ids);
  while (page.nextCursor !== undefined) {
    page = await search(tenant, path, { ...query, cursor: page.nextCursor });
    forwards.push(...page.ids);
  }
  const backwards = [...page.ids];
  while (page.previousCursor !== undefined) {
    page = await search(tenant, path, { ...query, cursor: page.previousCursor });
    backwards.unshift(...page.ids);
  }
  return [forwards, backwards];
}

async function search(tenant: TestTenant, path: string, query: object) {
  const { status, body } = await tenant.scim("POST", `${path}/.search`, {
    schemas: [searchRequest],
    attributes: ["id"],
    ...query,
  });
  expect([status, query, body["detail"]]).toEqual([200, query, undefined]);
  return {
    ids: (body["Resources"] as readonly Resource[]).map((one) => one["id"] as string),
    total: body["totalResults"] as number,
    nextCursor: body["nextCursor"] as string | undefined,
    previousCursor: body["previousCursor"] as string | undefined,
  };
}
