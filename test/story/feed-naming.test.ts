import { createHmac } from "node:crypto";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { demoAudience, startIdentityProvider } from "@rollcall/cli/identity-provider";
import { createGuard, type Guard, type GuardOptions } from "@rollcall/guard";
import { adminOf } from "../harness/admin.ts";
import { get, openFeedReader, readSnapshot } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const provider = await startIdentityProvider();
afterAll(() => provider.close());

describe("a hashed feed", () => {
  test("refuses a leaver at a guard that has the key, and names nobody on the wire", async () => {
    const { tenant, subjectKey, token } = await openHashed();
    const guard = await openGuard(tenant, { token, subjectKey });
    const id = await create(tenant, "a-name-on-no-wire");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    const bearer = await provider.tokenFor("a-name-on-no-wire");
    await until("the leaver is refused", async () => (await guard.check(bearer)).reason === "revoked");
    await until("the digest of the hashed names agrees", () => guard.status().fresh);

    const address = { url: house.url, feed: tenant.slug, token };
    const { body, ops, claims } = await readSnapshot(address);
    expect(body.toString()).not.toContain("a-name-on-no-wire");
    expect(claims.n).toBe(ops.length);
    const name = createHmac("sha256", Buffer.from(subjectKey, "base64url"))
      .update(`${provider.issuer}\0a-name-on-no-wire`)
      .digest()
      .subarray(0, 16)
      .toString("base64url");
    expect(ops.map(({ s }) => s)).toEqual([name]);
  });

  test("is what its token reads, while another token of the tenant reads names", async () => {
    const { tenant, token } = await openHashed();
    const id = await create(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    const plain = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
    const hashed = openFeedReader({ url: house.url, feed: tenant.slug, token });
    await until("both hold it", async () => {
      await Promise.all([plain.catchUp(1), hashed.catchUp(1)]);
      return plain.held.size === 1 && hashed.held.size === 1;
    });
    expect(new Set(plain.seen.map(({ sub }) => sub))).toEqual(new Set(["ann"]));
    expect(hashed.seen.map(({ sub }) => sub)).not.toContain("ann");
  });
});

describe("the set of known subjects", () => {
  test("knows a joiner, not a stranger, and a leaver no more, without a question asked", async () => {
    const { tenant, subjectKey, token } = await openHashed();
    const before = await create(tenant, "before");
    await untilQuiet(house, tenant.id);
    const guard = await openGuard(tenant, { token, subjectKey, subjects: true }, { unknown: "deny" });
    const reason = async (sub: string) => (await guard.check(await provider.tokenFor(sub))).reason;
    await until("the set has come", async () => (await reason("before")) === "ok");
    await until("a stranger is known to be one", async () => (await reason("stranger")) === "subject_unknown");

    await create(tenant, "joiner");
    await until("the joiner is known", async () => (await reason("joiner")) === "ok");
    await tenant.scim("PATCH", `/Users/${before}`, deactivate);
    await until("the leaver is known no more", () => guard.status().subjects?.entries === 1);
    expect(await reason("before")).toBe("revoked");
    await tenant.scim("PATCH", `/Users/${before}`, reactivate);
    await until("who comes back is known again", async () => (await reason("before")) === "ok");
  });

  test("has everybody in it though they come while it is being filled", async () => {
    const { tenant, subjectKey, token } = await openHashed();
    const names = Array.from({ length: 60 }, (_, index) => `u${index}`);
    const creating = Promise.all(names.map((name) => create(tenant, name)));
    const guard = await openGuard(tenant, { token, subjectKey, subjects: true }, { unknown: "deny" });
    await creating;
    await until("all are in the set", () => guard.status().subjects?.entries === names.length);
    for (const name of names) expect((await guard.check(await provider.tokenFor(name))).reason).toBe("ok");
  });
});

describe("the feed of all tenants", () => {
  test("refuses each tenant's leaver among that tenant's tokens alone", async () => {
    const operator = await adminOf(house, undefined);
    const { body } = await operator("POST", "/tokens", { purpose: "feed" });
    const token = body["token"] as string;
    const [left, stayed] = [await createTenant(house, { issuer: provider.issuer }), await createTenant(house)];
    await get({ url: house.url, feed: "_all", token }, "/snapshot");
    const id = await create(left, "shared-name");
    await left.scim("PATCH", `/Users/${id}`, deactivate);
    const guards = await Promise.all(
      [left.slug, stayed.slug].map((tenant) =>
        openGuard(
          { slug: "_all" },
          { token },
          { issuers: [{ issuer: provider.issuer, audience: demoAudience, tenant }] },
        ),
      ),
    );
    const bearer = await provider.tokenFor("shared-name");
    const [theirs, others] = guards as [Guard, Guard];
    await until("the leaver is refused", async () => (await theirs.check(bearer)).reason === "revoked");
    await until("the other guard is as far", () => others.status().feed?.seq === theirs.status().feed?.seq);
    expect((await others.check(bearer)).reason).toBe("ok");
  });

  test("lets no tenant strike another's tokens by naming the issuer that they share", async () => {
    const operator = await adminOf(house, undefined);
    const { body } = await operator("POST", "/tokens", { purpose: "feed" });
    const token = body["token"] as string;
    const [bully, victim] = [await createTenant(house), await createTenant(house)];
    await get({ url: house.url, feed: "_all", token }, "/snapshot");
    const admin = await adminOf(house, bully);
    const path = `/tenants/${bully.slug}/revocations`;
    await admin("POST", path, { iss: provider.issuer, everyone: true });
    await admin("POST", path, { iss: provider.issuer, tenantClaim: victim.slug });
    await untilQuiet(house, bully.id);
    const open = (tenant: string) =>
      openGuard(
        { slug: "_all" },
        { token },
        { issuers: [{ issuer: provider.issuer, audience: demoAudience, tenant }] },
      );
    const [own, other] = [await open(bully.slug), await open(victim.slug)];
    const bearer = await provider.tokenFor("ann");
    await until("the tenant's own are struck", async () => (await own.check(bearer)).reason === "revoked");
    await until("the other guard is as far", () => other.status().feed?.seq === own.status().feed?.seq);
    expect((await other.check(bearer)).reason).toBe("ok");
  });

  test("is nobody's but the house's, and the house's token reads no tenant's", async () => {
    const tenant = await createTenant(house);
    const { token } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "test" });
    expect((await get({ url: house.url, feed: "_all", token: tenant.feedToken }, "/snapshot")).status).toBe(404);
    expect((await get({ url: house.url, feed: tenant.slug, token }, "/snapshot")).status).toBe(404);
    expect((await get({ url: house.url, feed: "_all", token }, "/subjects/snapshot")).status).toBe(404);
  });
});

async function openHashed() {
  const tenant = await createTenant(house, { issuer: provider.issuer });
  const admin = await adminOf(house, tenant);
  const issued = await admin("POST", `/tenants/${tenant.slug}/tokens`, { purpose: "feed", hashed: true });
  const { body } = await admin("GET", `/tenants/${tenant.slug}/feed/subject-key`);
  return { tenant, token: issued.body["token"] as string, subjectKey: body["subjectKey"] as string };
}

async function openGuard(
  { slug }: Pick<TestTenant, "slug">,
  feed: Pick<GuardOptions["feed"], "token" | "subjectKey" | "subjects">,
  more: Partial<GuardOptions> = {},
): Promise<Guard> {
  const guard = createGuard({
    issuers: [{ issuer: provider.issuer, audience: demoAudience }],
    feed: { url: `${house.url}/v1/feeds/${slug}`, gateway: "story", ...feed },
    stale: "deny",
    unknown: "allow",
    ...more,
  });
  await guard.start();
  onTestFinished(() => guard.close());
  return guard;
}

async function create(tenant: TestTenant, sub: string): Promise<string> {
  const { status, body } = await tenant.scim("POST", "/Users", newUser(sub));
  expect(status).toBe(201);
  return body["id"] as string;
}
