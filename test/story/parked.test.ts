import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

describe("a member that comes before its user", () => {
  test("waits, is read back as it was sent, and is in the group once the user is there", async () => {
    const tenant = await createTenant(house);
    const group = await tenant.scim("POST", "/Groups", newGroup("Sales", ["00u1"]));
    expect(group.body["members"]).toEqual([{ value: "00u1" }]);
    const id = await create(tenant, "00u1");
    expect(await membersOf(tenant, group.body["id"] as string)).toEqual([id]);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)?.groups).toEqual(["Sales"]);
  });

  test("is in the group once, though it was named in two ways", async () => {
    const tenant = await createTenant(house);
    const id = await create(tenant, "00u1");
    await tenant.scim("DELETE", `/Users/${id}`);
    const group = await tenant.scim("POST", "/Groups", newGroup("Sales"));
    const path = `/Groups/${group.body["id"] as string}`;
    for (const value of [id, "00u1"]) {
      await tenant.scim("PATCH", path, patch({ op: "add", path: "members", value: [{ value }] }));
    }
    expect(await create(tenant, "00u1")).toBe(id);
    expect(await membersOf(tenant, group.body["id"] as string)).toEqual([id]);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)?.groups).toEqual(["Sales"]);
  });

  test("waits in its own connection, and no other's user is taken for it", async () => {
    const [own, other] = [await createTenant(house), await createTenant(house)];
    const group = await own.scim("POST", "/Groups", newGroup("Sales", ["00u1"]));
    await create(other, "00u1");
    expect(await membersOf(own, group.body["id"] as string)).toEqual(["00u1"]);
  });
});

async function create(tenant: TestTenant, externalId: string): Promise<string> {
  const { status, body } = await tenant.scim("POST", "/Users", newUser(externalId));
  expect(status, JSON.stringify(body)).toBe(201);
  return body["id"] as string;
}

async function membersOf(tenant: TestTenant, groupId: string): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", `/Groups/${groupId}`);
  return ((body["members"] as readonly { readonly value: string }[] | undefined) ?? []).map(({ value }) => value);
}
