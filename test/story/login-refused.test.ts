import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { type Browser, openBrowser, openPeopleProvider } from "../harness/login-scene.ts";

const publicUrl = "https://rollcall.test";
const callback = `${publicUrl}/v1/admin/login/callback`;
const people = await openPeopleProvider(callback, { sub: "ann", name: "Ann", groups: [] });
const without = ["worker", "publisher", "resyncs"] as const;
const roles = { claim: "groups", scope: "openid profile groups", values: {} };
const { issuer, clientId, clientSecret } = people;
const house = await openHouse({ without, login: { issuer, clientId, clientSecret, roles } });
const { databaseUrl } = house;
const plain = await openHouse({ databaseUrl, without });
const lost = await openHouse({
  databaseUrl,
  without,
  login: { issuer: "http://127.0.0.1:1", clientId, clientSecret, roles },
});
const start = "/v1/admin/login/start?to=/console/";

describe("a person whose login fails is told so on a page: what happened, what to do, and how to go on", () => {
  const enemy = `"><script>document.title='taken'</script>`;
  const said = `error=access_denied&error_description=${encodeURIComponent(enemy)}&iss=${people.issuer}`;

  test("where the provider did not let them through", async () => {
    const browser = openBrowser(publicUrl, house.url);
    const state = (await comingBack(browser, "/console/t/acme/users?q=1&x=<b>")).searchParams.get("state") ?? "";
    const { text } = await page(browser, `${callback}?${said}&state=${state}`, 403, "login_failed");
    expect(text).toContain("The identity provider did not let you through.");
    // Whoever tries again comes to where they were going.
    const to = encodeURIComponent("/console/t/acme/users?q=1&x=%3Cb%3E");
    expect(text).toContain(`href="/v1/admin/login/start?to=${to}"`);
  });

  test("where their browser has begun nothing, whatever the address says", async () => {
    const { text } = await page(
      openBrowser(publicUrl, house.url),
      `${callback}?${said}&state=${enemy}`,
      403,
      "login_failed",
    );
    expect(text).toContain("This browser has begun no login, or began it more than ten minutes ago.");
    expect(text).toContain('href="/v1/admin/login/start?to=%2F"');
  });

  test("where the answer is another login's", async () => {
    const browser = openBrowser(publicUrl, house.url);
    const back = await comingBack(browser);
    back.searchParams.set("state", enemy);
    const { text } = await page(browser, back.href, 403, "login_failed");
    expect(text).toContain("The login could not be verified with the identity provider.");
  });

  test("where nothing is theirs, and no session comes of it", async () => {
    const browser = openBrowser(publicUrl, house.url);
    const { text } = await page(browser, (await comingBack(browser)).href, 403, "login_failed");
    expect(text).toContain("Ask whoever runs Rollcall for a role, then log in again.");
    expect(browser.cookies.has("rollcall_session")).toBe(false);
  });

  test("where the house has no provider, and an admin token is the way in", async () => {
    const { text } = await page(openBrowser(plain.url, plain.url), `${plain.url}${start}`, 404, "not_found");
    expect(text).toContain('href="/console/"');
    expect(text).not.toContain("login/start");
  });

  test("where the provider does not answer, with when to come again", async () => {
    const { text, headers } = await page(openBrowser(lost.url, lost.url), `${lost.url}${start}`, 503, "unavailable");
    expect(text).toContain("The identity provider for logins does not answer.");
    expect(headers.get("retry-after")).toBe("1");
  });

  test("and a program that asks for JSON goes on getting the problem, from the same address", async () => {
    const { headers, text } = await openBrowser(publicUrl, house.url).visit(`${callback}?code=x`, {
      headers: { accept: "application/json" },
    });
    expect(headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(headers.get("vary")).toBe("accept");
    expect(JSON.parse(text)).toMatchObject({
      status: 403,
      code: "login_failed",
      request_id: expect.any(String) as string,
    });
  });

  /** Somebody's browser comes to this address; what it shows neither runs nor repeats anything. */
  async function page(browser: Browser, address: string, status: number, code: string) {
    const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    const seen = await browser.visit(address, { headers: { accept } });
    expect([seen.status, seen.headers.get("content-type")]).toEqual([status, "text/html; charset=utf-8"]);
    expect(seen.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]{44}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'$/,
    );
    expect(seen.headers.get("cache-control")).toBe("no-store");
    expect(seen.headers.get("referrer-policy")).toBe("no-referrer");
    expect(seen.text).toContain(`<code>${code}</code>`);
    expect(seen.text).toMatch(/request <code>[\da-f-]{36}<\/code>/);
    expect(seen.text).not.toMatch(/script|taken|<b>|access_denied|\{"/);
    return seen;
  }
});

/** As far as the provider's answer, which has not been given to the house yet. */
async function comingBack(browser: Browser, to = "/"): Promise<URL> {
  const begin = `${publicUrl}/v1/admin/login/start?to=${encodeURIComponent(to)}`;
  return browser.follow(begin, ({ href }) => href.startsWith(callback));
}
