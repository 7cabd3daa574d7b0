import { describe, expect, test } from "vitest";
import { readDelivery } from "../deliveries/read-delivery.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import { addVendor, deliver, isActive, post, provision, type VendorName } from "../harness/vendor-hooks.ts";

const house = await openHouse();
const ann = "auth0|507f1f77";

describe("an Auth0 event stream", () => {
  test("tells a whole life: created, blocked, unblocked, deleted", async () => {
    const { tenant, source } = await scene("auth0");
    expect((await deliver(source, "auth0", "auth0/created.json")).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()]).toMatchObject([
      { userName: "ann@example.test", identities: [ann], denials: [] },
    ]);
    await deliver(source, "auth0", "auth0/blocked.json");
    expect(await isActive(tenant, ann)).toBe(false);
    expect((await post(source, "auth0", changed("evt_2", 6, { blocked: false }))).status).toBe(204);
    expect(await isActive(tenant, ann)).toBe(true);
    await deliver(source, "auth0", "auth0/deleted.json");
    expect(await isActive(tenant, ann)).toBeUndefined();
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()]).toMatchObject([{ denials: ["idp_deleted"] }]);
  });

  test("brings nobody back by what was so before: a late update, a late creation", async () => {
    const { tenant, source } = await scene("auth0");
    await deliver(source, "auth0", "auth0/created.json");
    await deliver(source, "auth0", "auth0/deleted.json");
    await deliver(source, "auth0", "auth0/blocked.json");
    await post(source, "auth0", changed("evt_3", 6, { blocked: false }));
    await post(source, "auth0", changed("evt_4", 6, {}, "user.created"));
    expect(await isActive(tenant, ann)).toBeUndefined();
    await post(source, "auth0", changed("evt_5", 2, {}, "user.created"));
    expect(await isActive(tenant, ann)).toBe(true);
  });

  test("that says nothing of a block lifts none that somebody else has set", async () => {
    const { tenant, source } = await scene("auth0");
    await deliver(source, "auth0", "auth0/created.json");
    await deliver(source, "auth0", "auth0/blocked.json");
    await post(source, "auth0", changed("evt_2", 3, { name: "Anna Berg", blocked: undefined }));
    expect(await isActive(tenant, ann)).toBe(false);
  });

  test("denies a blocked user whose name is somebody else's, or whose data cannot be kept", async () => {
    const { tenant, source } = await scene("auth0");
    await provision(tenant, "bob");
    await deliver(source, "auth0", "auth0/created.json");
    await post(source, "auth0", changed("evt_2", 3, { email: "bob@example.test", name: "x\u0000y" }));
    expect([await isActive(tenant, ann), await isActive(tenant, "bob")]).toEqual([false, true]);
  });

  test("that is only tried out changes nothing", async () => {
    const { tenant, source } = await scene("auth0");
    await deliver(source, "auth0", "auth0/created.json");
    const tried = { ...(JSON.parse(readDelivery("auth0/deleted.json")) as object), a0purpose: "test" };
    expect((await post(source, "auth0", JSON.stringify(tried))).status).toBe(200);
    expect(await isActive(tenant, ann)).toBe(true);
  });
});

describe("an Auth0 log stream", () => {
  test("shuts out whom an admin has blocked, and deletes the deleted: never the admin, and nobody for a guessed password", async () => {
    const { tenant, source } = await scene("auth0_logs");
    await provision(tenant, "auth0|ann", "auth0|bob", "auth0|cid", "auth0|admin");
    const answer = await deliver(source, "auth0_logs", "auth0-logs/batch.json");
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ leftOut: [{ code: "ignored" }, { code: "ignored" }] });
    const states = ["ann", "bob", "cid", "admin"].map((name) => isActive(tenant, `auth0|${name}`));
    expect(await Promise.all(states)).toEqual([false, true, undefined, true]);
  });

  test("of lines is heard line by line, though one is cut off", async () => {
    const { tenant, source } = await scene("auth0_logs");
    await provision(tenant, "auth0|ann", "auth0|bob");
    const answer = await deliver(source, "auth0_logs", "auth0-logs/lines.ndjson");
    expect(await answer.json()).toMatchObject({
      leftOut: [{ event: "line-1", code: "ignored" }, { code: "syntax_invalid" }],
    });
    expect([await isActive(tenant, "auth0|ann"), await isActive(tenant, "auth0|bob")]).toEqual([undefined, true]);
  });

  test("that repeats an entry in another batch counts it once", async () => {
    const { tenant, source } = await scene("auth0_logs");
    await provision(tenant, "auth0|ann");
    const lines = readDelivery("auth0-logs/lines.ndjson").split("\n");
    await post(source, "auth0_logs", lines.join("\n"));
    expect((await post(source, "auth0_logs", lines.at(-1) ?? "")).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()]).toMatchObject([{ denials: ["idp_deleted"] }]);
  });
});

async function scene(name: VendorName): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  return { tenant, source: await addVendor(house, tenant, name) };
}

/** The recorded user, some minutes ago and with other members. */
function changed(id: string, minutesAgo: number, members: object, type = "user.updated"): string {
  const recorded = JSON.parse(readDelivery(`auth0/${type === "user.created" ? "created" : "blocked"}.json`)) as {
    readonly data: { readonly object: object };
  };
  const time = new Date(Date.now() - minutesAgo * 60_000).toISOString();
  return JSON.stringify({ ...recorded, id, type, time, data: { object: { ...recorded.data.object, ...members } } });
}
