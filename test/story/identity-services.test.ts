import { newId } from "@rollcall/core/runtime";
import { resolveSubject } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { idOf } from "../harness/linked-person.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { applyAll, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });

describe("a service account", () => {
  test("is told by rule, and is nobody's user, though a person bears its very name", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const id = idOf(await tenant.scim("POST", "/Users", newUser("job-backup")));
    const person = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
    await settle(tenant);
    expect(await resolve(tenant, "job-backup")).toMatchObject({ status: "active", userId: id });
    const services = [{ claim: "sub", prefix: "job-" }];
    const path = `/tenants/${tenant.slug}/connections/idp`;
    expect((await admin("PATCH", path, { justInTime: { services } })).status).toBe(200);
    expect(await resolve(tenant, "job-backup")).toEqual({ status: "unknown", reason: "service_account" });
    expect(await resolve(tenant, "ann")).toMatchObject({ status: "active", userId: person });
    expect((await explain(tenant, "job-backup")).verdict.code).toBe("service_account");
    expect((await explain(tenant, "ann")).verdict.code).toBe("ok");
  });

  test("is refused by name all the same where an admin denies it", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const services = [{ claim: "sub", prefix: "job-" }];
    await admin("PATCH", `/tenants/${tenant.slug}/connections/idp`, { justInTime: { services } });
    await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: tenant.issuer, sub: "job-backup" });
    expect(await resolve(tenant, "job-backup")).toEqual({ status: "denied", reason: "admin_revoked" });
  });

  test("is inactive to a gateway that only introspects: a token whose subject is its own client", async () => {
    const clock = { sec: () => Math.floor(Date.now() / 1_000) };
    const issuer = await createIssuer(clock, "RS256");
    try {
      const tenant = await createTenant(house, { issuer: issuer.origin });
      await tenant.scim("POST", "/Users", newUser("ada"));
      await settle(tenant);
      const introspect = async (claims: object) => {
        const answer = await fetch(`${house.url}/v1/introspect`, {
          method: "POST",
          headers: { authorization: `Bearer ${tenant.feedToken}` },
          body: new URLSearchParams({ token: await issuer.mint({ ...claims }) }),
        });
        return (await answer.json()) as unknown;
      };
      expect(await introspect({ client_id: "app" })).toMatchObject({ active: true, username: "ada@example.test" });
      expect(await introspect({ client_id: "ada" })).toEqual({ active: false });
    } finally {
      await issuer.close();
    }
  });
});

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function resolve(tenant: TestTenant, sub: string) {
  return resolveSubject(house.database, tenant.id, tenant.issuer, sub);
}

async function explain(tenant: TestTenant, sub: string) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  const answer = await fetch(`${house.url}/v1/explain`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ sub, iss: tenant.issuer }),
  });
  return (await answer.json()) as {
    readonly verdict: { readonly code: string };
    readonly steps: readonly { readonly step: string; readonly evidence: string }[];
  };
}
