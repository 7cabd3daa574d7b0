import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sql } from "@rollcall/core/store";
import { type Admin, adminOf } from "../harness/admin.ts";
import { bearer, followerIn, holdIntervals, lockCredentials, logOut } from "../harness/follower.ts";
import { addSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  type TestTenant,
} from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const { viewerOf, sessionOf, follow } = followerIn(house);

type Item = Readonly<Record<string, unknown>> & { readonly id: string | number };

describe("the events of a tenant", () => {
  test("are listed from the newest, each once, however many arrive meanwhile", async () => {
    const { admin, base, tenant } = await scene();
    for (let count = 0; count < 7; count += 1) await tenant.scim("POST", "/Users", newUser(`00u${count}`));
    await untilQuiet(house, tenant.id);
    const first = await admin("GET", `${base}/events?limit=3`);
    await tenant.scim("POST", "/Users", newUser("late"));
    const rest = await walk(admin, `${base}/events?limit=3`, first.body["next"] as string);
    const ids = [...(first.body["items"] as Item[]), ...rest].map(({ id }) => id as number);
    expect(ids).toHaveLength(7);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(new Set(ids).size).toBe(7);
  });

  test("are found by their connection, kind, subject and state, and one tells where its subject stands", async () => {
    const { admin, base, tenant } = await scene();
    const second = await addConnection(house, tenant, "https://second.idp.test");
    const { body: ann } = await tenant.scim("POST", "/Users", newUser("ann"));
    await second.scim("POST", "/Users", newUser("bob"));
    await tenant.scim("PATCH", `/Users/${ann["id"] as string}`, deactivate);
    await untilQuiet(house, tenant.id);
    const found = async (query: string) => walk(admin, `${base}/events?${query}`);
    expect(await found("")).toHaveLength(3);
    expect(await found(`connection=${second.connectionId}`)).toHaveLength(1);
    expect(await found("kind=user.created&connection=idp")).toMatchObject([{ subjectId: ann["id"] }]);
    const [last, before] = await found(`subject=${ann["id"] as string}`);
    expect([last, before]).toMatchObject([{ kind: "user.deactivated", denying: true }, { kind: "user.created" }]);
    expect(await found("state=applied")).toHaveLength(3);
    expect(await found("state=waiting")).toEqual([]);
    expect((await admin("GET", `${base}/events/${last?.id ?? 0}`)).body).toMatchObject({
      state: "applied",
      version: 2,
      appliedVersion: 2,
    });
    expect((await admin("GET", `${base}/events/999999`)).status).toBe(404);
    expect((await admin("GET", `${base}/events?connection=nobody`)).status).toBe(404);
    expect((await admin("GET", `${base}/events?kind=user.promoted`)).status).toBe(400);
    for (const after of [
      "",
      "x",
      Buffer.from("1 now()").toString("base64url"),
      placeOf("1", "2026-99-99 00:00:00+00"),
      // What JavaScript reads and PostgreSQL does not.
      placeOf("1", "0000-01-01 00:00:00+00"),
      placeOf("1", "2026-02-30 00:00:00+00"),
      placeOf("1", "2026-01-01 00:00:00+23:59"),
      placeOf("x", "2026-01-01 00:00:00+00"),
    ])
      expect((await admin("GET", `${base}/events?after=${after}`)).status).toBe(400);
  });

  test("that are rare among very many are found page by page, each of which looks at no more than the last", async () => {
    const { admin, base, tenant } = await scene();
    const write = (kind: string, number: number) =>
      house.database.once(
        tenant.id,
        sql`INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, applied_at)
          SELECT ${tenant.id}, ${tenant.connectionId}, 'scim', gen_random_uuid()::text, ${kind}, 'user', gen_random_uuid(), false, 0, now() FROM generate_series(1, ${number})`,
      );
    await write("user.deleted", 1);
    await write("user.updated", 12_000);
    const pages: Item[][] = [];
    let next: string | undefined;
    do {
      const after = next === undefined ? "" : `&after=${next}`;
      const { body, status } = await admin("GET", `${base}/events?kind=user.deleted${after}`);
      expect(status).toBe(200);
      pages.push(body["items"] as Item[]);
      next = body["next"] as string | undefined;
    } while (next !== undefined);
    expect(pages.flat()).toHaveLength(1);
    expect(pages).toHaveLength(3);
  });
});

describe("what a source has said", () => {
  test("is listed from the newest, each once, however many came at one moment", async () => {
    const { admin, base, tenant } = await scene();
    const source = await addSource(house, tenant, "webhook");
    const path = `${base}/sources/${source.id}/events`;
    // A delivery of seven at one moment, and two more of the same millisecond.
    for (const [count, later] of [
      [7, 0],
      [1, 3],
      [1, 5],
    ] as const)
      await house.database.once(
        tenant.id,
        sql`INSERT INTO source_event (source_id, event_id, tenant_id, payload_hash, kind, outcome, accepted_at)
          SELECT ${source.id}, 'said ' || gen_random_uuid(), ${tenant.id}, '', 'changed', 'unchanged', '2026-11-22 10:00:00.123456+00'::timestamptz + ${later} * interval '1 microsecond'
          FROM generate_series(1, ${count})`,
      );
    const all = await walk(admin, `${path}?limit=2`);
    expect(all).toHaveLength(9);
    expect(new Set(all.map(({ id }) => id)).size).toBe(9);
    expect(await walk(admin, `${path}?limit=9`)).toEqual(all);
    // Whoever wants to may name a moment instead.
    expect(await walk(admin, path, "2026-11-22T10:00:01Z")).toEqual(all);
    expect(await walk(admin, path, "2026-11-22T10:00:00.123Z")).toEqual([]);
    for (const after of [
      "",
      "yesterday",
      placeOf("x", "0000-01-01 00:00:00+00"),
      placeOf("\0", "2026-01-01 00:00:00+00"),
    ])
      expect((await admin("GET", `${path}?after=${after}`)).status).toBe(400);
  });
});

describe("the groups of a tenant", () => {
  test("are found by the beginning of their names in any case, and tell whom they hold and whom they wait for", async () => {
    const { admin, base, tenant } = await scene();
    const { body: ann } = await tenant.scim("POST", "/Users", newUser("ann"));
    const { body: bob } = await tenant.scim("POST", "/Users", newUser("bob"));
    const { body: sales } = await tenant.scim(
      "POST",
      "/Groups",
      newGroup("Sales North", [ann["id"] as string, "not-here-yet"]),
    );
    const nested = patch({ op: "add", path: "members", value: [{ value: sales["id"] }, { value: bob["id"] }] });
    const { body: all } = await tenant.scim("POST", "/Groups", newGroup("SALES"));
    await tenant.scim("PATCH", `/Groups/${all["id"] as string}`, nested);
    await tenant.scim("POST", "/Groups", newGroup("Support"));
    const { body: gone } = await tenant.scim("POST", "/Groups", newGroup("Sales South"));
    await tenant.scim("DELETE", `/Groups/${gone["id"] as string}`);
    await tenant.scim("PATCH", `/Users/${bob["id"] as string}`, deactivate);
    await untilQuiet(house, tenant.id);
    const names = async (query: string) =>
      (await walk(admin, `${base}/groups?${query}`))
        .map(({ displayName }) => String(displayName))
        .toSorted((a, b) => (a < b ? -1 : 1));
    expect(await names("limit=1")).toEqual(["SALES", "Sales North", "Support"]);
    expect(await names("name=sALes&limit=1")).toEqual(["SALES", "Sales North"]);
    expect(await names("name=sales n")).toEqual(["Sales North"]);
    expect(await names(`name=${encodeURIComponent("%")}`)).toEqual([]);
    expect((await admin("GET", `${base}/groups/${sales["id"] as string}`)).body).toMatchObject({
      behind: false,
      members: 1,
      parked: 1,
      admitted: 1,
    });
    expect((await admin("GET", `${base}/groups/${all["id"] as string}`)).body).toMatchObject({
      members: 2,
      admitted: 2,
    });
    const members = await walk(admin, `${base}/groups/${all["id"] as string}/members?limit=1`);
    expect(members.toSorted((a, b) => String(a["kind"]).localeCompare(String(b["kind"])))).toMatchObject([
      { id: sales["id"], kind: "Group", name: "Sales North", userId: null, denials: [] },
      { id: bob["id"], kind: "User", name: "bob@example.test", userId: bob["id"], denials: ["idp_inactive"] },
    ]);
    expect((await admin("GET", `${base}/groups/${crypto.randomUUID()}`)).status).toBe(404);
    expect((await admin("GET", `${base}/groups/${crypto.randomUUID()}/members`)).status).toBe(404);
  });
});

describe("what was done in a tenant", () => {
  test("is listed from the newest, by who, what and to what, with what it was before and after", async () => {
    const { admin, base, tenant } = await scene();
    const operator = await adminOf(house, undefined);
    await admin("PATCH", `${base}/connections/idp`, { name: "First" });
    await admin("PATCH", `${base}/connections/idp`, { name: "Second", subjectCompare: "casefold" });
    await operator("POST", `${base}/tokens`, { purpose: "feed", label: "edge" });
    const all = await walk(admin, `${base}/audit?limit=1`);
    expect(all).toMatchObject([
      { action: "credential.issue", actorName: "an operator of the house", after: { purpose: "feed", label: "edge" } },
      {
        action: "connection.update",
        actorName: "test",
        target: tenant.connectionId,
        before: { name: "First", subjectCompare: "exact" },
        after: { name: "Second", subjectCompare: "casefold" },
      },
      { action: "connection.update", before: { name: "IdP" }, after: { name: "First" } },
    ]);
    const mine = String(all.at(-1)?.["actor"]);
    expect(await walk(admin, `${base}/audit?actor=${mine}`)).toHaveLength(2);
    expect(await walk(admin, `${base}/audit?action=credential.issue`)).toHaveLength(1);
    expect(await walk(admin, `${base}/audit?target=${tenant.connectionId}&actor=${mine}`)).toHaveLength(2);
    expect(await walk(operator, `${base}/audit?action=credential.issue`)).toMatchObject([{ actorName: "test" }]);
  });

  test("above all tenants is for the operators of the house", async () => {
    const { admin } = await scene();
    const operator = await adminOf(house, undefined);
    await operator("POST", "/tokens", { purpose: "feed", label: "of all tenants" });
    expect(await walk(operator, "/audit?action=credential.issue")).toMatchObject([
      { action: "credential.issue", actorName: "test", after: { label: "of all tenants" } },
    ]);
    expect((await admin("GET", "/audit")).status).toBe(404);
  });
});

describe("whoever follows a tenant", () => {
  test("is told what to look at again, and nothing of what has changed", async () => {
    const { tenant } = await scene();
    const stream = await follow(tenant, bearer((await viewerOf(tenant)).token));
    // The first look has nothing to compare with.
    let count = 0;
    await until("a joiner is told of", async () => {
      await tenant.scim("POST", "/Users", newUser(`secret-name-${(count += 1)}`));
      return stream.heard().includes('"events"');
    });
    expect(stream.heard()).toMatch(/event: changed\ndata: \{"topics":\[[^\n]*"events"[^\n]*\]\}\n\n/);
    expect(stream.heard()).not.toContain("secret-name");
  });

  test("is told no more once their token is revoked or their session is over, and is kept logged in by nothing", async () => {
    const { tenant, admin, base } = await scene();
    const clock = await holdIntervals(house);
    const [revoked, expired, idle] = [await viewerOf(tenant), await viewerOf(tenant), await viewerOf(tenant)];
    const living = await viewerOf(tenant);
    const loggedOut = await sessionOf((await viewerOf(tenant)).token);
    const ending = [
      await follow(tenant, bearer(revoked.token)),
      await follow(tenant, loggedOut),
      await follow(tenant, await sessionOf(expired.token)),
      await follow(tenant, await sessionOf(idle.token)),
    ];
    const staying = [await follow(tenant, bearer(living.token)), await follow(tenant, await sessionOf(living.token))];
    expect(clock.held()).toBe(6);
    expect((await admin("DELETE", `${base}/tokens/${revoked.id}`)).status).toBe(204);
    expect((await logOut(house, loggedOut)).status).toBe(204);
    await house.database.house(
      sql`UPDATE admin_session SET ends_at = now() - interval '1 second' WHERE credential_id = ${expired.id}`,
    );
    await house.database.house(
      sql`UPDATE admin_session SET used_at = now() - interval '31 minutes' WHERE credential_id = ${idle.id}`,
    );
    const left = sql`UPDATE admin_session SET used_at = now() - interval '20 minutes' WHERE credential_id = ${living.id} RETURNING used_at::text AS used`;
    const [before] = await house.database.house<{ used: string }>(left);
    await clock.advanceUntil("they are told no more", () => ending.every(({ hasEnded }) => hasEnded()));
    await until("the others are still here", () => staying.every((stream) => stream.heard().includes(": still here")));
    const now = sql`SELECT used_at::text AS used FROM admin_session WHERE credential_id = ${living.id}`;
    expect(await house.database.house(now)).toEqual([before]);
    expect(clock.held()).toBe(2);
    expect((await admin("DELETE", `${base}/tokens/${living.id}`)).status).toBe(204);
    await clock.advanceUntil("the rest are told no more", () => staying.every(({ hasEnded }) => hasEnded()));
    expect(clock.held()).toBe(0);
  });

  test("costs nothing any more once they have left, even before they were answered", async () => {
    const [left, other] = [(await scene()).tenant, (await scene()).tenant];
    const clock = await holdIntervals(house);
    // A token that was asked about just now is not asked about again.
    const [{ token }, fresh] = [await viewerOf(left), await viewerOf(left)];
    const streams = [await follow(left, bearer(token)), await follow(left, bearer(token))];
    await follow(other, bearer((await viewerOf(other)).token));
    expect(clock.held()).toBe(3);
    for (const stream of streams) stream.leave();
    await until("they have left", () => clock.held() === 1);

    const looks = vi.spyOn(house.database, "once");
    onTestFinished(() => looks.mockRestore());
    const looksAt = ({ id }: TestTenant) => looks.mock.calls.filter(([tenantId]) => tenantId === id).length;
    const credentials = await lockCredentials(house);
    const early = new AbortController();
    const leaving = follow(left, bearer(fresh.token), early).catch((error: unknown) => error);
    await until("it is asked who they are", async () => (await lockWaiters(house.databaseUrl)) === 1);
    early.abort();
    expect(await leaving).toBe(early.signal.reason);
    // Whoever speaks later is heard later: by then the house knows that they have left.
    expect((await fetch(`${house.url}/v1/admin/login/methods`)).status).toBe(200);
    await credentials.letGo();
    await follow(other, bearer((await viewerOf(other)).token));
    expect(clock.held()).toBe(2);
    // Each tenant that somebody follows is looked at once a second.
    await until("the other tenant is looked at twice more", () => looksAt(other) >= 2);
    expect(looksAt(left)).toBe(0);
  });
});

async function scene(): Promise<{ readonly tenant: TestTenant; readonly admin: Admin; readonly base: string }> {
  const tenant = await createTenant(house);
  return { tenant, admin: await adminOf(house, tenant), base: `/tenants/${tenant.slug}` };
}

/** A place in a list that is in the order of moments, as a page would name it. */
function placeOf(id: string, at: string): string {
  return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

/** Every item, page by page. */
async function walk(admin: Admin, path: string, from?: string): Promise<readonly Item[]> {
  const items: Item[] = [];
  let next = from;
  do {
    const { status, body } = await admin(
      "GET",
      `${path}${next === undefined ? "" : `${path.includes("?") ? "&" : "?"}after=${next}`}`,
    );
    expect(status, JSON.stringify(body)).toBe(200);
    items.push(...(body["items"] as Item[]));
    next = body["next"] as string | undefined;
  } while (next !== undefined);
  return items;
}
