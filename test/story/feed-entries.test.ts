import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { demoAudience, startIdentityProvider } from "@rollcall/cli/identity-provider";
import { endDenials, sql } from "@rollcall/core/store";
import { adminOf, type Admin } from "../harness/admin.ts";
import { get } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";
import { createGuard, type Guard } from "@rollcall/guard";

const house = await openHouse();
const provider = await startIdentityProvider();
afterAll(() => provider.close());

type Scene = { readonly tenant: TestTenant; readonly admin: Admin; readonly base: string; readonly guard: Guard };

async function openScene(): Promise<Scene> {
  const tenant = await createTenant(house, { issuer: provider.issuer });
  const guard = createGuard({
    issuers: [{ issuer: provider.issuer, audience: demoAudience }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" },
    stale: "deny",
    unknown: "allow",
  });
  await guard.start();
  onTestFinished(() => guard.close());
  return { tenant, admin: await adminOf(house, tenant), base: `/tenants/${tenant.slug}/revocations`, guard };
}

const reason = async (guard: Guard, token: string): Promise<string> => (await guard.check(token)).reason;
const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { readonly jti: string };

describe("an admin strikes and lifts", () => {
  test("one token by its id, and no other of the same subject", async () => {
    const { admin, base, guard } = await openScene();
    const [struck, spared] = [await provider.tokenFor("ann"), await provider.tokenFor("ann")];
    const body = { iss: provider.issuer, tokenId: claimsOf(struck).jti };
    expect(await admin("POST", base, body)).toMatchObject({ status: 201, body: { issuerKnown: true, changed: 1 } });
    await until("the token is refused", async () => (await reason(guard, struck)) === "revoked");
    expect(await reason(guard, spared)).toBe("ok");
    expect((await admin("POST", `${base}/lift`, body)).status).toBe(200);
    await until("the token works again", async () => (await reason(guard, struck)) === "ok");
    expect((await admin("POST", `${base}/lift`, body)).status).toBe(404);
  });

  test("everybody of an issuer, who need new tokens after it is lifted by the id in the list", async () => {
    const { admin, base, guard } = await openScene();
    const token = await provider.tokenFor("ann");
    expect((await admin("POST", base, { iss: provider.issuer, everyone: true })).status).toBe(201);
    await until("the token is refused", async () => (await reason(guard, token)) === "revoked");
    const { body } = await admin("GET", base);
    const [listed] = body["items"] as readonly { id: string; scope: string }[];
    expect(listed?.scope).toBe("iss");
    expect((await admin("DELETE", `${base}/${listed?.id}`)).status).toBe(204);
    await until("the old token is dead", async () => (await reason(guard, token)) === "issued_before_revocation");
    await until("a new one works", async () => (await reason(guard, await provider.tokenFor("ann"))) === "ok");
  });

  test("a session and a tenant of the issuer, as entries of those scopes", async () => {
    const { tenant, admin, base } = await openScene();
    for (const what of [{ session: "s-1" }, { tenantClaim: "other" }])
      expect((await admin("POST", base, { iss: provider.issuer, ...what })).status).toBe(201);
    expect((await admin("POST", base, { iss: provider.issuer, session: "s-2", kind: "nbf" })).status).toBe(201);
    await untilQuiet(house, tenant.id);
    const rows = await house.database.once<{ scope: string; sub: string; op: string; cut: boolean }>(
      tenant.id,
      sql`SELECT scope, sub, op, nbf IS NOT NULL AS cut FROM feed_entry WHERE superseded_by IS NULL ORDER BY seq`,
    );
    expect(rows).toEqual([
      { scope: "sid", sub: "s-1", op: "deny", cut: false },
      { scope: "tenant", sub: "other", op: "deny", cut: true },
      { scope: "sid", sub: "s-2", op: "nbf", cut: true },
    ]);
  });

  test("nothing by accident: an issuer alone, two things at once, or one token's past are refused", async () => {
    const { admin, base } = await openScene();
    const iss = provider.issuer;
    const wrong = [
      { iss },
      { iss, sub: "ann", session: "s" },
      { iss, everyone: false },
      { iss, tokenId: "t", kind: "nbf" },
      { iss, sub: "ann", kind: "nbf", expiresInSec: 60 },
      { session: "s" },
    ];
    for (const body of wrong) expect((await admin("POST", base, body)).status, JSON.stringify(body)).toBe(400);
  });
});

describe("a denial with an end", () => {
  test("of a session ends by itself, in the feed too, and leaves its trace in the audit", async () => {
    const { tenant, admin, base } = await openScene();
    await admin("POST", base, { iss: provider.issuer, session: "s-1", expiresInSec: 60, note: "a lost phone" });
    await untilQuiet(house, tenant.id);
    expect(await opOf(tenant, "s-1")).toBe("deny");
    await endDenials(house.database, new Date());
    expect(await opOf(tenant, "s-1")).toBe("deny");
    await endDenials(house.database, new Date(Date.now() + 61_000));
    await until("the feed has let it go", async () => (await opOf(tenant, "s-1")) === "allow");
    const trail = await house.database.once<{ action: string }>(tenant.id, sql`SELECT action FROM audit ORDER BY id`);
    expect(trail.map(({ action }) => action)).toEqual(["revocation.deny", "revocation.end"]);
  });

  test("of a user lets nobody in whom another reason denies", async () => {
    const { tenant, admin, base, guard } = await openScene();
    const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
    const userId = body["id"] as string;
    await untilQuiet(house, tenant.id);
    await admin("POST", base, { userId, expiresInSec: 60 });
    await tenant.scim("PATCH", `/Users/${userId}`, deactivate);
    await untilQuiet(house, tenant.id);
    await endDenials(house.database, new Date(Date.now() + 61_000));
    await untilQuiet(house, tenant.id);
    const token = await provider.tokenFor("ann");
    await until("the token is refused", async () => (await reason(guard, token)) === "revoked");
    expect(await reason(guard, token)).toBe("revoked");
    await tenant.scim("PATCH", `/Users/${userId}`, reactivate);
    await until("a new token works", async () => (await reason(guard, await provider.tokenFor("ann"))) === "ok");
  });

  test("that was of nobody ends as the user's who came to hold it, and not before their other reasons", async () => {
    const { tenant, admin, base } = await openScene();
    await admin("POST", base, { iss: provider.issuer, sub: "late", expiresInSec: 60 });
    await untilQuiet(house, tenant.id);
    const { body } = await tenant.scim("POST", "/Users", newUser("late"));
    await untilQuiet(house, tenant.id);
    const exp = await house.database.once(
      tenant.id,
      sql`SELECT expires_at FROM feed_entry WHERE sub = 'late' AND superseded_by IS NULL`,
    );
    expect(exp).toEqual([{ expires_at: null }]);
    await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    await untilQuiet(house, tenant.id);
    await endDenials(house.database, new Date(Date.now() + 61_000));
    await untilQuiet(house, tenant.id);
    expect(await opOf(tenant, "late")).toBe("deny");
  });
});

async function opOf(tenant: TestTenant, sub: string): Promise<string | undefined> {
  const [row] = await house.database.once<{ op: string }>(
    tenant.id,
    sql`SELECT op FROM feed_entry WHERE sub = ${sub} AND superseded_by IS NULL`,
  );
  return row?.op;
}

test("a feed token strikes nothing: the admin's door is another", async () => {
  const { tenant } = await openScene();
  const address = { url: house.url, feed: tenant.slug, token: tenant.feedToken };
  expect((await get(address, "/changes?since=1-0")).status).toBe(304);
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/revocations`, {
    headers: { authorization: `Bearer ${tenant.feedToken}` },
  });
  expect(answer.status).toBe(401);
});
