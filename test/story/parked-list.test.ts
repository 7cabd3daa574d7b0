import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { changeGroup, createGroup, createUser } from "../harness/members.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse();

describe("an admin", () => {
  test("sees who is waited for, by which group, since when and how many in all, a page at a time", async () => {
    const tenant = await createTenant(house);
    const sales = await createGroup(tenant, "Sales", [await createUser(tenant, "ann"), "a", "b", "it's \u0001 odd"]);
    const support = await createGroup(tenant, "Support", ["a"]);
    const first = await parked(tenant, "?limit=3");
    expect(first).toMatchObject({
      total: 4,
      items: [
        { value: "a", groupId: sales, groupName: "Sales" },
        { value: "a", groupId: support, groupName: "Support" },
        { value: "b", groupId: sales },
      ],
    });
    for (const { since, ageMs } of first.items)
      expect([Number.isNaN(Date.parse(since)), ageMs >= 0]).toEqual([false, true]);
    const second = await parked(tenant, `?limit=3&after=${first.next ?? ""}`);
    expect(second).toMatchObject({ total: 4, items: [{ value: "it's \u0001 odd", groupId: sales }] });
    expect(second.next).toBeUndefined();
    expect(await parked(tenant, `?group=${support}`)).toMatchObject({ total: 1, items: [{ value: "a" }] });
    expect(await parked(tenant, "?connection=idp")).toMatchObject({ total: 4 });
  });

  test("sees nobody who has come, was taken out, or was waited for by a group that is gone", async () => {
    const tenant = await createTenant(house);
    await createGroup(tenant, "Sales", ["ann"]);
    const support = await createGroup(tenant, "Support", ["bob"]);
    const gone = await createGroup(tenant, "Gone", ["cid"]);
    await createUser(tenant, "ann");
    await changeGroup(tenant, support, { op: "remove", path: 'members[value eq "bob"]' });
    await tenant.scim("DELETE", `/Groups/${gone}`);
    expect(await parked(tenant, "")).toEqual({ total: 0, items: [] });
  });

  test("is refused what no page answered as next", async () => {
    const tenant = await createTenant(house);
    const { status } = await askParked(tenant, "?after=nonsense");
    expect(status).toBe(400);
  });
});

type ParkedPage = {
  readonly total: number;
  readonly items: readonly { readonly value: string; readonly since: string; readonly ageMs: number }[];
  readonly next?: string;
};

async function parked(tenant: TestTenant, query: string): Promise<ParkedPage> {
  const { status, body } = await askParked(tenant, query);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

async function askParked(
  tenant: TestTenant,
  query: string,
): Promise<{ readonly status: number; readonly body: ParkedPage }> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/parked${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: answer.status, body: (await answer.json()) as ParkedPage };
}
