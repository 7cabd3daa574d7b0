import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });

type Ask = { readonly method: string; readonly path: string; readonly body?: string };
type Limit = {
  readonly name: string;
  /** A request of so much. It is made for a user and a group that are there. */
  readonly ask: (amount: number, there: There) => Ask;
  readonly max: number;
  /** The answer at the limit, and one beyond it. */
  readonly at: number;
  readonly beyond: readonly [status: number, scimType: string | undefined];
};
type There = { readonly userId: string; readonly groupId: string };

const user = (attributes: object): Ask => ({
  method: "POST",
  path: "/Users",
  body: JSON.stringify({ ...newUser("new"), ...attributes }),
});
const filtered = (filter: string): Ask => ({ method: "GET", path: `/Users?filter=${encodeURIComponent(filter)}` });
const change = (id: string, body: object): Ask => ({
  method: "PATCH",
  path: `/Users/${id}`,
  body: JSON.stringify(body),
});
const members = (count: number) => Array.from({ length: count }, (_, nth) => ({ value: `member-${nth}` }));
const text = (length: number) => "x".repeat(length);

/** A JSON body of exactly so many bytes: what fills it is passed over. */
function sized(bytes: number): string {
  const body = (filling: string) => JSON.stringify({ ...newUser("new"), schemas: [filling] });
  return body(text(bytes - body("").length));
}

// docs/limits.md is the same table for people.
const limits: readonly Limit[] = [
  {
    name: "bytes of a body",
    ask: (bytes) => ({ method: "POST", path: "/Users", body: sized(bytes) }),
    max: 1_048_576,
    at: 201,
    beyond: [413, undefined],
  },
  {
    name: "depth of JSON",
    ask: (depth) => ({
      method: "POST",
      path: "/Users",
      body: `{"userName":"deep","x":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`,
    }),
    max: 32,
    at: 201,
    beyond: [400, "invalidSyntax"],
  },
  {
    name: "bytes of a filter",
    ask: (bytes) => filtered(`userName eq "${text(bytes - 14)}"`),
    max: 8_192,
    at: 200,
    beyond: [400, "invalidFilter"],
  },
  {
    name: "terms of a filter with what joins them",
    ask: (count) => filtered(Array.from({ length: count - 1 }, (_, nth) => `userName eq "u${nth}"`).join(" or ")),
    max: 100,
    at: 200,
    beyond: [400, "invalidFilter"],
  },
  {
    name: "depth of a filter",
    ask: (depth) => filtered(`${"(".repeat(depth)}userName pr${")".repeat(depth)}`),
    max: 40,
    at: 200,
    beyond: [400, "invalidFilter"],
  },
  {
    name: "operations of a PATCH",
    ask: (count, { userId }) =>
      change(
        userId,
        patch(...Array.from({ length: count }, (_, nth) => ({ op: "replace", path: "title", value: `t${nth}` }))),
      ),
    max: 1_000,
    at: 200,
    beyond: [400, "tooMany"],
  },
  {
    name: "characters of a PATCH path",
    ask: (length, { userId }) =>
      change(userId, patch({ op: "add", path: `emails[value eq "${text(length - 24)}"].type`, value: "work" })),
    max: 8_192,
    at: 200,
    beyond: [400, "invalidPath"],
  },
  {
    name: "members of one request, in a POST",
    ask: (count) => ({
      method: "POST",
      path: "/Groups",
      body: JSON.stringify({ displayName: "Large", members: members(count) }),
    }),
    max: 20_000,
    at: 201,
    beyond: [413, undefined],
  },
  {
    name: "members of one request, in a PATCH",
    ask: (count, { groupId }) => ({
      method: "PATCH",
      path: `/Groups/${groupId}`,
      body: JSON.stringify(patch({ op: "add", path: "members", value: members(count) })),
    }),
    max: 20_000,
    at: 204,
    beyond: [413, undefined],
  },
  {
    name: "values of an attribute",
    ask: (count) => user({ emails: Array.from({ length: count }, (_, nth) => ({ value: `e${nth}@example.test` })) }),
    max: 100,
    at: 201,
    beyond: [400, "tooMany"],
  },
  {
    name: "characters of a value",
    ask: (length) => user({ title: text(length) }),
    max: 65_536,
    at: 201,
    beyond: [400, "invalidValue"],
  },
  {
    name: "characters of a userName",
    ask: (length) => user({ userName: text(length) }),
    max: 1_024,
    at: 201,
    beyond: [400, "invalidValue"],
  },
  {
    name: "bytes of an externalId",
    ask: (bytes) => user({ externalId: text(bytes) }),
    max: 2_048,
    at: 201,
    beyond: [400, "invalidValue"],
  },
];

describe.each(limits)("$name: $max", ({ ask, max, at, beyond }) => {
  test("are taken", async () => {
    const { tenant, there } = await scene();
    expect((await send(tenant, ask(max, there))).status).toBe(at);
  });

  test("and one more is refused by name, with nothing half-done", async () => {
    const { tenant, there } = await scene();
    const before = await rowsOf(tenant);
    const answer = await send(tenant, ask(max + 1, there));
    const [status, scimType] = beyond;
    expect(answer).toMatchObject({ status, body: { status: String(status), detail: expect.stringMatching(/\w/) } });
    expect(answer.body["scimType"]).toBe(scimType);
    expect(await rowsOf(tenant)).toEqual(before);
  });
});

test("headers of 32 KiB and more are not read", async () => {
  const tenant = await createTenant(house);
  const send = (length: number) => tenant.scim("GET", "/Users?count=0", undefined, { "x-filling": text(length) });
  expect((await send(30_000)).status).toBe(200);
  const answer = await fetch(`${house.url}/scim/v2/Users`, { headers: { "x-filling": text(32_768) } });
  expect(answer.status).toBe(431);
});

test("a page holds what is advertised and no more, whatever is asked for", async () => {
  const tenant = await createTenant(house);
  const config = await tenant.scim("GET", "/ServiceProviderConfig");
  const { maxResults } = config.body["filter"] as { maxResults: number };
  expect(maxResults).toBe(200);
  const operations = Array.from({ length: 201 }, (_, nth) => ({
    method: "POST",
    path: "/Users",
    data: { userName: `u${nth}` },
  }));
  await tenant.scim("POST", "/Bulk", { Operations: operations });
  for (const [count, held] of [
    ["200", 200],
    ["201", 200],
    ["1000000", 200],
    ["199", 199],
    ["0", 0],
    ["-1", 0],
  ] as const) {
    const page = await tenant.scim("GET", `/Users?count=${count}`);
    expect([count, page.body["itemsPerPage"], page.body["totalResults"]]).toEqual([count, held, 201]);
  }
});

test("asynchronous answers are not offered, and who would rather have one is answered when it is done", async () => {
  const tenant = await createTenant(house);
  const config = await tenant.scim("GET", "/ServiceProviderConfig");
  expect(config.body["securityEvents"]).toEqual({ asyncRequest: "none", eventUris: [] });
  for (const prefer of ["respond-async", "respond-async, wait=0", "wait=10, respond-async"]) {
    const name = prefer.replaceAll(/\W/g, "");
    const created = await tenant.scim("POST", "/Users", newUser(name), { prefer });
    expect([created.status, created.headers.get("preference-applied"), created.headers.get("set-txn")]).toEqual([
      201,
      null,
      null,
    ]);
    const bulk = await tenant.scim(
      "POST",
      "/Bulk",
      { Operations: [{ method: "DELETE", path: `/Users/${created.body["id"] as string}` }] },
      { prefer },
    );
    expect([bulk.status, bulk.headers.get("preference-applied")]).toEqual([200, null]);
    expect((await tenant.scim("GET", `/Users/${created.body["id"] as string}`)).status).toBe(404);
  }
});

async function scene(): Promise<{ readonly tenant: TestTenant; readonly there: There }> {
  const tenant = await createTenant(house);
  const [ann, sales] = [
    await tenant.scim("POST", "/Users", newUser("ann")),
    await tenant.scim("POST", "/Groups", newGroup("Sales")),
  ];
  return { tenant, there: { userId: ann.body["id"] as string, groupId: sales.body["id"] as string } };
}

async function send(
  tenant: TestTenant,
  { method, path, body }: Ask,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const answer = await fetch(`${house.url}/scim/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${tenant.scimToken}`,
      ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const told = await answer.text();
  return { status: answer.status, body: told === "" ? {} : (JSON.parse(told) as Record<string, unknown>) };
}

async function rowsOf({ id }: TestTenant): Promise<unknown> {
  const [row] = await house.database.once(
    id,
    sql`SELECT (SELECT jsonb_agg(usr ORDER BY id) FROM directory_user AS usr) AS users, (SELECT jsonb_agg(grp ORDER BY id) FROM directory_group AS grp) AS groups,
      (SELECT count(*) FROM directory_member) AS edges, (SELECT count(*) FROM lifecycle_event) AS events`,
  );
  return row;
}
