import { randomUUID } from "node:crypto";
import { createGuard, type Guard } from "@rollcall/guard";
import { describe, expect, onTestFinished, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { addSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { addReceiver, caep, push, risc, secondsOf, setOf } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// One provider signs the tokens, the SETs and the logout tokens, and a gateway decides by a guard of its own.
const house = await openHouse();
const provider = await openIssuer("RS256");
const now = (): number => secondsOf(new Date());

describe("at the gateway", () => {
  test("a token of a session that its owner logged out of is refused, and one of another session passes", async () => {
    const { guard, tenant } = await scene();
    const source = await addSource(house, tenant, "logout", { issuer: provider.issuer, audience: "crm" });
    const [gone, other] = [await mint({ sid: "s-1" }), await mint({ sid: "s-2" })];
    expect([await reasonOf(guard, gone), await reasonOf(guard, other)]).toEqual(["ok", "ok"]);
    const token = await provider.sign(
      {
        ...claimsFor("crm"),
        sub: "ann",
        sid: "s-1",
        events: { "http://schemas.openid.net/event/backchannel-logout": {} },
      },
      { typ: "logout+jwt" },
    );
    expect(
      (await fetch(source.url, { method: "POST", body: new URLSearchParams({ logout_token: token }) })).status,
    ).toBe(200);
    await until("the session's token is refused", async () => (await reasonOf(guard, gone)) === "revoked");
    expect(await reasonOf(guard, other)).toBe("ok");
  });

  test("tokens of before the end of all sessions are refused, and one of a new login passes", async () => {
    const { guard, tenant } = await scene();
    const source = await addReceiver(house, tenant, provider);
    const before = await mint({ iat: now() - 120 });
    expect(await reasonOf(guard, before)).toBe("ok");
    const content = { event_timestamp: now() - 60 };
    expect((await push(source, await say(tenant, { [`${caep}session-revoked`]: content }))).status).toBe(202);
    await until("the old token is refused", async () => (await reasonOf(guard, before)) === "issued_before_revocation");
    expect(await reasonOf(guard, await mint({}))).toBe("ok");
  });

  test("a disabled account's tokens are refused, whenever they were issued, and an old one stays dead", async () => {
    const { guard, tenant } = await scene();
    const source = await addReceiver(house, tenant, provider);
    const token = await mint({ iat: now() - 60 });
    await push(source, await say(tenant, { [`${risc}account-disabled`]: { event_timestamp: now() - 5 } }));
    await until("the leaver is refused", async () => (await reasonOf(guard, token)) === "revoked");
    await push(source, await say(tenant, { [`${risc}account-enabled`]: { event_timestamp: now() - 2 } }));
    await until("the old token stays dead", async () => (await reasonOf(guard, token)) === "issued_before_revocation");
    expect(await until("a new one passes", async () => (await reasonOf(guard, await mint({}))) === "ok")).toBe(true);
  });
});

test("an admin sets each of them up, is shown a secret only where there is one, and is told what is missing", async () => {
  const { tenant } = await scene();
  const admin = await adminOf(house, tenant);
  const add = (kind: string, settings: object, secret?: string) =>
    admin("POST", `/tenants/${tenant.slug}/sources`, { connection: tenant.connectionId, kind, settings, secret });
  const { issuer } = provider;
  const added = [
    await add("ssf_push", { issuer, audience: "a" }),
    await add("ssf_poll", { issuer, audience: "a", endpoint: `${issuer}/poll` }, "theirs"),
    await add("token_revocation", { issuer }),
    await add("logout", { issuer, audience: "crm" }),
  ];
  expect(added.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(added.map(({ body }) => typeof body["secret"])).toEqual(["string", "undefined", "undefined", "undefined"]);
  const refused = [
    await add("ssf_push", { issuer }),
    await add("ssf_push", { issuer, audience: "a", jwksUri: "https://10.0.0.1/jwks" }),
    await add("ssf_poll", { issuer, audience: "a", endpoint: `${issuer}/poll` }),
    await add("ssf_poll", { issuer, audience: "a", endpoint: "https://169.254.169.254/" }, "theirs"),
    await add("token_revocation", { issuer: "not a URL" }),
    await add("logout", { issuer, audience: "crm", ends: "everything" }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 400]);
});

async function scene(): Promise<{ readonly guard: Guard; readonly tenant: TestTenant }> {
  const tenant = await createTenant(house, { issuer: provider.issuer });
  expect((await tenant.scim("POST", "/Users", newUser("ann"))).status).toBe(201);
  const guard = createGuard({
    issuers: [{ issuer: provider.issuer, audience: "api" }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" },
    stale: "deny",
    unknown: "allow",
  });
  onTestFinished(() => guard.close());
  await guard.start();
  return { guard, tenant };
}

function claimsFor(aud: string) {
  return { iss: provider.issuer, aud, jti: randomUUID(), iat: now(), exp: now() + 600 };
}

function mint(claims: object): Promise<string> {
  return provider.sign({ ...claimsFor("api"), sub: "ann", ...claims }, { typ: "at+jwt" });
}

function say({ issuer }: TestTenant, events: Readonly<Record<string, unknown>>): Promise<string> {
  return setOf(provider, { sub_id: { format: "iss_sub", iss: issuer, sub: "ann" }, events });
}

async function reasonOf(guard: Guard, token: string): Promise<string> {
  return (await guard.check(token)).reason;
}
