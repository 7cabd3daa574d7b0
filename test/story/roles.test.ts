import { describe, expect, test } from "vitest";
import { type AdminRole, adminRoles } from "@rollcall/core/domain";
import { adminOf, type AdminAnswer } from "../harness/admin.ts";
import { exchangeToken } from "../harness/follower.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";

const house = await openHouse();
const tenant = await createTenant(house);
const stranger = await createTenant(house);
const { body: document } = await (await adminOf(house, undefined))("GET", "/openapi.json");

type Operation = { readonly "x-rollcall-role": AdminRole | null; readonly "x-rollcall-house"?: true };
const routes = Object.entries(document["paths"] as Record<string, Record<string, Operation>>).flatMap(([path, at]) =>
  Object.entries(at).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
const inTenant = routes.filter(({ path }) => path.includes("{tenant}"));

test("every route of a tenant says which role it takes, and there are many of each", () => {
  for (const role of adminRoles)
    expect(inTenant.filter(({ operation }) => operation["x-rollcall-role"] === role).length).toBeGreaterThan(5);
  expect(
    inTenant.filter(({ method, operation }) => method !== "GET" && operation["x-rollcall-role"] === "viewer"),
  ).toEqual([]);
});

describe.each(["viewer", "operator"] as const)("a token with the role %s", async (role) => {
  const admin = await adminOf(house, tenant, role);
  const beyond = inTenant.filter(({ operation }) => rank(operation["x-rollcall-role"]) > rank(role));

  test.each(beyond.map(({ method, path }) => [method, path]))(
    "is refused %s %s, and its body is not looked at",
    async (method, path) => {
      expect(words(await admin(method, filled(path, tenant.slug), nonsense(method)))).toEqual({
        status: 403,
        code: "role_insufficient",
      });
    },
  );

  test.each(beyond.map(({ method, path }) => [method, path]))(
    "finds no %s %s of another tenant",
    async (method, path) => {
      const other = words(await admin(method, filled(path, stranger.slug), nonsense(method)));
      expect(other).toEqual({ status: 404, code: "not_found" });
      expect(words(await admin(method, filled(path, "nobody"), nonsense(method)))).toEqual(other);
    },
  );

  test("may look", async () => {
    expect((await admin("GET", `/tenants/${tenant.slug}/users`)).status).toBe(200);
    expect((await admin("GET", "/me")).body).toMatchObject({ operator: false, tenants: [{ slug: tenant.slug, role }] });
  });
});

test("whoever logs in properly is never locked out, however often, and whoever guesses beside them", async () => {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  const statuses = async (given: string): Promise<ReadonlySet<number>> => {
    const seen = new Set<number>();
    for (let count = 0; count < 25; count += 1) seen.add((await exchangeToken(house, given)).status);
    return seen;
  };
  const guess = `rc_admin_${"0".repeat(16)}_x`;
  expect(await statuses(token)).toEqual(new Set([200]));
  expect(await statuses(guess)).toEqual(new Set([403, 429]));
  const refused = await exchangeToken(house, guess);
  expect(await refused.json()).toMatchObject({ status: 429, code: "rate_limited" });
  expect(refused.headers.get("retry-after")).toBe("60");
  expect(await statuses(token)).toEqual(new Set([200]));
});

test("an operator sets right what is wrong, and says nobody may speak", async () => {
  const admin = await adminOf(house, tenant, "operator");
  const { body } = await tenant.scim("POST", "/Users", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: "ann@example.test",
    externalId: "ann",
  });
  const path = `/tenants/${tenant.slug}`;
  expect((await admin("POST", `${path}/users/${body["id"] as string}/suspend`, {})).status).toBe(200);
  expect((await admin("POST", `${path}/tokens`, { purpose: "feed" })).status).toBe(403);
});

test("a token is as much as it was issued for, nobody issues one beyond their own, and others than admins have no role", async () => {
  const admin = await adminOf(house, tenant);
  const path = `/tenants/${tenant.slug}/tokens`;
  const issued = await admin("POST", path, { purpose: "admin", role: "viewer" });
  expect(issued.status).toBe(201);
  const listed = (await admin("GET", path)).body["items"] as { id: string; role?: string; purpose: string }[];
  expect(listed.find(({ id }) => id === issued.body["id"])).toMatchObject({ role: "viewer" });
  expect(listed.filter(({ purpose, role }) => purpose !== "admin" && role !== undefined)).toEqual([]);
  expect((await admin("POST", path, { purpose: "feed", role: "viewer" })).status).toBe(400);
  expect((await admin("POST", path, { purpose: "admin", role: "root" })).status).toBe(400);
  for (const role of ["viewer", "operator"] as const)
    expect((await (await adminOf(house, tenant, role))("POST", path, { purpose: "admin" })).status).toBe(403);
});

test("an operator of the house has every role in every tenant", async () => {
  const operator = await adminOf(house, undefined);
  expect((await operator("POST", `/tenants/${tenant.slug}/tokens`, { purpose: "feed" })).status).toBe(201);
  const { body } = await operator("GET", "/me");
  expect(body).toMatchObject({ operator: true });
  for (const { role } of body["tenants"] as { role: string }[]) expect(role).toBe("admin");
});

function rank(role: AdminRole | null): number {
  return role === null ? -1 : adminRoles.indexOf(role);
}

/** Not even JSON: whoever may not, is told that and nothing of it. */
function nonsense(method: string): string | undefined {
  return method === "GET" ? undefined : "{";
}

function filled(path: string, slug: string): string {
  return path
    .replace("/v1/admin", "")
    .replace("{tenant}", slug)
    .replace(/\{\w+\}/g, crypto.randomUUID());
}

function words({ status, body }: AdminAnswer) {
  return { status, code: body["code"] };
}
