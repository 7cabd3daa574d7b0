import { createHmac, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { secondsOf } from "../harness/security-events.ts";
import { openIssuer, tokenOf } from "../harness/signing-issuer.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const provider = await openIssuer("RS256");
const clientId = "crm";
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout";
const now = (): number => secondsOf(new Date());

describe("who logs out", () => {
  test("of a session ends that session, and is answered 200 and not stored", async () => {
    const { tenant, source } = await scene();
    const answer = await send(source, await tokenFor({ sid: "s-1", sub: "ann" }));
    expect([answer.status, answer.headers.get("cache-control"), await answer.text()]).toEqual([200, "no-store", ""]);
    expect(await entriesOf(tenant)).toEqual([
      { scope: "sid", iss: provider.issuer, sub: "s-1", deny: true, nbf: null, origin: "idp", reason: "session_ended" },
    ]);
    expect((await send(source, await tokenFor({ sid: "s-2" }))).status).toBe(200);
    expect((await entriesOf(tenant)).map(({ sub }) => sub)).toEqual(["s-1", "s-2"]);
  });

  test("of everything has the tokens of until then dead, and may log in again", async () => {
    const { tenant, source } = await scene();
    const iat = now() - 100;
    expect((await send(source, await tokenFor({ sub: "ann", iat }))).status).toBe(200);
    expect(await entriesOf(tenant)).toMatchObject([{ scope: "sub", sub: "ann", deny: false, nbf: iat + 1 }]);
  });

  test("ends all where tokens name no session and the admin has said so", async () => {
    const { tenant, source } = await scene({ ends: "subject" });
    expect((await send(source, await tokenFor({ sid: "s-1", sub: "ann" }))).status).toBe(200);
    expect((await entriesOf(tenant)).map(({ scope, sub }) => [scope, sub])).toEqual([["sub", "ann"]]);
    expect((await send(source, await tokenFor({ sid: "s-2" }))).status).toBe(200);
    expect((await entriesOf(tenant)).map(({ scope }) => scope)).toEqual(["sid", "sub"]);
  });

  test("logs out once, however often it is said, and nobody else at all", async () => {
    const { tenant, source } = await scene();
    const stranger = await createTenant(house, { issuer: provider.issuer });
    const token = await tokenFor({ sub: "ann" });
    for (let time = 0; time < 3; time += 1) expect((await send(source, token)).status).toBe(200);
    expect(await house.database.once(tenant.id, sql`SELECT outcome FROM source_event`)).toHaveLength(1);
    expect(await entriesOf(stranger)).toEqual([]);
  });

  test("is told to gateways as that, and explained as that", async () => {
    const { tenant, source } = await scene();
    await send(source, await tokenFor({ sid: "s-1" }));
    await untilQuiet(house, tenant.id);
    const [entry] = await house.database.once<{ reason: string; op: string }>(
      tenant.id,
      sql`SELECT reason, op FROM feed_entry WHERE scope = 'sid' AND sub = 's-1'`,
    );
    expect(entry).toEqual({ reason: "session_ended", op: "deny" });
    const claims = { iss: provider.issuer, sub: "ann", sid: "s-1", aud: "api", iat: now(), exp: now() + 600 };
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
    const answer = await fetch(`${house.url}/v1/explain`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ token: await provider.sign(claims, { typ: "at+jwt" }) }),
    });
    const { steps } = (await answer.json()) as { steps: readonly { readonly step: string; readonly code: string }[] };
    expect(steps).toContainEqual(expect.objectContaining({ step: "revocation", code: "session_ended" }));
  });
});

describe("a logout token that is none: 400, and nothing happens", () => {
  test("not verified, of another type, with a nonce, without the event, or for nobody", async () => {
    const { tenant, source } = await scene();
    const forger = await openIssuer("RS256");
    const header = { alg: "none", typ: "logout+jwt" };
    const tokens = [
      "",
      "abc",
      tokenOf(header, claimsOf({ sub: "ann" }), () => Buffer.alloc(0)),
      tokenOf({ ...header, alg: "HS256", kid: provider.kid() }, claimsOf({ sub: "ann" }), (signed) =>
        createHmac("sha256", JSON.stringify(provider.published[0])).update(signed).digest(),
      ),
      await forger.sign(claimsOf({ sub: "ann" }), { typ: "logout+jwt", kid: provider.kid() }),
      await tokenFor({ sub: "ann", iss: "https://other.test" }),
      await tokenFor({ sub: "ann", aud: "another client" }),
      await tokenFor({ sub: "ann", nonce: "n" }),
      await tokenFor({ sub: "ann", iat: now() + 3_600 }),
      await tokenFor({ sub: "ann", iat: undefined }),
      await tokenFor({ sub: "ann", exp: now() - 3_600 }),
      await tokenFor({ sub: "ann", exp: undefined }),
      await tokenFor({ sub: "ann", jti: undefined }),
      await tokenFor({ sub: "ann", events: undefined }),
      await tokenFor({ sub: "ann", events: { "https://other.test": {} } }),
      await tokenFor({ sub: "ann", events: { [logoutEvent]: "yes" } }),
      await tokenFor({}),
      await tokenFor({ sid: 7 }),
      await tokenFor({ sub: "ann" }, { typ: "at+jwt" }),
      await tokenFor({ sub: "ann" }, { typ: "secevent+jwt" }),
    ];
    for (const [place, token] of tokens.entries()) {
      const answer = await send(source, token);
      expect([answer.status, answer.headers.get("cache-control")], `${place}`).toEqual([400, "no-store"]);
      expect(await answer.json()).toMatchObject({ error: "invalid_request" });
    }
    expect(await entriesOf(tenant)).toEqual([]);
  });

  test("in JSON, twice, or by GET", async () => {
    const { tenant, source } = await scene();
    const token = await tokenFor({ sub: "ann" });
    const json = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await fetch(source.url, { ...json, body: JSON.stringify({ logout_token: token }) })).status).toBe(400);
    expect((await post(source, `logout_token=${token}&logout_token=${token}`)).status).toBe(400);
    expect((await fetch(`${source.url}?logout_token=${token}`)).status).toBe(400);
    expect(await entriesOf(tenant)).toEqual([]);
    expect((await send(source, await tokenFor({ sub: "ann" }, { typ: "JWT" }))).status).toBe(200);
    expect((await send(source, await tokenFor({ sub: "ann" }, { typ: undefined }))).status).toBe(200);
  });

  test("said again of somebody else under the same jti", async () => {
    const { tenant, source } = await scene();
    const jti = randomUUID();
    await send(source, await tokenFor({ sub: "ann", jti }));
    expect((await send(source, await tokenFor({ sub: "bob", jti }))).status).toBe(400);
    expect((await entriesOf(tenant)).map(({ sub }) => sub)).toEqual(["ann"]);
  });

  test("but keys that are not known now have it sent again", async () => {
    const silent = await openIssuer();
    silent.down = true;
    const tenant = await createTenant(house);
    const source = await addSource(house, tenant, "logout", { issuer: silent.issuer, audience: clientId });
    const token = await silent.sign(claimsOf({ sub: "ann", iss: silent.issuer }), { typ: "logout+jwt" });
    expect((await send(source, token)).status).toBe(503);
  });
});

async function scene(settings: Readonly<Record<string, string>> = {}) {
  const tenant = await createTenant(house, { issuer: provider.issuer });
  await tenant.scim("POST", "/Users", newUser("ann"));
  await untilQuiet(house, tenant.id);
  const own = { issuer: provider.issuer, audience: clientId, ...settings };
  return { tenant, source: await addSource(house, tenant, "logout", own) };
}

function claimsOf(more: object) {
  const events = { [logoutEvent]: {} };
  return { iss: provider.issuer, aud: clientId, jti: randomUUID(), iat: now(), exp: now() + 120, events, ...more };
}

function tokenFor(claims: object, header: object = {}): Promise<string> {
  return provider.sign(claimsOf(claims), { typ: "logout+jwt", ...header });
}

function send(source: HookSource, token: string): Promise<Response> {
  return post(source, new URLSearchParams({ logout_token: token }).toString());
}

function post({ url }: HookSource, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body });
}

function entriesOf(tenant: TestTenant) {
  return house.database.once<
    Record<"scope" | "iss" | "sub" | "origin" | "reason", string> & { deny: boolean; nbf: number }
  >(
    tenant.id,
    sql`SELECT scope, iss, sub, deny, nbf::int AS nbf, origin, reason FROM revocation WHERE deny OR nbf IS NOT NULL ORDER BY scope, sub`,
  );
}
