import { createGuard, type Guard, type IssuerOptions } from "@rollcall/guard";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { adminOf } from "../harness/admin.ts";
import { type House, openHouse } from "../harness/house.ts";
import { ask, nowSec, openProvisioning } from "../harness/provisioning-scene.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const [issuer, employer, thief] = await Promise.all([openIssuer(), openIssuer(), openIssuer()]);
const refusedKeys = { [issuer.origin]: ["stolen"], [employer.origin]: ["stolen"] };
const house = await openHouse({ refusedKeys });
/** The same Rollcall, where nobody has said anything of the key. */
const unaware = await openHouse({ databaseUrl: house.databaseUrl });
// Each issuer publishes two keys, of one of which a thief has the private half, and withdraws neither.
for (const { answers, jwks } of [issuer, employer])
  answers.jwks = { keys: [...thief.jwks().keys.map((key) => ({ ...key, kid: "stolen" })), ...jwks().keys] };
const byThief = (claims: object = {}, iss = issuer.origin) =>
  thief.mint({ iss, ...claims }, { header: { kid: "stolen" } });

test("a thief is stopped at once by a denial of the issuer, not by the end of its sessions, and for good by the key's id", async () => {
  const tenant = await createTenant(house, { issuer: issuer.origin });
  const admin = await adminOf(house, tenant);
  const base = `/tenants/${tenant.slug}/revocations`;
  const everyone = { iss: issuer.origin, everyone: true };
  const [usual, wary] = [await openGateway(tenant, {}), await openGateway(tenant, { refusedKeys: ["stolen"] })];
  const now = async (guard: Guard) => [
    (await guard.check(await byThief())).reason,
    (await guard.check(await issuer.mint())).reason,
  ];
  expect(await now(usual)).toEqual(["ok", "ok"]);
  expect(await now(wary)).toEqual(["key_unknown", "ok"]);

  expect((await admin("POST", base, everyone)).status).toBe(201);
  await until("nobody of the issuer passes", async () => (await now(usual)).join() === "revoked,revoked");
  expect((await admin("POST", `${base}/lift`, everyone)).status).toBe(200);
  // What was issued before is dead, and a thief issues anew.
  await until("new tokens pass, the thief's too", async () => (await now(usual)).join() === "ok,ok");
  await until("only the issuer's own pass", async () => (await now(wary)).join() === "key_unknown,ok");
});

test("Rollcall itself says of a stolen key's token that it is not active, whoever it names", async () => {
  const tenant = await createTenant(house, { issuer: issuer.origin });
  expect((await tenant.scim("POST", "/Users", newUser("ada"))).status).toBe(201);
  expect(await introspect(unaware, tenant, await byThief())).toMatchObject({ active: true, sub: "ada" });
  expect(await introspect(house, tenant, await byThief())).toEqual({ active: false });
  expect(await introspect(house, tenant, await issuer.mint())).toMatchObject({ active: true, sub: "ada" });
});

test("a stolen key makes no user, and the issuer's own makes one", async () => {
  const scene = await openProvisioning(house, { issuer: employer });
  const { sub, ...claims } = { sub: "ada", preferred_username: "ada@example.test", name: "Dr Ada" };
  const token = await byThief({ sub, ...claims }, employer.origin);
  expect(await ask(scene, { sub, token })).toMatchObject({ status: "unknown", reason: "token_refused" });
  expect(await ask(scene, { sub, token: await scene.mint(sub, claims) })).toMatchObject({ status: "active" });
});

async function openIssuer() {
  const opened = await createIssuer({ sec: nowSec });
  afterAll(opened.close);
  return opened;
}

async function openGateway(tenant: TestTenant, rules: Partial<IssuerOptions>): Promise<Guard> {
  const guard = createGuard({
    issuers: [{ issuer: issuer.origin, audience: "api", ...rules }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" },
    stale: "deny",
    unknown: "allow",
  });
  onTestFinished(() => guard.close());
  await guard.start();
  return guard;
}

async function introspect(at: House, tenant: TestTenant, token: string): Promise<unknown> {
  const answer = await fetch(`${at.url}/v1/introspect`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.feedToken}` },
    body: new URLSearchParams({ token }),
  });
  return answer.json();
}
