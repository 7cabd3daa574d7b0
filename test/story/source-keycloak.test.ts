import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { readDelivery } from "../deliveries/read-delivery.ts";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import { addVendor, deliver, isActive, post, provision } from "../harness/vendor-hooks.ts";

const house = await openHouse();
const ann = "3f0c9a52-9f53-4a39-8fd4-1f0f7c7a2a01";

describe("Keycloak's webhook", () => {
  test("tells a whole life: created, disabled, enabled, deleted", async () => {
    const { tenant, source } = await scene();
    expect((await deliver(source, "keycloak_hmac", "keycloak/user-create.json")).status).toBe(204);
    await untilQuiet(house, tenant.id);
    expect([...(await readUserStore(house, tenant.id)).values()]).toMatchObject([
      { userName: "ann", identities: [ann], denials: [] },
    ]);
    await deliver(source, "keycloak_hmac", "keycloak/user-disable.json");
    expect(await isActive(tenant, ann)).toBe(false);
    await post(source, "keycloak_hmac", updated("k-2", 6, '{"enabled":true}'));
    expect(await isActive(tenant, ann)).toBe(true);
    await deliver(source, "keycloak_hmac", "keycloak/user-delete.json");
    expect(await isActive(tenant, ann)).toBeUndefined();
  });

  test("whose inner JSON is cut off says that somebody is disabled, or that something changed", async () => {
    const { tenant, source } = await scene(ann);
    expect((await post(source, "keycloak_hmac", updated("k-1", 9, '{"enabled":true,"firs'))).status).toBe(204);
    expect(await isActive(tenant, ann)).toBe(true);
    expect((await deliver(source, "keycloak_hmac", "keycloak/user-disable-cut.json")).status).toBe(204);
    expect(await isActive(tenant, ann)).toBe(false);
    expect(await outcomesOf(tenant)).toEqual({ "k-1": "no_state", "k-disable-cut": "written" });
  });

  test("that says only what an admin has changed leaves the rest as it was", async () => {
    const { tenant, source } = await scene();
    await deliver(source, "keycloak_hmac", "keycloak/user-create.json");
    await post(source, "keycloak_hmac", updated("k-2", 6, '{"lastName":"Bergh"}'));
    const { body } = await tenant.scim("GET", "/Users");
    expect(body["Resources"]).toMatchObject([
      { userName: "ann", active: true, name: { familyName: "Bergh" }, emails: [{ value: "ann@example.test" }] },
    ]);
  });

  test("of a logout ends that session, and denies nobody", async () => {
    const { tenant, source } = await scene(ann);
    await untilQuiet(house, tenant.id);
    await deliver(source, "keycloak_hmac", "keycloak/logout.json");
    expect(await isActive(tenant, ann)).toBe(true);
    const ended = await house.database.once(tenant.id, sql`SELECT scope, sub, deny FROM revocation`);
    expect(ended).toEqual([{ scope: "sid", sub: "6f0f2c1e-8d8e-4a8a-9d53-1b5b2f9d0c11", deny: true }]);
  });

  test("of a logout by an admin ends all sessions of the user", async () => {
    const { tenant, source } = await scene(ann);
    await untilQuiet(house, tenant.id);
    const loggedOut = updated("k-9", 1, "{}", { type: "admin.USER-ACTION", resourcePath: `users/${ann}/logout` });
    await post(source, "keycloak_hmac", loggedOut);
    expect([(await entryOf(tenant, ann))?.op, await isActive(tenant, ann)]).toEqual(["nbf", true]);
  });

  test("of groups and roles says that their user changed", async () => {
    const { tenant, source } = await scene(ann);
    for (const [uid, type, path] of [
      ["k-1", "admin.GROUP_MEMBERSHIP-DELETE", `users/${ann}/groups/g-1`],
      ["k-2", "admin.REALM_ROLE_MAPPING-CREATE", `users/${ann}/role-mappings/realm`],
    ] as const) {
      const told = updated(uid, 2, "[]", { type, resourcePath: path });
      expect((await post(source, "keycloak_hmac", told)).status).toBe(204);
    }
    expect(await outcomesOf(tenant)).toEqual({ "k-1": "no_state", "k-2": "no_state" });
  });

  test("of a login that is taken from a user deletes nobody, though it is a USER-DELETE", async () => {
    const { tenant, source } = await scene(ann);
    const resourcePath = `users/${ann}/federated-identity/google`;
    const told = updated("k-1", 2, "null", { type: "admin.USER-DELETE", operationType: "DELETE", resourcePath });
    expect((await post(source, "keycloak_hmac", told)).status).toBe(204);
    expect([await isActive(tenant, ann), await outcomesOf(tenant)]).toEqual([true, { "k-1": "no_state" }]);
  });

  test("of another realm is not heard", async () => {
    const { tenant, source } = await scene(ann, { realm: "other" });
    expect((await deliver(source, "keycloak_hmac", "keycloak/user-delete.json")).status).toBe(200);
    expect(await isActive(tenant, ann)).toBe(true);
  });
});

describe("Keycloak's webhook, signed by the realm", () => {
  const body = readDelivery("keycloak/user-delete.json");
  const nowSec = (): number => Math.floor(Date.now() / 1_000);
  const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

  async function signedScene() {
    const realm = await openIssuer("RS256", "/realms/acme");
    const tenant = await createTenant(house, { issuer: realm.issuer });
    await provision(tenant, ann);
    const source = await addVendor(house, tenant, "keycloak_hmac", { verification: "jwt", audience: "rollcall" });
    const send = async (claims: object, text = body): Promise<number> => {
      const good = { iss: realm.issuer, aud: "rollcall", iat: nowSec(), exp: nowSec() + 300, jti: "t" };
      const token = await realm.sign({ ...good, ...claims }, { typ: "JWT" });
      return (await post(source, "keycloak_hmac", text, { authorization: `Bearer ${token}` })).status;
    };
    return { realm, tenant, source, send };
  }

  test("is believed for the body that it was signed for", async () => {
    const { tenant, send } = await signedScene();
    expect(await send({ request_body_sha256: hashOf(body) })).toBe(204);
    expect(await isActive(tenant, ann)).toBeUndefined();
  });

  test("is not believed for another body, for none, for another audience, when it is old, or by its secret alone", async () => {
    const { tenant, source, send } = await signedScene();
    const request_body_sha256 = hashOf(body);
    const statuses = [
      await send({ request_body_sha256 }, `${body} `),
      await send({}),
      await send({ request_body_sha256, aud: "account" }),
      await send({ request_body_sha256, iat: nowSec() - 400, exp: nowSec() - 100 }),
      await send({ request_body_sha256, iss: "https://other.test" }),
      (await post(source, "keycloak_hmac", body)).status,
      (await post(source, "keycloak_hmac", body, { authorization: `Bearer ${source.secret}` })).status,
    ];
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 401]);
    expect(await isActive(tenant, ann)).toBe(true);
  });

  test("is told to come again while the realm's keys cannot be had", async () => {
    const { realm, tenant, source, send } = await signedScene();
    realm.down = true;
    expect(await send({ request_body_sha256: hashOf(body) })).toBe(503);
    expect(await isActive(tenant, ann)).toBe(true);
    // Another way in is not opened by it.
    expect((await post(source, "keycloak_hmac", body)).status).toBe(401);
  });
});

async function scene(
  subject?: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> {
  const tenant = await createTenant(house);
  if (subject !== undefined) await provision(tenant, subject);
  return { tenant, source: await addVendor(house, tenant, "keycloak_hmac", settings) };
}

/** The recorded update, some minutes ago, of another representation. */
function updated(uid: string, minutesAgo: number, representation: string, more: object = {}): string {
  const recorded = JSON.parse(readDelivery("keycloak/user-disable.json")) as object;
  return JSON.stringify({ ...recorded, uid, time: Date.now() - minutesAgo * 60_000, representation, ...more });
}

async function outcomesOf(tenant: TestTenant): Promise<Readonly<Record<string, string>>> {
  const rows = await house.database.once<{ event_id: string; outcome: string }>(
    tenant.id,
    sql`SELECT event_id, outcome FROM source_event`,
  );
  return Object.fromEntries(rows.map((row) => [row.event_id, row.outcome]));
}

async function entryOf(tenant: TestTenant, sub: string) {
  await untilQuiet(house, tenant.id);
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}
