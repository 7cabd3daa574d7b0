import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newGroup, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

/** What somebody finds who reads the database, or a queue, without being let in. Each story is told of one threat. */
const house = await openHouse();
const owner = new Client({ connectionString: house.databaseUrl });
await owner.connect();
afterAll(() => owner.end());

describe("T17: a token", () => {
  test("is nowhere in the database, whole or by its secret part, and what is there opens no door", async () => {
    const tenant = await createTenant(house);
    const issued = [tenant.scimToken, tenant.feedToken];
    expect(new Set(issued.map(secretOf)).size).toBe(2);
    const rows = await everyRow("public");
    expect(rows.length).toBeGreaterThan(10);
    for (const token of issued) expect(rows.filter((row) => row.includes(secretOf(token)))).toEqual([]);
    const { rows: kept } = await owner.query<{ digest: Buffer }>("SELECT digest FROM credential WHERE tenant_id = $1", [
      tenant.id,
    ]);
    expect(kept).toHaveLength(2);
    for (const { digest } of kept)
      for (const guess of [digest.toString("base64url"), digest.toString("hex")])
        expect((await withToken(tenant.scimToken.replace(secretOf(tenant.scimToken), guess))).status).toBe(401);
  });

  test("is one of several that live at once, and dies alone when it is revoked", async () => {
    const tenant = await createTenant(house);
    const { connectionId } = tenant;
    const another = await house.credentials.issue({
      purpose: "scim",
      tenantId: tenant.id,
      connectionId,
      label: "next",
    });
    expect((await withToken(tenant.scimToken)).status).toBe(200);
    expect((await withToken(another.token)).status).toBe(200);
    await owner.query("UPDATE credential SET revoked_at = now() WHERE id = $1", [another.id]);
    await until("the revoked token is refused", async () => (await withToken(another.token)).status === 401);
    expect((await withToken(tenant.scimToken)).status).toBe(200);
  });
});

describe("T23: what a person is called", () => {
  test("is in no job of the queue, which carries lanes and nothing else", async () => {
    const tenant = await createTenant(house);
    const canary = "canary-8f2b";
    const { body } = await tenant.scim("POST", "/Users", newUser(canary, { displayName: canary, title: canary }));
    await tenant.scim("POST", "/Groups", newGroup(canary, [body["id"] as string]));
    await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    await untilQuiet(house, tenant.id);
    const jobs = await everyRow("bullmq");
    expect(jobs.length).toBeGreaterThan(0);
    for (const secret of [canary, body["id"] as string, tenant.id, secretOf(tenant.scimToken)])
      expect(jobs.filter((row) => row.includes(secret))).toEqual([]);
  });

  test("is in no event, no alert, no dead letter's reason and no line of the audit", async () => {
    const tenant = await createTenant(house);
    const canary = "canary-1c7d";
    await tenant.scim("POST", "/Users", newUser(canary, { displayName: canary }));
    await untilQuiet(house, tenant.id);
    const rows = await everyRow("public", ["lifecycle_event", "alert", "audit"]);
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter((row) => row.includes(canary))).toEqual([]);
  });
});

function withToken(token: string): Promise<Response> {
  return fetch(`${house.url}/scim/v2/Users`, { headers: { authorization: `Bearer ${token}` } });
}

/** `rc_scim_<id>_<secret>`. */
function secretOf(token: string): string {
  return token.split("_").slice(3).join("_");
}

/** Every row of a schema's tables as text, as the owner of the database sees it. */
async function everyRow(schema: string, only?: readonly string[]): Promise<readonly string[]> {
  const { rows: tables } = await owner.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 AND table_type = 'BASE TABLE'",
    [schema],
  );
  const found: string[] = [];
  for (const { name } of tables.filter((table) => only?.includes(table.name) ?? true)) {
    const { rows } = await owner.query<{ held: string }>(`SELECT held::text FROM "${schema}"."${name}" AS held`);
    found.push(...rows.map(({ held }) => held));
  }
  return found;
}
