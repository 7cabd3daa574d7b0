import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createPerson } from "../harness/person.ts";
import { createTenant, deactivate, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const set = (path: string, value: unknown) => patch({ op: "replace", path, value });

describe("what a person may not change about themselves", () => {
  const before = {
    active: true,
    userName: "ann@example.test",
    externalId: "ann",
    roles: [{ value: "reader" }],
    emails: [{ value: "ann@example.test", type: "work" }],
  };
  const escalations: readonly [string, unknown][] = [
    ["userName", "root@example.test"],
    ["externalId", "root"],
    ["active", false],
    ["emails", [{ value: "chief@example.test", type: "work" }]],
    ["roles", [{ value: "admin" }]],
    ["entitlements", [{ value: "everything" }]],
    ["x509Certificates", [{ value: "MIIB" }]],
    ["userType", "Admin"],
    ["title", "Chief"],
    [`${enterprise}:department`, "Board"],
    [`${enterprise}:manager`, { value: "0190a1b2-0000-7000-8000-000000000000" }],
  ];

  test.each(escalations)(
    "%s, by PATCH at its path, without one, among what is theirs, or by PUT",
    async (path, value) => {
      const { id, tenant, me } = await createPerson(house);
      const bodies = [
        set(path, value),
        patch({ op: "Add", value: { [path]: value } }),
        patch({ op: "replace", path: "nickName", value: "Annie" }, { op: "replace", path, value }),
      ];
      for (const body of bodies) expect((await me("PATCH", "/Me", body)).status).toBe(403);
      const [urn, part] = path.startsWith("urn:") ? [enterprise, path.slice(enterprise.length + 1)] : [undefined, path];
      const whole = {
        ...newUser("ann"),
        nickName: "Annie",
        ...(urn === undefined ? { [part]: value } : { [urn]: { [part]: value } }),
      };
      const put = await me("PUT", "/Me", whole);
      expect([put.status, put.body["detail"]]).toEqual([403, expect.stringContaining("not yours to change")]);
      const after = (await tenant.scim("GET", `/Users/${id}`)).body;
      expect(after).toMatchObject(before);
      expect([after["nickName"], after["entitlements"], after["title"], after[enterprise]]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
    },
  );

  test("nothing of it is removed either, and their groups are not theirs", async () => {
    const { id, tenant, me } = await createPerson(house, { attributes: { [enterprise]: { department: "Sales" } } });
    for (const path of ["externalId", "roles", "emails", 'emails[type eq "work"]', `${enterprise}:department`]) {
      expect([path, (await me("PATCH", "/Me", patch({ op: "remove", path }))).status]).toEqual([path, 403]);
    }
    expect((await me("PATCH", "/Me", set("groups", []))).status).toBeGreaterThanOrEqual(400);
    expect((await tenant.scim("GET", `/Users/${id}`)).body).toMatchObject({
      ...before,
      [enterprise]: { department: "Sales" },
    });
  });

  test("nor what their subject is read from, whichever attribute that is", async () => {
    const tenant = await createTenant(house, { subjectAttribute: "nickName" });
    const { me } = await createPerson(house, { tenant, attributes: { nickName: "ann-1" } });
    expect((await me("PATCH", "/Me", set("nickName", "root"))).status).toBe(403);
    expect((await me("PUT", "/Me", { ...newUser("ann"), nickName: "root" })).status).toBe(403);
    expect((await me("PATCH", "/Me", set("displayName", "Ann B"))).status).toBe(200);
  });
});

describe("a person's token works while the person may enter", () => {
  test("not while the provider has them inactive, and they cannot bring themselves back", async () => {
    const { id, tenant, me } = await createPerson(house);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("the token is refused", async () => (await me("GET", "/Me")).status === 401);
    expect((await me("PATCH", "/Me", reactivate)).status).toBe(401);
    expect((await me("GET", "/ServiceProviderConfig")).status).toBe(401);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await until("the token works again", async () => (await me("GET", "/Me")).status === 200);
  });

  test("not while an admin suspends them", async () => {
    const { id, tenant, me } = await createPerson(house);
    expect((await me("GET", "/Me")).status).toBe(200);
    await untilQuiet(house, tenant.id);
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
    const act = (verb: string) =>
      fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/users/${id}/${verb}`, {
        method: "POST",
        body: "{}",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      });
    expect((await act("suspend")).status).toBe(200);
    await until("the token is refused", async () => (await me("GET", "/Me")).status === 401);
    expect((await act("unsuspend")).status).toBe(200);
    await until("the token works again", async () => (await me("GET", "/Me")).status === 200);
  });
});

describe("a person's token is issued by an admin", () => {
  const issue = async (
    tenant: TestTenant,
    body: object,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> => {
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
    const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/tokens`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  test("for a living user of the connection, and it is listed with whom it speaks for", async () => {
    const { id, tenant } = await createPerson(house);
    const issued = await issue(tenant, { purpose: "scim", connection: "idp", user: id });
    expect(issued.status).toBe(201);
    const mine = await tenant.scim("GET", "/Me", undefined, {
      authorization: `Bearer ${issued.body["token"] as string}`,
    });
    expect(mine.body["id"]).toBe(id);
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
    const list = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/tokens`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { items } = (await list.json()) as { items: { id: string; userId?: string }[] };
    expect(items.find((item) => item.id === issued.body["id"])?.userId).toBe(id);
  });

  test("for nobody who is not there, is gone, or is another's, and for no other purpose", async () => {
    const { id, tenant } = await createPerson(house);
    const stranger = await createPerson(house);
    await tenant.scim("DELETE", `/Users/${id}`);
    for (const user of [id, stranger.id, "0190a1b2-0000-7000-8000-000000000000", "ann"]) {
      const refused = await issue(tenant, { purpose: "scim", connection: "idp", user });
      expect([user, refused.status, refused.body["problems"]]).toEqual([
        user,
        400,
        [expect.objectContaining({ at: "user" })],
      ]);
    }
    for (const purpose of ["feed", "admin"]) expect((await issue(tenant, { purpose, user: id })).status).toBe(400);
  });
});
