import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { addConnection, createTenant, newGroup, newUser, type ScimAnswer, type TestTenant } from "../harness/tenant.ts";

let lateMs = 0;
const house = await openHouse({ without: ["worker", "publisher"], now: () => Date.now() + lateMs });
const tenant = await createTenant(house);
const everybody = ["ann", "bob", "cid", "dan", "eve", "fay", "gil"];
for (const name of everybody) await tenant.scim("POST", "/Users", newUser(name, { title: "Guide" }));
for (const name of ["East", "West"]) await tenant.scim("POST", "/Groups", newGroup(name));
const searchRequest = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

describe("§2: query parameters and response attributes", () => {
  test("an empty cursor asks for the first page, and nextCursor for the next until there is none", async () => {
    const first = await get("count=3&cursor");
    expect(first.body).toMatchObject({ totalResults: 7, itemsPerPage: 3 });
    expect([namesIn(first), first.body["startIndex"]]).toEqual([["ann", "bob", "cid"], undefined]);
    const second = await get(`count=3&cursor=${nextOf(first)}`);
    expect(namesIn(second)).toEqual(["dan", "eve", "fay"]);
    const last = await get(`count=3&cursor=${nextOf(second)}`);
    expect([namesIn(last), last.body["nextCursor"]]).toEqual([["gil"], undefined]);
  });

  test("nextCursor is omitted only to indicate that there are no more result pages", async () => {
    expect((await get("count=7&cursor=")).body["nextCursor"]).toBeUndefined();
    expect((await get("count=6&cursor=")).body["nextCursor"]).toEqual(expect.any(String));
    expect((await get("filter=title%20eq%20%22x%22&cursor=")).body).toMatchObject({ totalResults: 0, Resources: [] });
  });

  test("previousCursor leads back, and is not given on the first page", async () => {
    const first = await get("count=3&cursor=");
    expect(first.body["previousCursor"]).toBeUndefined();
    const second = await get(`count=3&cursor=${nextOf(first)}`);
    const back = await get(`count=3&cursor=${previousOf(second)}`);
    expect([namesIn(back), back.body["previousCursor"]]).toEqual([["ann", "bob", "cid"], undefined]);
    expect(namesIn(await get(`count=3&cursor=${nextOf(back)}`))).toEqual(namesIn(second));
  });

  test("a cursor is made of unreserved characters and tells nothing", async () => {
    const cursor = nextOf(await get("count=3&cursor=&sortBy=userName"));
    expect(cursor).toMatch(/^[A-Za-z0-9._~-]+$/);
    expect(Buffer.from(cursor, "base64url").toString("latin1")).not.toMatch(/cid|after|ex/);
  });

  test("a negative count is 0, and 0 asks for totalResults alone", async () => {
    for (const count of [0, -4]) {
      const { status, body } = await get(`count=${count}&cursor=`);
      expect([status, body["totalResults"], body["Resources"], body["nextCursor"]]).toEqual([200, 7, [], undefined]);
    }
  });

  test("a cursor goes with a filter, with a sort, with attributes and with HEAD", async () => {
    const query = "filter=title%20eq%20%22guide%22&sortBy=userName&sortOrder=descending&attributes=userName&count=4";
    const first = await get(`${query}&cursor=`);
    expect(namesIn(first)).toEqual(["gil", "fay", "eve", "dan"]);
    const second = await get(`${query}&cursor=${nextOf(first)}`);
    expect([namesIn(second), second.body["totalResults"]]).toEqual([["cid", "bob", "ann"], 7]);
    expect((await tenant.scim("HEAD", `/Users?${query}&cursor=`)).status).toBe(200);
  });
});

describe("§2.1: pagination errors", () => {
  test("invalidCursor: what was never given out, or was changed", async () => {
    const cursor = nextOf(await get("count=3&cursor="));
    const flipped = `${cursor.slice(0, 30)}${cursor[30] === "A" ? "B" : "A"}${cursor.slice(31)}`;
    for (const wrong of ["x", "0", "a".repeat(9_000), cursor.slice(1), cursor.slice(0, -1), flipped, `${cursor}AAAA`]) {
      expectRefused(await get(`count=3&cursor=${wrong}`), "invalidCursor");
    }
  });

  test("invalidCursor: a cursor of another filter, order, endpoint, connection or tenant", async () => {
    const cursor = nextOf(await get("count=1&cursor="));
    for (const other of ["filter=active%20pr", "sortBy=userName", "sortBy=userName&sortOrder=descending"]) {
      expectRefused(await get(`${other}&count=1&cursor=${cursor}`), "invalidCursor");
    }
    for (const path of ["/Groups", "/"]) {
      expectRefused(await tenant.scim("GET", `${path}?count=1&cursor=${cursor}`), "invalidCursor");
    }
    const connection = await addConnection(house, tenant, "https://other.test");
    expectRefused(await connection.scim("GET", `/Users?count=1&cursor=${cursor}`), "invalidCursor");
    const stranger = await createTenant(house);
    expectRefused(await stranger.scim("GET", `/Users?count=1&cursor=${cursor}`), "invalidCursor");
    expect((await get(`count=1&cursor=${cursor}`)).status).toBe(200);
  });

  test("a filter that is written otherwise is the same filter", async () => {
    const cursor = nextOf(await get("filter=title%20pr&count=1&cursor="));
    expect((await get(`filter=${encodeURIComponent(" (TITLE  PR) ")}&count=1&cursor=${cursor}`)).status).toBe(200);
  });

  test("expiredCursor: who waits longer than cursorTimeout, and not who waits less", async () => {
    const { body: config } = await tenant.scim("GET", "/ServiceProviderConfig");
    const { cursorTimeout } = config["pagination"] as { readonly cursorTimeout: number };
    const cursor = nextOf(await get("count=3&cursor="));
    try {
      lateMs = 1_000 * (cursorTimeout - 60);
      expect((await get(`count=3&cursor=${cursor}`)).status).toBe(200);
      lateMs = 1_000 * (cursorTimeout + 1);
      expectRefused(await get(`count=3&cursor=${cursor}`), "expiredCursor");
    } finally {
      lateMs = 0;
    }
  });

  test("invalidCount: no number, more than maxPageSize, or not that of the initial query", async () => {
    for (const count of ["many", "1.5", "201"]) expectRefused(await get(`cursor=&count=${count}`), "invalidCount");
    const cursor = nextOf(await get("count=3&cursor="));
    expectRefused(await get(`count=4&cursor=${cursor}`), "invalidCount");
    expectRefused(await get(`cursor=${cursor}`), "invalidCount");
  });

  test("cursor and startIndex together are two ways to page, and neither is taken", async () => {
    expectRefused(await get("cursor=&startIndex=1"), "invalidValue");
  });
});

test("§2.4: who asks for neither way is answered by index, as before there were cursors", async () => {
  const { body } = await get("count=3");
  expect([body["startIndex"], body["nextCursor"]]).toEqual([1, undefined]);
});

test("§3: a SearchRequest takes a cursor too, at each endpoint", async () => {
  for (const [path, pages] of [
    ["/Users/.search", 3],
    ["/Groups/.search", 1],
    ["/.search", 3],
  ] as const) {
    let cursor: unknown = "";
    let seen = 0;
    for (let page = 1; page <= pages; page += 1) {
      const { status, body } = await tenant.scim("POST", path, { schemas: [searchRequest], cursor, count: 3 });
      expect([path, page, status]).toEqual([path, page, 200]);
      seen += body["itemsPerPage"] as number;
      cursor = body["nextCursor"];
      expect(cursor === undefined).toBe(page === pages);
      if (cursor === undefined) expect(seen).toBe(body["totalResults"]);
    }
  }
});

test("§4: the ServiceProviderConfig says how pages are found", async () => {
  expect((await tenant.scim("GET", "/ServiceProviderConfig")).body["pagination"]).toEqual({
    cursor: true,
    index: true,
    defaultPaginationMethod: "index",
    defaultPageSize: 100,
    maxPageSize: 200,
    cursorTimeout: 3_600,
  });
});

describe("a walk finds everybody who is there throughout, exactly once", () => {
  test.each(["", "sortBy=userName&", "filter=active%20pr&"])(
    "though whoever its place was taken from is deleted, and others come before and behind: %s",
    async (query) => {
      const crowd = await createTenant(house);
      const ids = await createUsers(crowd, 30);
      const leavers = new Set<string>();
      const seen: string[] = [];
      let cursor: string | undefined = "";
      while (cursor !== undefined) {
        const { body } = await crowd.scim("GET", `/Users?${query}count=4&cursor=${cursor}`);
        const names = (body["Resources"] as readonly Record<string, unknown>[]).map((one) => String(one["userName"]));
        seen.push(...names);
        cursor = body["nextCursor"] as string | undefined;
        const last = names.at(-1);
        if (last === undefined || !ids.has(last)) continue;
        leavers.add(last);
        await crowd.scim("DELETE", `/Users/${ids.get(last)}`);
        await crowd.scim("POST", "/Users", newUser(`a${seen.length}`));
        await crowd.scim("POST", "/Users", newUser(`z${seen.length}`));
      }
      const counts = Map.groupBy(seen, (name) => name);
      const stayers = [...ids.keys()].filter((name) => !leavers.has(name));
      expect(stayers.filter((name) => counts.get(name)?.length !== 1)).toEqual([]);
      expect([...counts.values()].filter((times) => times.length > 1)).toEqual([]);
    },
  );
});

function get(query: string): Promise<ScimAnswer> {
  return tenant.scim("GET", `/Users?${query}`);
}

function nextOf({ body }: ScimAnswer): string {
  return body["nextCursor"] as string;
}

function previousOf({ body }: ScimAnswer): string {
  return body["previousCursor"] as string;
}

function expectRefused({ status, body }: ScimAnswer, scimType: string): void {
  expect([status, body["scimType"]]).toEqual([400, scimType]);
}

function namesIn({ body }: ScimAnswer): readonly unknown[] {
  return (body["Resources"] as readonly Record<string, unknown>[]).map((one) => String(one["userName"]).split("@")[0]);
}

async function createUsers({ scim }: TestTenant, count: number): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (let at = 0; at < count; at += 1) {
    const name = `m${String(at).padStart(2, "0")}`;
    const { body } = await scim("POST", "/Users", newUser(name, { userName: name }));
    ids.set(name, body["id"] as string);
  }
  return ids;
}
