import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();

type Answer = { readonly status: number; readonly body: Record<string, unknown> };

async function adminOf(tenant: TestTenant | undefined) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant?.id, label: "test" });
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${house.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
}

async function provision(tenant: TestTenant, externalId: string): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser(externalId));
  return body["id"] as string;
}

async function setActive(tenant: TestTenant, id: string, active: boolean): Promise<void> {
  const Operations = [{ op: "replace", value: { active } }];
  const answer = await tenant.scim("PATCH", `/Users/${id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations,
  });
  expect(answer.status).toBe(200);
}

describe("an admin's denial", () => {
  test("stands when the provider re-activates the user, and lifting it lifts nothing else", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(tenant);
    const base = `/v1/admin/tenants/${tenant.slug}`;
    const id = await provision(tenant, "00u1");
    await until("the user is converged", async () => (await denials(admin, base, id))?.length === 0);

    expect((await admin("POST", `${base}/users/${id}/suspend`, {})).status).toBe(200);
    await setActive(tenant, id, false);
    await until("both reasons stand", async () => (await denials(admin, base, id))?.length === 2);
    await setActive(tenant, id, true);
    await until("the provider's reason is gone", async () => (await denials(admin, base, id))?.length === 1);
    expect(await verdict(admin, "00u1")).toBe("suspended");

    expect((await admin("POST", `${base}/users/${id}/unsuspend`, {})).status).toBe(200);
    expect(await verdict(admin, "00u1")).toBe("ok");
    expect((await admin("POST", `${base}/users/${id}/unsuspend`, {})).status).toBe(404);
  });

  test("of a subject that nobody holds is inherited by whoever comes to hold it, and is gone for good once lifted", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(tenant);
    const base = `/v1/admin/tenants/${tenant.slug}`;
    const target = { iss: tenant.issuer, sub: "00u2" };
    expect((await admin("POST", `${base}/revocations`, target)).body).toMatchObject({ issuerKnown: true, changed: 1 });
    const id = await provision(tenant, "00u2");
    await until("the user is denied", async () => (await denials(admin, base, id))?.includes("admin_revoked"));
    expect(await verdict(admin, "00u2")).toBe("revoked");

    await setActive(tenant, id, false);
    await until("both reasons stand", async () => (await denials(admin, base, id))?.length === 2);
    expect((await admin("POST", `${base}/revocations/lift`, target)).status).toBe(200);
    await setActive(tenant, id, true);
    await until("no reason stands", async () => (await denials(admin, base, id))?.length === 0);
    expect(await verdict(admin, "00u2")).toBe("ok");
  });
});

test("a revocation is lifted by its id, however long its issuer and its value are", async () => {
  const tenant = await createTenant(house);
  const admin = await adminOf(tenant);
  const path = `/v1/admin/tenants/${tenant.slug}/revocations`;
  const issuer = "https://idp.test/";
  const targets = [
    { iss: tenant.issuer, session: '"'.repeat(255) },
    { iss: issuer + "é".repeat(512 - issuer.length), session: "\u0001".repeat(255) },
    { iss: issuer + "語".repeat(512 - issuer.length), tokenId: "語".repeat(255) },
  ];
  for (const target of targets) {
    expect((await admin("POST", path, target)).status).toBe(201);
    const [made, ...others] = (await admin("GET", path)).body["items"] as { id: string }[];
    expect(others).toEqual([]);
    expect((await admin("GET", `${path}?limit=1&after=${made?.id ?? ""}`)).status).toBe(200);
    expect((await admin("DELETE", `${path}/${made?.id ?? ""}`)).status).toBe(204);
    expect((await admin("GET", path)).body["items"]).toEqual([]);
    expect((await admin("DELETE", `${path}/${made?.id ?? ""}`)).status).toBe(404);
  }
});

describe("tenants", () => {
  test("another's tenant answers an admin exactly as one that does not exist", async () => {
    const mine = await createTenant(house);
    const theirs = await createTenant(house);
    const admin = await adminOf(mine);
    await provision(theirs, "00u1");
    const words = ({ status, body: { request_id: _, ...body } }: Answer) => ({ status, body });
    for (const path of [
      "",
      "/users",
      "/connections",
      "/tokens",
      "/revocations",
      "/lag",
      "/gateways",
      "/deadletters",
      "/alerts",
    ]) {
      const other = words(await admin("GET", `/v1/admin/tenants/${theirs.slug}${path}`));
      expect(other).toEqual(words(await admin("GET", `/v1/admin/tenants/nobody${path}`)));
      expect(other.status).toBe(404);
    }
    expect(await verdict(admin, "00u1")).toBe("never_provisioned");
    expect((await admin("POST", "/v1/explain", { sub: "00u1", tenant: theirs.slug })).status).toBe(404);
    expect((await admin("POST", "/v1/admin/tenants", { slug: "own" })).status).toBe(404);
  });

  test("every change leaves its trace in the audit, by the credential that made it", async () => {
    const operator = await adminOf(undefined);
    const slug = `t-${crypto.randomUUID()}`;
    expect((await operator("POST", "/v1/admin/tenants", { slug })).status).toBe(201);
    expect((await operator("POST", "/v1/admin/tenants", { slug })).body).toMatchObject({
      status: 409,
      code: "slug_taken",
    });
    expect((await operator("POST", `/v1/admin/tenants/${slug}/connections`, { slug: "idp" })).status).toBe(201);
    expect(
      (await operator("PATCH", `/v1/admin/tenants/${slug}/connections/idp`, { subjectCompare: "casefold" })).body,
    ).toMatchObject({ resyncNeeded: true });
    const token = await operator("POST", `/v1/admin/tenants/${slug}/tokens`, { purpose: "scim", connection: "idp" });
    expect((await operator("DELETE", `/v1/admin/tenants/${slug}/tokens/${token.body["id"] as string}`)).status).toBe(
      204,
    );
    const { id } = (await operator("GET", `/v1/admin/tenants/${slug}`)).body as { id: string };
    const trail = await house.database.housePrisma.audit.findMany({ where: { tenantId: id }, orderBy: { id: "asc" } });
    expect(trail.map(({ action }) => action)).toEqual([
      "tenant.create",
      "connection.create",
      "connection.update",
      "credential.issue",
      "credential.revoke",
    ]);
    expect(JSON.stringify(trail.map(({ detail }) => detail))).not.toContain(token.body["token"] as string);
  });
});

test("a resync reaches every subject once, deleted ones too, and says when it is done", async () => {
  const tenant = await createTenant(house);
  const admin = await adminOf(tenant);
  const base = `/v1/admin/tenants/${tenant.slug}`;
  const ids = await Promise.all(["00u1", "00u2", "00u3"].map((externalId) => provision(tenant, externalId)));
  await tenant.scim("DELETE", `/Users/${ids[2] as string}`);
  const started = await admin("POST", `${base}/resyncs`, { scope: "tenant" });
  expect(started).toMatchObject({ status: 202, body: { total: 3 } });
  const done = await until("the resync is done", async () => {
    const { body } = await admin("GET", `${base}/resyncs/${started.body["id"] as string}`);
    return body["finishedAt"] !== undefined && body;
  });
  expect(done).toMatchObject({ total: 3, enqueued: 3, applied: 3, dead: 0 });
});

async function denials(
  admin: Awaited<ReturnType<typeof adminOf>>,
  base: string,
  id: string,
): Promise<readonly string[] | undefined> {
  const { body } = await admin("GET", `${base}/users?id=${id}`);
  const [user] = body["items"] as readonly { behind: boolean; denials: readonly string[] }[];
  return user === undefined || user.behind ? undefined : user.denials;
}

async function verdict(admin: Awaited<ReturnType<typeof adminOf>>, sub: string): Promise<unknown> {
  const { body } = await admin("POST", "/v1/explain", { sub });
  return (body["verdict"] as { code: string }).code;
}
