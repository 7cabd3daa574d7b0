import { createGuard } from "@rollcall/guard";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { exportJWK, generateKeyPair } from "jose";
import { Client } from "pg";
import { afterAll } from "vitest";
import { adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import { addConnection, createTenant, deactivate, newGroup, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

/** What nobody but an enemy calls themselves. */
export const hostileName = `"><img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;

export type ConsoleScene = {
  readonly tenant: TestTenant;
  /** Admin tokens, by role. */
  readonly tokens: Readonly<Record<"viewer" | "operator" | "admin", string>>;
  readonly joiner: string;
  readonly leaver: string;
  readonly hostile: string;
  readonly group: string;
  readonly deadLetter: number;
  readonly run: string;
};

/** A tenant in which something of everything is to be seen. */
export async function createConsoleScene(house: House): Promise<ConsoleScene> {
  const tenant = await createTenant(house);
  const { publicKey } = await generateKeyPair("ES256");
  const gateway = createGuard({
    issuers: [{ issuer: tenant.issuer, audience: "api", jwks: { keys: [await exportJWK(publicKey)] } }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "edge-1" },
    stale: "deny",
    unknown: "allow",
  });
  await gateway.start();
  afterAll(() => gateway.close());
  const create = async (body: Record<string, unknown>, path = "/Users"): Promise<string> =>
    (await tenant.scim("POST", path, body)).body["id"] as string;
  const joiner = await create(newUser("ann", { displayName: "Ann B" }));
  const leaver = await create(newUser("max", { displayName: "Max B" }));
  const hostile = await create(newUser("eve", { userName: hostileName, displayName: hostileName }));
  const group = await create(newGroup("Sales", [joiner, leaver, hostile]), "/Groups");
  await untilQuiet(house, tenant.id);
  await tenant.scim("PATCH", `/Users/${leaver}`, deactivate);
  const deadLetter = await giveUp(house, tenant);
  const admin = await adminOf(house, tenant);
  const run = await admin("POST", `/tenants/${tenant.slug}/resyncs`, { scope: "tenant", dryRun: true });
  return {
    tenant,
    tokens: await tokensOf(house, tenant),
    joiner,
    leaver,
    hostile,
    group,
    deadLetter,
    run: run.body["id"] as string,
  };
}

async function tokensOf(house: House, tenant: TestTenant): Promise<ConsoleScene["tokens"]> {
  const issue = async (role: "viewer" | "operator" | "admin"): Promise<string> =>
    (await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, role, label: `the ${role}` })).token;
  return { viewer: await issue("viewer"), operator: await issue("operator"), admin: await issue("admin") };
}

/** Two providers of one issuer that claim one subject; the second is tried often enough, at once. */
async function giveUp(house: House, tenant: TestTenant): Promise<number> {
  const twin = await addConnection(house, tenant, tenant.issuer);
  await twin.scim("POST", "/Users", newUser("ann", { userName: `other-${newId()}@example.test` }));
  const owner = new Client({ connectionString: house.databaseUrl });
  await owner.connect();
  try {
    return await until("the event is given up", async () => {
      await owner.query(
        "UPDATE lifecycle_event SET attempts = 7, next_attempt_at = now() WHERE tenant_id = $1 AND attempts BETWEEN 1 AND 6 AND applied_at IS NULL",
        [tenant.id],
      );
      const [dead] = await house.database.once<{ id: number }>(
        tenant.id,
        sql`SELECT id FROM lifecycle_event WHERE tenant_id = ${tenant.id} AND dead_at IS NOT NULL`,
      );
      return dead?.id;
    });
  } finally {
    await owner.end();
  }
}
