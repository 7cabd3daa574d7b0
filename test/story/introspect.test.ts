import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { adminOf } from "../harness/admin.ts";
import { cloneDatabase, type House, openHouse } from "../harness/house.ts";
import { openProvisioning } from "../harness/provisioning-scene.ts";
import { createTenant, deactivate, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
/** Accepts and applies nothing: what is answered here comes from the directory. */
const idle = await openHouse({ without: ["worker"] });
const clock = { sec: () => Math.floor(Date.now() / 1_000) };
const issuer = await createIssuer(clock, "RS256");
afterAll(() => issuer.close());

type Answer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };
const refusal = { active: false };

async function post(url: string, form: Record<string, string> | string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/v1/introspect`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: typeof form === "string" ? form : new URLSearchParams(form).toString(),
  });
  const answer: Answer = {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return answer;
}
const bearer = (tenant: Pick<TestTenant, "feedToken">) => ({ authorization: `Bearer ${tenant.feedToken}` });
const idOf = (token: string): string => token.split("_")[2] as string;

async function ask(tenant: TestTenant, token: string, at: House = house): Promise<Record<string, unknown>> {
  const { status, body } = await post(at.url, { token }, bearer(tenant));
  expect(status).toBe(200);
  return body;
}

async function story(at: House = house, options: Parameters<typeof createTenant>[1] = {}) {
  const tenant = await createTenant(at, { issuer: issuer.origin, ...options });
  const { status, body } = await tenant.scim("POST", "/Users", newUser("ada"));
  expect(status).toBe(201);
  return { tenant, id: body["id"] as string };
}

describe("200", () => {
  test("a joiner's token is active in the very next request, and the answer is flat", async () => {
    const { tenant } = await story(idle);
    const iat = clock.sec();
    const claims = { iat, exp: iat + 300, scope: "read write", client_id: "app", aud: ["api", "other"] };
    const answer = await ask(tenant, await issuer.mint(claims), idle);
    expect(answer).toEqual({
      active: true,
      exp: iat + 300,
      iat,
      iss: issuer.origin,
      sub: "ada",
      aud: "api",
      scope: "read write",
      client_id: "app",
      username: "ada@example.test",
      token_type: "Bearer",
    });
  });

  test("a leaver's token is inactive as soon as the denial is accepted, though no worker runs", async () => {
    const { tenant, id } = await story(idle);
    const token = await issuer.mint();
    expect(await ask(tenant, token, idle)).toMatchObject({ active: true });
    expect((await tenant.scim("PATCH", `/Users/${id}`, deactivate)).status).toBe(200);
    expect(await ask(tenant, token, idle)).toEqual(refusal);
    expect((await tenant.scim("DELETE", `/Users/${id}`)).status).toBe(204);
    expect(await ask(tenant, token, idle)).toEqual(refusal);
  });

  test("a denial that was lifted before any worker came to it has still killed the older tokens", async () => {
    const { tenant, id } = await story(idle);
    const token = await issuer.mint();
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    expect(await ask(tenant, token, idle)).toEqual(refusal);
    await until(
      "a newer token is active",
      async () => (await ask(tenant, await issuer.mint(), idle))["active"] === true,
    );
  });

  test("who comes back is admitted with a new token, and the old one and one without iat stay dead", async () => {
    const { tenant, id } = await story();
    const [old, ageless] = await Promise.all([issuer.mint(), issuer.mint({ iat: undefined })]);
    expect(await ask(tenant, ageless)).toMatchObject({ active: true });
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await untilQuiet(house, tenant.id);
    await until("a new token is active", async () => (await ask(tenant, await issuer.mint()))["active"] === true);
    expect(await ask(tenant, old)).toEqual(refusal);
    expect(await ask(tenant, ageless)).toEqual(refusal);
  });

  test("an entry for a session, a token, a tenant's claim or the whole issuer strikes the tokens that it names", async () => {
    const { tenant } = await story();
    const admin = await adminOf(house, tenant);
    const struck = { sid: "s1", jti: "t1", org: "o1" };
    const strike = async (key: Record<string, unknown>, token: string, spared: string): Promise<void> => {
      expect(await ask(tenant, token)).toMatchObject({ active: true });
      const { status } = await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: issuer.origin, ...key });
      expect(status).toBeLessThan(300);
      expect(await ask(tenant, token)).toEqual(refusal);
      expect(await ask(tenant, spared)).toMatchObject({ active: true });
    };
    const spared = await issuer.mint({ sid: "s2", jti: "t2", org: "o2" });
    await strike({ session: "s1" }, await issuer.mint({ sid: struck.sid }), spared);
    await strike({ tokenId: "t1" }, await issuer.mint({ jti: struck.jti }), spared);
    await strike({ tenantClaim: "o1" }, await issuer.mint({ org: struck.org }), spared);
    await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: issuer.origin, everyone: true });
    expect(await ask(tenant, spared)).toEqual(refusal);
  });

  test("another tenant's token is inactive, though both name the issuer", async () => {
    const mine = await createTenant(house, { issuer: issuer.origin });
    await story();
    expect(await ask(mine, await issuer.mint())).toEqual(refusal);
  });

  test("a gateway of all tenants is told of the one that lets the token in, and of none where two do", async () => {
    const own = await createIssuer(clock, "RS256");
    afterAll(() => own.close());
    const { token: feedToken } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "test" });
    const everywhere = { feedToken } as TestTenant;
    await story(house, { issuer: own.origin });
    await createTenant(house, { issuer: own.origin });
    expect(await ask(everywhere, await own.mint())).toMatchObject({ active: true, sub: "ada" });
    await story(house, { issuer: own.origin });
    expect(await ask(everywhere, await own.mint())).toEqual(refusal);
  });

  test("a joiner whom a connection makes of a token is active with the first one; a leaver is not made again", async () => {
    const { tenant, mint, issuer: own, set } = await openProvisioning(house);
    const first = await ask(tenant, await mint("joe"));
    expect(first).toMatchObject({ active: true, iss: own.origin, sub: "joe", username: "joe@example.test" });
    expect(await ask(tenant, await mint("nameless", { preferred_username: undefined }))).toEqual(refusal);
    const { body } = await tenant.scim("GET", `/Users?filter=${encodeURIComponent('userName eq "joe@example.test"')}`);
    const [joe] = body["Resources"] as readonly { readonly id: string }[];
    expect((await tenant.scim("DELETE", `/Users/${joe?.id}`)).status).toBe(204);
    expect(await ask(tenant, await mint("joe"))).toEqual(refusal);
    await set({ justInTime: { enabled: false } });
    expect(await ask(tenant, await mint("jane"))).toEqual(refusal);
  });

  test("every token that will not do is inactive, and nothing more is said", async () => {
    const { tenant } = await story();
    await house.database.prismaIn(tenant.id, (prisma) =>
      prisma.connection.update({ where: { id: tenant.connectionId }, data: { audience: "api" } }),
    );
    const stranger = await createIssuer(clock, "RS256");
    afterAll(() => stranger.close());
    const good = await issuer.mint();
    const [header, , signature] = good.split(".");
    const forged = Buffer.from(JSON.stringify({ iss: issuer.origin, sub: "ada", aud: "api", exp: clock.sec() + 300 }));
    const tokens = [
      await issuer.mint({ aud: "another" }),
      await issuer.mint({ sub: "nobody" }),
      await issuer.mint({ sub: "a\0b" }),
      await issuer.mint({ iss: `${issuer.origin}\0` }),
      await issuer.mint({ exp: clock.sec() - 1 }),
      await issuer.mint({ exp: undefined }),
      await issuer.mint({ iat: clock.sec() + 3_600 }),
      await issuer.mint({}, { header: { typ: "logout+jwt" } }),
      await issuer.mint({}, { header: { kid: "another" } }),
      await stranger.mint(),
      await stranger.mint({ iss: issuer.origin }),
      `${header}.${forged.toString("base64url")}.${signature}`,
      "nonsense",
      "a".repeat(20_000),
    ];
    expect(await ask(tenant, good)).toMatchObject({ active: true, aud: "api" });
    for (const token of tokens) expect(await ask(tenant, token)).toEqual(refusal);
  });

  test("a client may authenticate by Bearer, by Basic and in the form, and hint at the token's type", async () => {
    const { tenant } = await story();
    const token = await issuer.mint();
    const [id, secret] = [idOf(tenant.feedToken), tenant.feedToken];
    const basic = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
    const escaped = `%${id.charCodeAt(0).toString(16)}${id.slice(1)}`;
    const percent = { authorization: `Basic ${Buffer.from(`${escaped}:${secret}`).toString("base64")}` };
    const answers = await Promise.all([
      post(house.url, { token, token_type_hint: "access_token" }, bearer(tenant)),
      post(house.url, { token }, basic),
      post(house.url, { token }, percent),
      post(house.url, { token, client_id: id, client_secret: secret }),
    ]);
    for (const { status, body } of answers) expect([status, body["active"]]).toEqual([200, true]);
  });
});

test("400: a request without a token, or that says anything twice, is told so", async () => {
  const { tenant } = await story();
  const token = await issuer.mint();
  const inForm = { client_id: idOf(tenant.feedToken), client_secret: tenant.feedToken };
  const bad: readonly (readonly [string | Record<string, string>, Record<string, string>])[] = [
    [{}, bearer(tenant)],
    [{ token: "" }, bearer(tenant)],
    [`token=${token}&token=${token}`, bearer(tenant)],
    [{ token, ...inForm }, bearer(tenant)],
    [JSON.stringify({ token }), { ...bearer(tenant), "content-type": "application/json" }],
    [{ token: "a".repeat(100_000) }, bearer(tenant)],
  ];
  for (const [form, headers] of bad) {
    const { status, body } = await post(house.url, form, headers);
    expect([status, body["error"]]).toEqual([400, "invalid_request"]);
  }
});

test("401: a client that is nobody, or not who it says, learns nothing about a token", async () => {
  const { tenant } = await story();
  const other = await createTenant(house);
  const token = await issuer.mint();
  const [id, secret] = [idOf(tenant.feedToken), tenant.feedToken];
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
  });
  const strangers: readonly (readonly [Record<string, string>, Record<string, string>, string])[] = [
    [{ token }, {}, "Basic"],
    [{ token, client_id: id }, {}, "Basic"],
    [{ token, client_id: id, client_secret: `${secret.slice(0, -1)}_` }, {}, "Basic"],
    [{ token, client_id: idOf(other.feedToken), client_secret: secret }, {}, "Basic"],
    [{ token, client_id: id, client_secret: tenant.scimToken }, {}, "Basic"],
    [{ token }, basic(idOf(other.feedToken), secret), "Basic"],
    [{ token }, { authorization: `Bearer ${tenant.scimToken}` }, "Bearer"],
    [{ token }, { authorization: "Bearer rc_feed_0123456789abcdef_x" }, "Bearer"],
    [{ token }, { authorization: "Digest x" }, "Basic"],
  ];
  for (const [form, headers, scheme] of strangers) {
    const { status, headers: answered, body } = await post(house.url, form, headers);
    expect([status, body["error"]]).toEqual([401, "invalid_client"]);
    expect(answered.get("www-authenticate")).toMatch(new RegExp(`^${scheme} `));
    expect(Object.keys(body).toSorted()).toEqual(["error", "error_description"]);
  }
});

test("429: a client that asks too often is told when to come back", async () => {
  const busy = await openHouse({ without: ["worker"], feedLimits: { requestsPerSec: 1 } });
  const { tenant } = await story(busy);
  const token = await issuer.mint();
  const slowed = await until("the client is slowed down", async () => {
    const answer = await post(busy.url, { token }, bearer(tenant));
    return answer.status === 429 ? answer : undefined;
  });
  expect(slowed.body["error"]).toBe("slow_down");
  expect(slowed.headers.get("retry-after")).toMatch(/^\d+$/);
});

describe("503: what cannot be told is neither active nor inactive", () => {
  const expectUnavailable = async (answer: Promise<Answer>): Promise<void> => {
    const { status, headers, body } = await answer;
    expect([status, body["error"]]).toEqual([503, "temporarily_unavailable"]);
    expect(headers.get("retry-after")).toMatch(/^\d+$/);
    expect(body["active"]).toBeUndefined();
  };

  test("where the issuer's keys cannot be had", async () => {
    const gone = await createIssuer(clock, "RS256");
    const token = await gone.mint();
    await gone.close();
    const { tenant } = await story(house, { issuer: gone.origin });
    await expectUnavailable(post(house.url, { token }, bearer(tenant)));
  });

  test("where the store takes longer than anybody waits", async () => {
    const { tenant } = await story();
    const token = await issuer.mint();
    const locker = new Client({ connectionString: house.databaseUrl });
    await locker.connect();
    try {
      await locker.query("BEGIN; LOCK TABLE revocation IN ACCESS EXCLUSIVE MODE");
      await expectUnavailable(post(house.url, { token }, bearer(tenant)));
    } finally {
      await locker.end();
    }
    await until("it can be told again", async () => (await ask(tenant, token))["active"] === true);
  });

  test("where the store cannot be reached", async () => {
    const databaseUrl = await cloneDatabase();
    const lost = await openHouse({ databaseUrl, without: ["worker", "publisher"] });
    const { tenant } = await story(lost);
    const token = await issuer.mint();
    expect(await ask(tenant, token, lost)).toMatchObject({ active: true });
    const name = new URL(databaseUrl).pathname.slice(1);
    const owner = new Client({ connectionString: new URL("/postgres", databaseUrl).href });
    await owner.connect();
    try {
      await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await owner.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [name]);
      await expectUnavailable(post(lost.url, { token }, bearer(tenant)));
    } finally {
      await owner.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await owner.end();
    }
    await until("it can be told again", async () => {
      const { status, body } = await post(lost.url, { token }, bearer(tenant));
      return status === 200 && body["active"] === true;
    });
  });
});

test("a user who is suspended by an admin is inactive, whatever the provider says", async () => {
  const { tenant, id } = await story();
  await untilQuiet(house, tenant.id);
  const admin = await adminOf(house, tenant);
  const token = await issuer.mint();
  expect(await ask(tenant, token)).toMatchObject({ active: true });
  expect((await admin("POST", `/tenants/${tenant.slug}/users/${id}/suspend`, {})).status).toBeLessThan(300);
  await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "displayName", value: "Ada" }));
  expect(await ask(tenant, token)).toEqual(refusal);
});
