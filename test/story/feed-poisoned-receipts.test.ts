import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { compactFeed, sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const { database } = house;
const daySec = 86_400;
/** As long as the column can say: 68 years. */
const longestSec = 2_147_483_647;

describe("a token that lives as good as for ever", () => {
  test.each([
    ["until the year 2286", 8_206_400_000],
    ["with an exp in milliseconds", 1_763_812_800_000],
    ["as long as a number can say", 1.7e308],
    ["just too long for the column", longestSec + 0.5],
  ])("%s stops compaction, and the receipts beside its own are taken", async (_how, seenSec) => {
    const tenant = await openLeaver();
    expect(await report(tenant, { gateway: "edge", max_ttl_seen: 3_600 })).toBe(204);
    const reports = [
      { gateway: "edge", max_ttl_seen: seenSec },
      { gateway: "beside" },
      { gateway: "beside too", max_ttl_seen: 60 },
    ];
    expect(await Promise.all(reports.map((one) => report(tenant, one)))).toEqual([204, 204, 204]);
    expect(await gatewaysOf(tenant)).toEqual({ beside: null, "beside too": 60, edge: longestSec });
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: "lifetime_exceeded" });
    expect(await report(tenant, { gateway: "edge", max_ttl_seen: 60 })).toBe(204);
    expect(await compactFeed(database, tenant.id, newId)).toMatchObject({ forgotten: 0 });
  });

  test("forgets nobody where a connection says that tokens live so long", async () => {
    const tenant = await openLeaver();
    await database.once(tenant.id, sql`UPDATE connection SET token_lifetime_sec = ${longestSec}`);
    expect(await report(tenant, { gateway: "edge", max_ttl_seen: 1e12 })).toBe(204);
    expect(await compactFeed(database, tenant.id, newId)).toEqual({ forgotten: 0, stopped: undefined });
  });
});

describe("a receipt", () => {
  test.each([
    ["a name with a NUL", { gateway: "a\0" }],
    ["a name with half a letter", { gateway: "a\ud800" }],
    ["a name that no index holds", { gateway: "ü".repeat(513) }],
    ["a digest with a NUL", { gateway: "edge", digest: `${"A".repeat(43)}\0` }],
    ["a lifetime below nothing", { gateway: "edge", max_ttl_seen: -1 }],
    ["a lifetime that is no number", { gateway: "edge", max_ttl_seen: "60" }],
  ])("with %s is refused for itself, and the one beside it is taken", async (_fault, bad) => {
    const tenant = await createTenant(house);
    expect(await Promise.all([report(tenant, bad), report(tenant, { gateway: "beside" })])).toEqual([400, 204]);
    expect(Object.keys(await gatewaysOf(tenant))).toEqual(["beside"]);
  });

  test("at the end of every limit is taken", async () => {
    const tenant = await createTenant(house);
    const most = { epoch: 0, seq: 0, as_of: 1e12, entries: 1e12, max_ttl_seen: 0 };
    const names = ["ü".repeat(512), "€".repeat(341), "x", "\u{1F511}".repeat(256)];
    expect(await Promise.all(names.map((gateway) => report(tenant, { gateway, ...most })))).toEqual(
      names.map(() => 204),
    );
    expect(Object.keys(await gatewaysOf(tenant)).toSorted()).toEqual(names.toSorted());
  });

  test("that the database will not have for a reason that nobody foresaw fails alone", async () => {
    const tenant = await createTenant(house);
    await refuseGateway(tenant, "unforeseen");
    const names = ["a", "b", "unforeseen", "c", "d"];
    const answers = await Promise.all(names.map((gateway) => report(tenant, { gateway })));
    expect(answers).toEqual([204, 204, 503, 204, 204]);
    expect(Object.keys(await gatewaysOf(tenant))).toEqual(["a", "b", "c", "d"]);
  });
});

test.each(["iss", "sub"] as const)("a question whose %s holds a NUL is refused, and is no outage", async (name) => {
  const tenant = await createTenant(house);
  const asked = { iss: tenant.issuer, sub: "ann" };
  expect(await post(tenant, "/v1/resolve", asked)).toBe(200);
  for (const letter of ["\0", "\ud800"])
    expect(await post(tenant, "/v1/resolve", { ...asked, [name]: `${asked[name]}${letter}` })).toBe(400);
});

/** A tenant that somebody left long ago, by what it is configured to. */
async function openLeaver(): Promise<TestTenant> {
  const tenant = await createTenant(house);
  const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
  await untilQuiet(house, tenant.id);
  await tenant.scim("PATCH", `/Users/${String(body["id"])}`, deactivate);
  await untilQuiet(house, tenant.id);
  await database.once(
    tenant.id,
    sql`UPDATE revocation SET applied_at = applied_at - ${9 * daySec} * interval '1 second', nbf = nbf - ${9 * daySec}`,
  );
  return tenant;
}

function report(tenant: TestTenant, said: object): Promise<number> {
  const nowSec = Math.floor(Date.now() / 1_000);
  const receipt = { epoch: 0, seq: 0, as_of: nowSec, entries: 1, digest: Buffer.alloc(32).toString("base64url") };
  return post(tenant, `/v1/feeds/${tenant.slug}/receipts`, { ...receipt, ...said });
}

async function post(tenant: TestTenant, path: string, body: object): Promise<number> {
  const answer = await fetch(`${house.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.feedToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.status;
}

/** The gateways that have reported, with the longest life of a token that each has seen. */
async function gatewaysOf(tenant: TestTenant): Promise<Record<string, number | null>> {
  const rows = await database.once<{ name: string; seen: number | null }>(
    tenant.id,
    sql`SELECT name, max_ttl_sec AS seen FROM gateway JOIN receipt ON gateway_id = gateway.id ORDER BY name`,
  );
  return Object.fromEntries(rows.map(({ name, seen }) => [name, seen]));
}

async function refuseGateway({ id }: TestTenant, name: string): Promise<void> {
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(
    "CREATE FUNCTION refuse_gateway() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'unforeseen'; END $$",
  );
  await client.query(
    `CREATE TRIGGER unforeseen BEFORE INSERT ON gateway FOR EACH ROW WHEN (NEW.tenant_id = '${id}' AND NEW.name = '${name}') EXECUTE FUNCTION refuse_gateway()`,
  );
}
