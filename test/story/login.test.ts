import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { type Browser, openBrowser, openPeopleProvider } from "../harness/login-scene.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";

const publicUrl = "https://rollcall.test";
const callback = `${publicUrl}/v1/admin/login/callback`;
const people = await openPeopleProvider(callback, { sub: "ann", name: "Ann", groups: [] });
// What another provider would give to whoever holds its code.
const foreign = await openPeopleProvider(callback, { sub: "ann", name: "Ann", groups: ["root"] });
const slugs = { acme: `acme-${crypto.randomUUID().slice(0, 8)}`, other: `other-${crypto.randomUUID().slice(0, 8)}` };
const house = await openHouse({
  login: {
    issuer: people.issuer,
    clientId: people.clientId,
    clientSecret: people.clientSecret,
    roles: {
      claim: "groups",
      scope: "openid profile groups",
      values: {
        staff: { [slugs.acme]: "viewer" },
        leads: { [slugs.acme]: "operator" },
        both: { [slugs.acme]: "viewer", [slugs.other]: "admin" },
        root: "house",
      },
    },
  },
});
const acme = await renamed(await createTenant(house), slugs.acme);
await renamed(await createTenant(house), slugs.other);
const stranger = await createTenant(house);

const isCallback = (url: URL): boolean => url.href.startsWith(callback);
const refused = { status: 403, code: "login_failed", isLoggedIn: false };
const own = { "x-rollcall-request": "1", origin: publicUrl };

describe("somebody who logs in at the identity provider", () => {
  test("is sent back to where they were going, by a code with PKCE, a state and a nonce", async () => {
    const browser = logInAs("ann", "staff");
    const begun = await browser.visit(`${publicUrl}/v1/admin/login/start?to=/console/acme?tab=events`);
    const asked = new URL(begun.headers.get("location") ?? "");
    expect(asked.origin).toBe(people.issuer);
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      response_type: "code",
      redirect_uri: callback,
      code_challenge_method: "S256",
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    const end = await browser.follow(asked.href, ({ pathname }) => pathname.startsWith("/console"));
    expect(end.href).toBe(`${publicUrl}/console/acme?tab=events`);
    expect(await me(browser)).toMatchObject({
      label: "Ann",
      operator: false,
      tenants: [{ slug: slugs.acme, role: "viewer" }],
    });
  });

  test("may what their groups give, the strongest of all, and nothing in any other tenant", async () => {
    const viewer = await loggedIn("vera", "staff");
    const path = (slug: string) => `${publicUrl}/v1/admin/tenants/${slug}`;
    expect((await viewer.visit(`${path(slugs.acme)}/users`)).status).toBe(200);
    const change = { method: "POST", headers: { ...own, "content-type": "application/json" }, body: "{}" };
    expect(await codeOf(viewer.visit(`${path(slugs.acme)}/connections/idp/pause`, change))).toBe("role_insufficient");
    expect(await codeOf(viewer.visit(`${path(stranger.slug)}/connections/idp/pause`, change))).toBe("not_found");
    expect(await codeOf(viewer.visit(`${publicUrl}/v1/admin/tokens`))).toBe("not_found");
    const operator = await loggedIn("otto", "staff", "leads");
    expect(await me(operator)).toMatchObject({ tenants: [{ role: "operator" }] });
    const both = await loggedIn("bea", "both");
    expect(await me(both)).toMatchObject({ operator: false, tenants: [{ role: "viewer" }, { role: "admin" }] });
    expect((await both.visit(`${path(slugs.other)}/users`)).status).toBe(200);
    expect(await codeOf(both.visit(`${path(stranger.slug)}/users`))).toBe("not_found");
    expect(await me(await loggedIn("ruth", "root"))).toMatchObject({ operator: true });
  });

  test("is turned away where no group of theirs gives anything", async () => {
    const browser = logInAs("nobody", "guests");
    expect(await outcome(browser, await comingBack(browser))).toMatchObject(refused);
    expect(browser.cookies.has("rollcall_session")).toBe(false);
  });

  test.each([
    "//evil.test/",
    "https://evil.test/",
    "/\\evil.test/",
    "javascript:alert(1)",
    "evil.test",
    "/%0d//evil.test",
  ])("is never sent elsewhere by %s", async (to) => {
    const browser = logInAs("ann", "staff");
    await browser.visit(`${publicUrl}/v1/admin/login/start?to=${encodeURIComponent(to)}`);
    const end = await browser.visit((await comingBack(browser, to)).href);
    expect(end.status).toBe(302);
    expect(new URL(end.headers.get("location") ?? "", publicUrl).origin).toBe(publicUrl);
    expect(end.headers.get("location")).toMatch(/^\/(?![/\\])/);
  });
});

describe("a login", () => {
  test("is refused under another state than the browser's own", async () => {
    const browser = logInAs("ann", "staff");
    const back = await comingBack(browser);
    back.searchParams.set("state", "A".repeat(43));
    expect(await outcome(browser, back)).toMatchObject(refused);
  });

  test("is refused in a browser that has not begun it", async () => {
    const back = await comingBack(logInAs("ann", "staff"));
    expect(await outcome(openBrowser(publicUrl, house.url), back)).toMatchObject(refused);
  });

  test("is refused where two logins are mixed up, whichever way", async () => {
    const [one, two] = [logInAs("ann", "staff"), logInAs("ann", "staff")];
    const [first, second] = [await comingBack(one), await comingBack(two)];
    first.searchParams.set("code", second.searchParams.get("code") ?? "");
    expect(await outcome(one, first)).toMatchObject(refused);
  });

  test("is refused when its code comes a second time, whoever brings it", async () => {
    const browser = logInAs("ann", "staff");
    const back = await comingBack(browser);
    const login = browser.cookies.get("rollcall_login") ?? "";
    expect((await browser.visit(back.href)).status).toBe(302);
    const thief = openBrowser(publicUrl, house.url);
    thief.cookies.set("rollcall_login", login);
    expect(await outcome(thief, back)).toMatchObject(refused);
  });

  test("is refused with another provider's word, whatever that says", async () => {
    const browser = logInAs("ann", "staff");
    const begun = await browser.visit(`${publicUrl}/v1/admin/login/start`);
    const elsewhere = new URL(begun.headers.get("location") ?? "");
    const redirected = new URL(`${foreign.issuer}${elsewhere.pathname}${elsewhere.search}`);
    const back = await browser.follow(redirected.href, isCallback);
    const login = browser.cookies.get("rollcall_login") ?? "";
    expect(await outcome(browser, back)).toMatchObject(refused);
    // Even where it says that it was ours.
    browser.cookies.set("rollcall_login", login);
    back.searchParams.set("iss", people.issuer);
    expect(await outcome(browser, back)).toMatchObject(refused);
  });

  test("is refused where the provider says that the person did not agree", async () => {
    const browser = logInAs("ann", "staff");
    const back = await comingBack(browser);
    const state = back.searchParams.get("state") ?? "";
    const said = `error=access_denied&error_description=%3Cscript%3E&state=${state}&iss=${people.issuer}`;
    const answer = await outcome(browser, new URL(`${callback}?${said}`));
    expect(answer).toMatchObject(refused);
    expect(answer.text).not.toContain("script");
  });

  test("begins a session of its own, and ends the one that was there before, whoever had put it there", async () => {
    const attacker = await loggedIn("mallory", "staff");
    const planted = attacker.cookies.get("rollcall_session") ?? "";
    const victim = logInAs("vic", "leads");
    const back = await comingBack(victim);
    victim.cookies.set("rollcall_session", planted);
    expect((await victim.visit(back.href)).status).toBe(302);
    expect(victim.cookies.get("rollcall_session")).not.toBe(planted);
    expect(await me(victim)).toMatchObject({ tenants: [{ role: "operator" }] });
    expect(await codeOf(attacker.visit(`${publicUrl}/v1/admin/me`))).toBe("unauthenticated");
  });
});

describe("a session", () => {
  test("is kept from scripts and from other sites, and is known to the database by a digest alone", async () => {
    const browser = await loggedIn("ann", "staff");
    const id = browser.cookies.get("rollcall_session") ?? "";
    expect(id).toMatch(/^[\w-]{43}$/);
    const rows = await house.database.house<{ held: string }>(
      sql`SELECT admin_session::text AS held FROM admin_session`,
    );
    const held = rows.map((row) => row.held).join();
    expect(held).not.toContain(id);
    expect(held).not.toContain(Buffer.from(id).toString("hex"));
    expect(held).not.toContain(Buffer.from(id, "base64url").toString("hex"));
    const { headers } = await exchange(openBrowser(publicUrl, house.url), await tokenOf(acme));
    const [set] = headers.getSetCookie();
    expect(set).toMatch(/^rollcall_session=[\w-]{43};/);
    for (const part of ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"]) expect(set).toContain(part);
  });

  test.each([
    ["no header and no origin, as a form sends it", {}],
    ["no origin", { "x-rollcall-request": "1" }],
    ["another site's origin", { "x-rollcall-request": "1", origin: "https://evil.test" }],
    ["an origin that begins as ours", { "x-rollcall-request": "1", origin: `${publicUrl}.evil.test` }],
    ["the origin of a page without one", { "x-rollcall-request": "1", origin: "null" }],
    ["our origin, but not the header", { origin: publicUrl }],
    ["our origin, but from a sibling site as the browser says", { ...own, "sec-fetch-site": "same-site" }],
  ])("changes nothing with %s", async (_name, headers) => {
    const browser = await loggedIn("otto", "leads");
    const before = await trail();
    const asking = { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: "{}" };
    const path = `${publicUrl}/v1/admin/tenants/${slugs.acme}/connections/idp/pause`;
    expect(await codeOf(browser.visit(path, asking))).toBe("request_foreign");
    expect(await codeOf(browser.visit(`${publicUrl}/v1/admin/logout`, { method: "POST", headers }))).toBe(
      "request_foreign",
    );
    expect(await trail()).toEqual(before);
    expect((await browser.visit(`${publicUrl}/v1/admin/me`)).status).toBe(200);
  });

  test("ends at logout, in every process at once", async () => {
    const browser = await loggedIn("ann", "staff");
    const id = browser.cookies.get("rollcall_session") ?? "";
    expect((await browser.visit(`${publicUrl}/v1/admin/logout`, { method: "POST", headers: own })).status).toBe(204);
    expect(browser.cookies.has("rollcall_session")).toBe(false);
    browser.cookies.set("rollcall_session", id);
    expect(await codeOf(browser.visit(`${publicUrl}/v1/admin/me`))).toBe("unauthenticated");
  });

  test("ends when it is left alone for half an hour, and after half a day in any case", async () => {
    const browser = await loggedIn("ann", "staff");
    const last = sql`SELECT digest FROM admin_session ORDER BY created_at DESC LIMIT 1`;
    await house.database.house(
      sql`UPDATE admin_session SET used_at = used_at - interval '29 minutes' WHERE digest = (${last})`,
    );
    expect((await browser.visit(`${publicUrl}/v1/admin/me`)).status).toBe(200);
    await house.database.house(
      sql`UPDATE admin_session SET used_at = used_at - interval '31 minutes' WHERE digest = (${last})`,
    );
    expect(await codeOf(browser.visit(`${publicUrl}/v1/admin/me`))).toBe("unauthenticated");
    const second = await loggedIn("ann", "staff");
    await house.database.house(
      sql`UPDATE admin_session SET ends_at = ends_at - interval '12 hours' WHERE digest = (${last})`,
    );
    expect(await codeOf(second.visit(`${publicUrl}/v1/admin/me`))).toBe("unauthenticated");
  });

  test("of a token may what the token may, and ends with it", async () => {
    const browser = openBrowser(publicUrl, house.url);
    const { id, token } = await house.credentials.issue({
      purpose: "admin",
      tenantId: acme.id,
      role: "viewer",
      label: "Ann's",
    });
    expect((await exchange(browser, token)).status).toBe(200);
    expect(await me(browser)).toMatchObject({ actor: id, label: "Ann's", tenants: [{ role: "viewer" }] });
    await house.database.house(sql`UPDATE credential SET revoked_at = now() WHERE id = ${id}`);
    expect(await codeOf(browser.visit(`${publicUrl}/v1/admin/me`))).toBe("unauthenticated");
  });

  test("does not help whoever sends a wrong token beside it", async () => {
    const browser = await loggedIn("ann", "staff");
    const headers = { authorization: "Bearer nonsense" };
    expect(await codeOf(browser.visit(`${publicUrl}/v1/admin/me`, { headers }))).toBe("unauthenticated");
  });
});

test("tokens are not guessed for long, and another site exchanges none", async () => {
  const browser = openBrowser(publicUrl, house.url);
  const token = await tokenOf(acme);
  const foreignly = { "content-type": "application/json", origin: "https://evil.test" };
  const body = JSON.stringify({ token });
  const path = `${publicUrl}/v1/admin/login/token`;
  expect(await codeOf(browser.visit(path, { method: "POST", headers: foreignly, body }))).toBe("request_foreign");
  const guesses: number[] = [];
  for (let count = 0; count < 40; count += 1)
    guesses.push((await exchange(browser, `rc_admin_${"0".repeat(16)}_x`)).status);
  expect(new Set(guesses)).toEqual(new Set([403, 429]));
  expect(guesses.at(-1)).toBe(429);
  expect(browser.cookies.has("rollcall_session")).toBe(false);
});

function logInAs(sub: string, ...groups: readonly string[]): Browser {
  people.person = { sub, name: sub.charAt(0).toUpperCase() + sub.slice(1), groups };
  foreign.person = { ...people.person, groups: ["root"] };
  return openBrowser(publicUrl, house.url);
}

/** As far as the provider's answer, which has not been given to the house yet. */
async function comingBack(browser: Browser, to = "/"): Promise<URL> {
  return browser.follow(`${publicUrl}/v1/admin/login/start?to=${encodeURIComponent(to)}`, isCallback);
}

async function loggedIn(sub: string, ...groups: readonly string[]): Promise<Browser> {
  const browser = logInAs(sub, ...groups);
  const answer = await browser.visit((await comingBack(browser)).href);
  expect(answer.status, answer.text).toBe(302);
  return browser;
}

/** What came of the provider's answer, and whether the browser has another session for it. */
async function outcome(browser: Browser, back: URL) {
  const had = browser.cookies.get("rollcall_session");
  const { status, text } = await browser.visit(back.href, { headers: { accept: "application/json" } });
  const code = status === 302 ? undefined : (JSON.parse(text) as { code?: string }).code;
  return { status, code, text, isLoggedIn: browser.cookies.get("rollcall_session") !== had };
}

async function exchange(browser: Browser, token: string) {
  const headers = { "content-type": "application/json", origin: publicUrl };
  return browser.visit(`${publicUrl}/v1/admin/login/token`, {
    method: "POST",
    headers,
    body: JSON.stringify({ token }),
  });
}

async function tokenOf(tenant: TestTenant): Promise<string> {
  return (await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" })).token;
}

async function me(browser: Browser): Promise<Record<string, unknown>> {
  return JSON.parse((await browser.visit(`${publicUrl}/v1/admin/me`)).text) as Record<string, unknown>;
}

async function codeOf(visit: Promise<{ readonly text: string }>): Promise<unknown> {
  return (JSON.parse((await visit).text) as { code?: unknown }).code;
}

async function trail(): Promise<unknown> {
  return house.database.once(
    acme.id,
    sql`SELECT id FROM audit WHERE action LIKE 'connection.%' OR action = 'session.end'`,
  );
}

async function renamed(tenant: TestTenant, slug: string): Promise<TestTenant> {
  await house.database.housePrisma.tenant.update({ where: { id: tenant.id }, data: { slug } });
  return { ...tenant, slug };
}
