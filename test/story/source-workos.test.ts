import { describe, expect, test } from "vitest";
import { readDelivery } from "../deliveries/read-delivery.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import { addVendor, deliver, isActive, post } from "../harness/vendor-hooks.ts";

const house = await openHouse();

describe("WorkOS Directory Sync", () => {
  test("creates the whole user, and shuts out whoever becomes inactive", async () => {
    const { tenant, source } = await scene();
    expect((await deliver(source, "workos", "workos/created.json")).status).toBe(204);
    const { body } = await tenant.scim("GET", "/Users");
    expect(body["Resources"]).toMatchObject([
      {
        userName: "ann@example.test",
        externalId: "ann",
        title: "Engineer",
        name: { givenName: "Ann", familyName: "Berg" },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { department: "Research" },
      },
    ]);
    await deliver(source, "workos", "workos/inactive.json");
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()]).toMatchObject([{ denials: ["idp_inactive"] }]);
  });

  test("deletes whom WorkOS deletes, and takes them in again when it creates them anew", async () => {
    const { tenant, source } = await scene();
    await deliver(source, "workos", "workos/created.json");
    await deliver(source, "workos", "workos/deleted.json");
    expect(await isActive(tenant, "ann")).toBeUndefined();
    await post(source, "workos", told("workos/created.json", "event_2", 6));
    expect(await isActive(tenant, "ann")).toBeUndefined();
    await post(source, "workos", told("workos/created.json", "event_3", 2));
    expect(await isActive(tenant, "ann")).toBe(true);
  });

  test("keeps them, shut out, where an admin has said that they may only be inactive", async () => {
    const { tenant, source } = await scene({ deletions: "disabled" });
    await deliver(source, "workos", "workos/created.json");
    await deliver(source, "workos", "workos/deleted.json");
    expect(await isActive(tenant, "ann")).toBe(false);
    await post(source, "workos", told("workos/created.json", "event_3", 2));
    expect(await isActive(tenant, "ann")).toBe(true);
  });

  test("of another customer's directory is nobody here", async () => {
    const { tenant, source } = await scene({ directory: "directory_other" });
    expect((await deliver(source, "workos", "workos/created.json")).status).toBe(200);
    expect(await isActive(tenant, "ann")).toBeUndefined();
  });

  test("of a group says that its member changed, and lets nobody in by it", async () => {
    const { tenant, source } = await scene();
    await deliver(source, "workos", "workos/created.json");
    await deliver(source, "workos", "workos/inactive.json");
    const { data: user } = JSON.parse(readDelivery("workos/created.json")) as { readonly data: object };
    const membership = {
      directory_id: "directory_01ECAZ4NV9QMV47GW873HDCX74",
      user,
      group: { id: "directory_group_1" },
    };
    const added = { id: "event_9", event: "dsync.group.user_added", created_at: ago(1), data: membership };
    expect((await post(source, "workos", JSON.stringify(added))).status).toBe(204);
    expect(await isActive(tenant, "ann")).toBe(false);
  });
});

async function scene(
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  return { tenant, source: await addVendor(house, tenant, "workos", settings) };
}

function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

/** A recorded event once more, as one of its own. */
function told(file: string, id: string, minutesAgo: number): string {
  return JSON.stringify({ ...(JSON.parse(readDelivery(file)) as object), id, created_at: ago(minutesAgo) });
}
