import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { denyLatecomers, endDenials, sql, suspendUser } from "@rollcall/core/store";
import { type Admin, adminOf } from "../harness/admin.ts";
import { addSource, tell } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { openGuard, openProvisioning } from "../harness/provisioning-scene.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newGroup,
  newUser,
  patch,
  type TestTenant,
} from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();

describe("a connection that is paused", () => {
  test("takes denials, whichever way they are said, and nothing else: the provider is asked to send it again", async () => {
    const { tenant, admin, base } = await scene();
    const [ann, bob, cyd] = [await join(tenant, "ann"), await join(tenant, "bob"), await join(tenant, "cyd")];
    expect((await admin("POST", `${base}/connections/idp/pause`, { note: "moving" })).body).toMatchObject({
      pausedAt: expect.any(String) as string,
    });
    const refused = await until("the pause is known to ingest", async () => {
      const answer = await tenant.scim("POST", "/Users", newUser(`new${Math.random()}`));
      return answer.status === 503 && answer;
    });
    expect(refused.headers.get("retry-after")).toBe("60");
    expect(JSON.stringify(refused.body)).toContain("paused");
    const rename = patch({ op: "replace", path: "displayName", value: "new" });
    for (const [method, path, body] of [
      ["GET", "/Users", undefined],
      ["PATCH", `/Users/${ann}`, rename],
      ["POST", "/Groups", newGroup("Sales", [ann])],
    ] as const)
      expect((await tenant.scim(method, path, body)).status).toBe(503);

    expect((await tenant.scim("PATCH", `/Users/${ann}`, deactivate)).status).toBe(200);
    expect((await tenant.scim("DELETE", `/Users/${bob}`)).status).toBe(204);
    const bulk = {
      schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
      Operations: [
        { method: "POST", path: "/Users", bulkId: "b", data: newUser("dan") },
        { method: "PATCH", path: `/Users/${cyd}`, data: deactivate },
      ],
    };
    const { body } = await tenant.scim("POST", "/Bulk", bulk);
    expect((body["Operations"] as { status: string }[]).map(({ status }) => status)).toEqual(["503", "200"]);
    await untilQuiet(house, tenant.id);
    const users = await readUserStore(house, tenant.id);
    expect([ann, bob, cyd].map((id) => users.get(id)?.denials)).toEqual([
      ["idp_inactive"],
      ["idp_deleted"],
      ["idp_inactive"],
    ]);
    expect([...users.values()].map(({ userName }) => userName).filter((name) => name.startsWith("dan"))).toEqual([]);
  });

  test("takes everything again once it is resumed, and doing either twice is done once", async () => {
    const { tenant, admin, base } = await scene();
    for (const verb of ["pause", "pause", "resume", "resume"])
      expect((await admin("POST", `${base}/connections/idp/${verb}`, {})).status).toBe(200);
    await until("the provider is let in again", async () => (await tenant.scim("GET", "/Users")).status === 200);
    const trail = (await admin("GET", `${base}/audit`)).body["items"] as { action: string; before: unknown }[];
    expect(trail.map(({ action }) => action)).toEqual(["connection.resume", "connection.pause"]);
    expect(trail).toMatchObject([
      { before: { paused: true }, after: { paused: false } },
      { before: { paused: false } },
    ]);
  });

  test("makes nobody from a token until it is resumed", async () => {
    const opened = await openProvisioning(house);
    const guard = await openGuard(opened);
    const path = `/tenants/${opened.tenant.slug}/connections/idp`;
    await opened.admin("POST", `${path}/pause`, {});
    expect(await guard.check(await opened.mint("ann"))).toMatchObject({ allow: false });
    expect((await readUserStore(house, opened.tenant.id)).size).toBe(0);
    await opened.admin("POST", `${path}/resume`, {});
    await until("a token makes a user again", async () => (await guard.check(await opened.mint("bob"))).allow);
  });

  test("takes denials from its sources, and has the rest sent again", async () => {
    const { tenant, admin, base } = await scene();
    const id = await join(tenant, "ann");
    const source = await addSource(house, tenant, "webhook");
    await admin("POST", `${base}/connections/idp/pause`, {});
    const change = await tell(source, { type: "user.updated", data: { externalId: "ann", displayName: "Ann" } });
    expect(change.status).toBe(503);
    expect(change.headers.get("retry-after")).toBe("60");
    expect((await tell(source, { type: "user.disabled", data: { externalId: "ann" } })).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
  });
});

describe("a connection that is ended", () => {
  test("takes its users' access with it, and only where that was said", async () => {
    const { tenant, admin, base } = await scene();
    const second = await addConnection(house, tenant, "https://second.idp.test");
    const ann = await join(tenant, "ann");
    const { body: bob } = await second.scim("POST", "/Users", newUser("bob"));
    await tenant.scim("POST", "/Groups", newGroup("Sales", [ann]));
    await untilQuiet(house, tenant.id);
    const refused = await admin("DELETE", `${base}/connections/idp`);
    expect(refused).toMatchObject({ status: 409, body: { code: "connection_in_use" } });
    expect(refused.body["detail"]).toContain("1 living user");
    expect((await admin("DELETE", `${base}/connections/idp?confirm=other`)).status).toBe(409);
    expect((await readUserStore(house, tenant.id)).get(ann)?.denials).toEqual([]);

    const removed = await admin("DELETE", `${base}/connections/idp?confirm=idp&note=sold`);
    expect(removed).toMatchObject({ status: 200, body: { users: 1, groups: 1 } });
    await untilQuiet(house, tenant.id);
    const users = await readUserStore(house, tenant.id);
    expect(users.get(ann)).toMatchObject({ denials: ["admin_suspended", "idp_deleted"], groups: [] });
    expect(users.get(bob["id"] as string)?.denials).toEqual([]);
    // The provider knows nothing of it and goes on issuing tokens, so gateways are told for as long as nobody lifts it.
    const revoked = (await admin("GET", `${base}/revocations`)).body["items"] as { deny: boolean; origin: string }[];
    expect(revoked).toMatchObject([{ sub: "ann", deny: true, origin: "app" }]);
    await until("its token is dead", async () => (await tenant.scim("GET", "/Users")).status === 401);
    // Whoever slipped in while it was removed is not forgotten there.
    const latecomer = newId();
    await house.database.once(
      tenant.id,
      sql`INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, active, attributes)
        VALUES (${latecomer}, ${tenant.id}, ${tenant.connectionId}, 'late', 'late', true, '{"userName":"late","active":true}')`,
    );
    await denyLatecomers(house.database, newId);
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(latecomer)?.denials).toEqual(["admin_suspended", "idp_deleted"]);
    expect((await admin("GET", `${base}/connections/idp`)).status).toBe(404);
    expect((await admin("DELETE", `${base}/connections/idp?confirm=idp`)).status).toBe(404);
    const [entry] = (await admin("GET", `${base}/audit?action=connection.remove`)).body["items"] as unknown[];
    expect(entry).toMatchObject({ before: { slug: "idp", users: 1 }, detail: { denied: 1, groups: 1, note: "sold" } });
    const again = await admin("POST", `${base}/connections`, { slug: "idp", issuers: [tenant.issuer] });
    expect(again.status).toBe(201);
    // Whoever comes by it under the same subject is somebody new, and may enter; tokens of before stay dead.
    const { body: issued } = await admin("POST", `${base}/tokens`, { purpose: "scim", connection: "idp" });
    const created = await fetch(`${house.url}/scim/v2/Users`, {
      method: "POST",
      headers: { authorization: `Bearer ${issued["token"] as string}`, "content-type": "application/scim+json" },
      body: JSON.stringify(newUser("ann")),
    });
    const { id } = (await created.json()) as { id: string };
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)).toMatchObject({ denials: [], identities: ["ann"] });
    const now = (await admin("GET", `${base}/revocations`)).body["items"] as { deny: boolean; nbf: number | null }[];
    expect(now).toMatchObject([{ sub: "ann", deny: false, nbf: expect.any(Number) as number }]);
  });
});

describe("whoever was suspended for a time when their connection was ended", () => {
  test("is not let in after it: their provider goes on issuing tokens", async () => {
    const { tenant, admin, base } = await scene();
    const ann = await join(tenant, "ann");
    const expiresAt = new Date(Date.now() + 3_600_000);
    await suspendUser(house.database, tenant.id, ann, { actor: "test", at: new Date(), expiresAt });
    await admin("DELETE", `${base}/connections/idp?confirm=idp`);
    await untilQuiet(house, tenant.id);
    await endDenials(house.database, new Date(expiresAt.getTime() + 1));
    expect((await readUserStore(house, tenant.id)).get(ann)?.denials).toEqual(["admin_suspended", "idp_deleted"]);
    const revoked = (await admin("GET", `${base}/revocations`)).body["items"];
    expect(revoked).toMatchObject([{ sub: "ann", deny: true, origin: "app" }]);
  });
});

describe("the set-up of a connection", () => {
  test("is looked through in the order in which it comes to be, with what to do next", async () => {
    const { tenant, admin, base } = await scene();
    await admin("POST", `${base}/connections`, { slug: "fresh" });
    expect(await failing(admin, `${base}/connections/fresh/test`)).toEqual([
      "token_issued",
      "first_change_seen",
      "first_user_seen",
      "issuer_named",
    ]);
    await join(tenant, "ann");
    const checks = await checksOf(admin, `${base}/connections/idp/test`);
    // Nobody answers where the issuer says that it is.
    expect(checks.filter(({ ok }) => !ok)).toMatchObject([
      {
        name: "issuer_keys_fetched",
        detail: expect.stringContaining(tenant.issuer) as string,
        fix: expect.any(String) as string,
      },
    ]);
    await tenant.scim("POST", "/Users", { ...newUser("bob"), externalId: undefined });
    await untilQuiet(house, tenant.id);
    expect(await failing(admin, `${base}/connections/idp/test`)).toContain("subjects_known");
    await admin("POST", `${base}/connections/idp/pause`, {});
    expect(await failing(admin, `${base}/connections/idp/test`)).toContain("not_paused");
  });
});

describe("a change that says what it was made of", () => {
  test("is refused once somebody else has changed it, and both writers at once do not both win", async () => {
    const { admin, base } = await scene();
    const path = `${base}/connections/idp`;
    const read = await admin("GET", path);
    expect(read.tag).toMatch(/^"[\w-]{22}"$/);
    const both = await Promise.all(["one", "two"].map((name) => admin("PATCH", path, { name }, read.tag)));
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412]);
    const won = both.find(({ status }) => status === 200);
    expect(won?.tag).toBe((await admin("GET", path)).tag);
    expect((await admin("POST", `${path}/pause`, {}, read.tag)).status).toBe(412);
    expect((await admin("DELETE", path, undefined, read.tag)).status).toBe(412);
    expect((await admin("PATCH", path, { name: "three" }, `"x", ${won?.tag ?? ""}`)).status).toBe(200);
    expect((await admin("PATCH", path, { name: "four" }, "*")).status).toBe(200);
    expect((await admin("GET", path)).body).toMatchObject({ name: "four" });
  });

  test.each([
    { pull: { everySec: 3_600, brakeShare: 0.1, brakeCount: 3 } },
    { rates: { writes: 10, reads: 20 } },
    { justInTime: { enabled: false, required: ["userName"], claims: { userName: "email", displayName: "name" } } },
    { audience: "api" },
    { audience: null, pull: null },
  ])("goes by the tag that the change before it has answered: %j", async (body) => {
    const { admin, base } = await scene();
    const path = `${base}/connections/idp`;
    const changed = await admin("PATCH", path, { name: "before", ...body });
    expect([changed.status, changed.tag]).toEqual([200, (await admin("GET", path)).tag]);
    expect((await admin("PATCH", path, { name: "after" }, changed.tag)).status).toBe(200);
  });

  test("is held to that at webhooks and sources too", async () => {
    const { tenant, admin, base } = await scene();
    const { body: webhook } = await admin("POST", `${base}/webhooks`, { url: "http://127.0.0.1:9/" });
    const source = await addSource(house, tenant, "webhook");
    for (const [path, change] of [
      [`${base}/webhooks/${webhook["id"] as string}`, { description: "changed" }],
      [`${base}/sources/${source.id}`, { name: "changed" }],
    ] as const) {
      const { tag } = await admin("GET", path);
      const changed = await admin("PATCH", path, change, tag);
      expect(changed.status).toBe(200);
      expect((await admin("GET", path)).tag).toBe(changed.tag);
      expect((await admin("PATCH", path, change, tag)).status).toBe(412);
      expect((await admin("DELETE", path, undefined, tag)).status).toBe(412);
      expect((await admin("DELETE", path, undefined, changed.tag)).status).toBe(204);
    }
  });
});

type Check = { readonly name: string; readonly ok: boolean; readonly detail: string; readonly fix?: string };

async function checksOf(admin: Admin, path: string): Promise<readonly Check[]> {
  const { status, body } = await admin("POST", path, {});
  expect(status).toBe(200);
  const checks = body["checks"] as Check[];
  for (const { ok, fix } of checks) expect(fix === undefined).toBe(ok);
  return checks;
}

async function failing(admin: Admin, path: string): Promise<readonly string[]> {
  return (await checksOf(admin, path)).filter(({ ok }) => !ok).map(({ name }) => name);
}

async function join(tenant: TestTenant, externalId: string): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser(externalId));
  await untilQuiet(house, tenant.id);
  return body["id"] as string;
}

async function scene() {
  const tenant = await createTenant(house);
  return { tenant, admin: await adminOf(house, tenant), base: `/tenants/${tenant.slug}` };
}
