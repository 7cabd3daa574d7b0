import { describe, expect, test } from "vitest";
import { lagBounds } from "@rollcall/core/domain";
import { foldLag, readLag, sql, trimLag } from "@rollcall/core/store";
import { type Admin, adminOf } from "../harness/admin.ts";
import { readApiDescription } from "../harness/api-description.ts";
import { hold } from "../harness/hold.ts";
import { openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { addConnection, createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// Nobody folds but the stories themselves.
const house = await openHouse({ without: ["publisher"] });
const { database } = house;

describe("the history of lag", () => {
  test("has a point for each step, those in which nothing happened among them, and adds up to what passed", async () => {
    const tenant = await createTenant(house);
    const other = await addConnection(house, tenant, "https://other.test");
    await noteAt(tenant, 130, [40, 40, 40]);
    await noteAt(tenant, 20, [4_000], other.connectionId);
    await noteAt(tenant, 1, [7]);
    await foldLag(database);
    const admin = await adminOf(house, tenant);
    const read = async (query: string) => {
      const { status, body } = await admin("GET", `/tenants/${tenant.slug}/lag/history?${query}`);
      return { status, points: (body["points"] ?? []) as readonly HistoryPoint[] };
    };
    const of = (points: readonly HistoryPoint[]) =>
      points.flatMap(({ stages: { acceptedToApplied: stage } }) => (stage.count === 0 ? [] : [stage.count]));
    const { points } = await read("windowSec=10800&stepSec=900");
    expect(points.length).toBeGreaterThanOrEqual(12);
    expect(of(points).reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(
      points.find(({ stages }) => stages.acceptedToApplied.count === 0)?.stages.acceptedToApplied,
    ).not.toHaveProperty("p99Ms");
    expect(of((await read("windowSec=3600&stepSec=60")).points)).toEqual([1, 1]);
    expect(
      of((await read("windowSec=10800&stepSec=10800&connection=idp")).points).reduce((sum, one) => sum + one, 0),
    ).toBe(4);
    const slow = (await read(`windowSec=3600&stepSec=60&connection=${`idp-${other.connectionId}`}`)).points;
    expect(slow.find(({ stages }) => stages.acceptedToApplied.count === 1)?.stages.acceptedToApplied).toMatchObject({
      maxMs: 4_000,
    });
    for (const query of ["windowSec=864000&stepSec=60", "windowSec=604800&stepSec=600", "windowSec=3600&stepSec=61"])
      expect((await read(query)).status).toBe(400);
    expect((await read("windowSec=3600&stepSec=60&connection=nobody")).status).toBe(404);
  });

  test("reads minutes for two days and two hours for a month, and no longer", async () => {
    const tenant = await createTenant(house);
    for (const days of [1, 3, 20, 40]) await noteAt(tenant, days * 1_440, [40]);
    await foldLag(database);
    await trimLag(database);
    const rows = await database.once<{ step_sec: number; number: number }>(
      tenant.id,
      sql`SELECT step_sec, count(*) AS number FROM lag_histogram GROUP BY step_sec ORDER BY step_sec`,
    );
    expect(rows).toEqual([
      { step_sec: 60, number: 1 },
      { step_sec: 900, number: 2 },
      { step_sec: 7_200, number: 3 },
    ]);
  });

  test("is nobody else's", async () => {
    const [mine, theirs] = [await createTenant(house), await createTenant(house)];
    await noteAt(theirs, 1, [40]);
    await foldLag(database);
    const { stages } = await readLag(database, mine.id, 3_600);
    expect(stages.acceptedToApplied).toMatchObject({ count: 0 });
    const admin = await adminOf(house, mine);
    for (const path of ["/lag/history", "/overview", "/objectives"])
      expect((await admin("GET", `/tenants/${theirs.slug}${path}`)).status).toBe(404);
  });
});

test("an objective is an admin's to set, is audited with what it was, and holds from then on", async () => {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  const path = `/tenants/${tenant.slug}/objectives`;
  const before = (await admin("GET", path)).body["items"] as readonly { stage: string; isDefault: boolean }[];
  expect(before.map(({ isDefault }) => isDefault)).toEqual([true, true, true, true]);
  expect((await admin("PUT", `${path}/appliedToPublished`, { p99Ms: 750, share: 0.999 })).body).toMatchObject({
    p99Ms: 750,
  });
  expect((await admin("PUT", `${path}/appliedToPublished`, { p99Ms: 750, share: 0.5 })).status).toBe(400);
  expect((await admin("PUT", `${path}/toTheMoon`, { p99Ms: 750, share: 0.99 })).status).toBe(404);
  const after = (await admin("GET", path)).body["items"];
  expect(after).toContainEqual({ stage: "appliedToPublished", p99Ms: 750, share: 0.999, isDefault: false });
  const audited = await database.once<{ detail: unknown }>(
    tenant.id,
    sql`SELECT detail FROM audit WHERE action = 'objective.set'`,
  );
  expect(audited).toEqual([{ detail: { before: { p99Ms: 2_000, share: 0.99 }, after: { p99Ms: 750, share: 0.999 } } }]);
});

describe("of two admins who change objectives at once", () => {
  test("the second is refused and changes nothing, whichever stage either has changed, until they have read them again", async () => {
    const { ask, audited } = await objectivesOf(await createTenant(house));
    const read = await ask("GET", "");
    expect(read.tag).toMatch(/^"[\w-]{22}"$/);
    expect((await ask("GET", "")).tag).toBe(read.tag);

    const first = await ask("PUT", "/acceptedToApplied", { p99Ms: 750, share: 0.999 }, read.tag);
    expect(first).toMatchObject({ status: 200, body: { stage: "acceptedToApplied", p99Ms: 750, isDefault: false } });
    for (const stage of ["acceptedToApplied", "publishedToEnforced"]) {
      const second = await ask("PUT", `/${stage}`, { p99Ms: 9_000, share: 0.95 }, read.tag);
      expect(second).toMatchObject({ status: 412, body: { code: "version_conflict" }, tag: undefined });
    }
    const present = await ask("GET", "");
    expect(present.tag).toBe(first.tag);
    expect(present.body["items"]).toContainEqual({
      stage: "acceptedToApplied",
      p99Ms: 750,
      share: 0.999,
      isDefault: false,
    });
    expect(await audited()).toHaveLength(1);

    // What a change answers is as good as what was read.
    const again = await ask("PUT", "/publishedToEnforced", { p99Ms: 9_000, share: 0.95 }, present.tag);
    expect(again.status).toBe(200);
    expect((await ask("PUT", "/acceptedToApplied", { p99Ms: 800, share: 0.999 }, again.tag)).status).toBe(200);
    expect(await audited()).toHaveLength(3);
  });

  test("one is done, also where both come before either has written and nobody has said anything yet", async () => {
    const tenant = await createTenant(house);
    const { ask, audited } = await objectivesOf(tenant);
    const { tag } = await ask("GET", "");
    const insertion =
      "INSERT INTO objective (tenant_id, stage, p99_ms, share) VALUES ($1, 'acceptedToApplied', 1, 0.99)";
    const held = await hold(house, tenant.id, insertion, [tenant.id]);
    const first = ask("PUT", "/acceptedToApplied", { p99Ms: 750, share: 0.99 }, tag);
    await until("the first has read and waits to write", async () => (await lockWaiters(house.databaseUrl)) > 0);
    const second = ask("PUT", "/publishedToEnforced", { p99Ms: 9_000, share: 0.99 }, tag);
    const answered = new AbortController();
    await Promise.race([
      second,
      until(
        "the second waits for the first",
        async () => answered.signal.aborted || (await lockWaiters(house.databaseUrl)) > 1,
      ),
    ]);
    answered.abort();
    await held.letGo();
    expect([(await first).status, (await second).status]).toEqual([200, 412]);
    const items = (await ask("GET", "")).body["items"] as readonly { readonly isDefault: boolean }[];
    expect(items.map(({ isDefault }) => isDefault)).toEqual([true, false, true, true]);
    expect(await audited()).toHaveLength(1);
  });

  test("who does not say what they have read goes on as before, and so does who takes whatever there is", async () => {
    const { ask } = await objectivesOf(await createTenant(house));
    for (const tag of [undefined, "*", undefined])
      expect((await ask("PUT", "/acceptedToApplied", { p99Ms: 750, share: 0.999 }, tag)).status).toBe(200);
    const refused = await ask("PUT", "/acceptedToApplied", { p99Ms: 0.5, share: 0.5 }, '"another"');
    expect(refused).toMatchObject({ status: 400, body: { problems: [{ at: "p99Ms" }, { at: "share" }] } });
  });

  test("is told by the description of the API", async () => {
    const { routes } = await readApiDescription(house);
    const named = routes.filter(({ path }) => path.includes("/objectives"));
    expect(
      named.map(({ method, operation }) => [
        method,
        operation.parameters?.some(({ name }) => name === "If-Match"),
        JSON.stringify(operation.responses).includes('"ETag"'),
      ]),
    ).toEqual([
      ["GET", false, true],
      ["PUT", true, true],
    ]);
  });
});

/** The objectives of a tenant as its admin asks for them, with tags; and what the audit has of them. */
async function objectivesOf(tenant: TestTenant) {
  const admin = await adminOf(house, tenant);
  const ask: Admin = (method, path, body, tag) => admin(method, `/tenants/${tenant.slug}/objectives${path}`, body, tag);
  const audited = () =>
    database.once(tenant.id, sql`SELECT id FROM audit WHERE tenant_id = ${tenant.id} AND action = 'objective.set'`);
  return { ask, audited };
}

type HistoryPoint = {
  readonly stages: {
    readonly acceptedToApplied: { readonly count: number; readonly p99Ms?: number; readonly maxMs?: number };
  };
};

/** What a worker would have noted so many minutes ago. */
async function noteAt(
  tenant: TestTenant,
  minutesAgo: number,
  took: readonly number[],
  connectionId = tenant.connectionId,
): Promise<void> {
  await database.once(
    tenant.id,
    sql`INSERT INTO lag_sample (tenant_id, connection_id, stage, at, bucket, count, sum_ms, max_ms)
      SELECT ${tenant.id}, ${connectionId}, 'acceptedToApplied', date_trunc('minute', now() - ${minutesAgo} * interval '1 minute'),
        width_bucket(ms, ${lagBounds}::double precision[]), 1, ms, ms FROM unnest(${took}::double precision[]) AS ms`,
  );
}
