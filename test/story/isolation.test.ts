import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { deactivate, newGroup, newUser, reactivate } from "../harness/tenant.ts";
import { createTiedTwin } from "../harness/tied-twin.ts";
import { createTwin, type Twin, twinIssuer, twinSubject } from "../harness/twin.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import { credentialIdOf, matrix } from "./isolation-matrix.ts";
import type { Ask, Row } from "./isolation-rows.ts";

const house = await openHouse({ readBacks: {} });
const owner = new Client({ connectionString: house.databaseUrl });
await owner.connect();
afterAll(() => owner.end());
/** What the leader counts of a tenant it counts in its own time, and not with the request that is looked at. */
const countedLater = ["lag_histogram", "lag_sample", "connection_pulse", "people_count"];
const fingerprint = await fingerprintStatement(owner);
const [self, other] = [await createTiedTwin(house), await createTiedTwin(house)];

test("every route has its row in the matrix, and every row its route", () => {
  expect([...new Set(house.routes.map(nameOf))].toSorted()).toEqual(Object.keys(matrix).toSorted());
});

describe("two tenants that call everything alike never meet", () => {
  test.each(house.routes)(
    "%s answers a tenant with nothing of the other's, and touches nothing of it",
    async (route) => {
      const row = matrix[nameOf(route)];
      if (row === undefined) throw new Error("no row");
      const before = await rowsOf(other);
      if (row.own !== undefined) {
        const answer = await send(route, row, await row.own(self));
        expect(answer.status, answer.text).toBeLessThan(400);
        expect(marksOf(other).filter((mark) => answer.text.includes(mark))).toEqual([]);
      }
      if (row.foreign !== undefined) {
        const answer = await send(route, row, row.foreign(self, other));
        expect(answer.status, answer.text).toBe(row.foreignStatus ?? 404);
        expect(answer.text).not.toContain(other.mark);
      }
      await untilQuiet(house, self.id);
      expect(await rowsOf(other)).toEqual(before);
    },
  );

  test("the same questions about the same subject have each their own answer", async () => {
    const [mine, theirs] = await Promise.all([self, other].map((twin) => resolve(twin)));
    expect(mine).toMatchObject({ userId: self.userId });
    expect(theirs).toMatchObject({ userId: other.userId });
  });

  test("what one refuses, the other still lets in", async () => {
    const twins = [await createTwin(house), await createTwin(house)] as const;
    await twins[0].scim("PATCH", `/Users/${twins[0].userId}`, deactivate);
    await untilQuiet(house, twins[0].id);
    expect(await resolve(twins[0])).toMatchObject({ status: "denied" });
    expect(await resolve(twins[1])).toMatchObject({ status: "active", userId: twins[1].userId });
  });

  test("the same life lived by both at the same moment ends alike, and apart", async () => {
    const twins = await Promise.all([createTwin(house), createTwin(house)]);
    const ids = await Promise.all(twins.map(live));
    await Promise.all(twins.map(({ id }) => untilQuiet(house, id)));
    const [first, second] = await Promise.all(twins.map(async ({ id }) => readUserStore(house, id)));
    expect(strangers(first)).toEqual(strangers(second));
    expect([...(first?.keys() ?? [])].filter((id) => second?.has(id))).toEqual([]);
    expect(new Set(ids.flat()).size).toBe(ids.flat().length);
  });
});

/** A user and a group more, of the same names in both. */
async function live(twin: Twin): Promise<readonly string[]> {
  const { body } = await twin.scim("POST", "/Users", newUser("bob"));
  const id = body["id"] as string;
  const group = await twin.scim("POST", "/Groups", newGroup("Support", [id]));
  await twin.scim("PATCH", `/Users/${id}`, deactivate);
  await twin.scim("PATCH", `/Users/${id}`, reactivate);
  return [id, group.body["id"] as string];
}

function strangers(users: Awaited<ReturnType<typeof readUserStore>> | undefined) {
  return [...(users?.values() ?? [])]
    .map(({ userName, denials, identities, groups }) => ({ userName, denials, identities, groups }))
    .toSorted((a, b) => a.userName.localeCompare(b.userName));
}

/** HEAD goes with GET, and a trailing slash with the path without. */
function nameOf(route: string): string {
  return route.replace(/^HEAD /, "GET ").replace(/\/$/, "");
}

async function send(
  route: string,
  row: Row,
  { path, body, headers }: Ask,
): Promise<{ readonly status: number; readonly text: string }> {
  const [method = ""] = route.split(" ", 1);
  const token =
    row.token === undefined
      ? undefined
      : { scim: self.scimToken, feed: self.feedToken, ssf: self.ssfToken, admin: self.adminToken }[row.token];
  const answer = await fetch(`${house.url}${withSlash(route, path)}`, {
    method,
    redirect: "manual",
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined
        ? {}
        : { "content-type": row.token === "scim" ? "application/scim+json" : "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: `${JSON.stringify([...answer.headers])} ${await answer.text()}` };
}

function withSlash(route: string, path: string): string {
  return route.endsWith("/") ? `${path}/` : path;
}

function marksOf(twin: Twin): readonly string[] {
  const credentials = [twin.scimToken, twin.feedToken, twin.ssfToken, twin.adminToken].map(credentialIdOf);
  return [
    twin.mark,
    twin.id,
    twin.slug,
    twin.connectionId,
    twin.userId,
    twin.groupId,
    twin.runId,
    ...followersOf(twin),
    ...credentials,
  ];
}

function followersOf({ followers }: Twin): readonly string[] {
  return Object.values(followers).flatMap(({ id, delivery }) => [id, delivery]);
}

async function resolve(twin: Twin): Promise<unknown> {
  const answer = await fetch(`${house.url}/v1/resolve`, {
    method: "POST",
    headers: { authorization: `Bearer ${twin.feedToken}`, "content-type": "application/json" },
    body: JSON.stringify({ iss: twinIssuer, sub: twinSubject }),
  });
  return answer.json();
}

/** A digest of every row of a tenant, by table, as the owner of the tables sees them. */
async function rowsOf(twin: Twin): Promise<readonly { readonly name: string; readonly digest: string }[]> {
  const { rows } = await owner.query<{ name: string; digest: string }>(fingerprint, [twin.id]);
  return rows;
}

async function fingerprintStatement(client: Client): Promise<string> {
  const { rows: tables } = await client.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' AND table_name <> ALL($1) ORDER BY 1",
    [countedLater],
  );
  return tables
    .map(
      ({ name }) =>
        `SELECT '${name}' AS name, md5(coalesce(string_agg(held::text, '|' ORDER BY held::text), '')) AS digest FROM "${name}" AS held WHERE tenant_id = $1`,
    )
    .join(" UNION ALL ");
}
