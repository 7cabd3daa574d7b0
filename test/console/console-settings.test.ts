import { startPages } from "@rollcall/console";
import type { AdminRole } from "@rollcall/core/domain";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browserPath } from "../harness/browser-path.ts";
import {
  expectFocus,
  expectShown,
  isTooWide,
  logIn,
  looks,
  openBrowser,
  violationsOf,
  visit,
} from "../harness/browser.ts";
import { adminOf } from "../harness/admin.ts";
import { hostileName } from "../harness/console-scene.ts";
import { openHouse } from "../harness/house.ts";
import { openBrowser as openClient, openPeopleProvider } from "../harness/login-scene.ts";
import { picture } from "../harness/picture.ts";
import { createTenant } from "../harness/tenant.ts";

const callback = "https://rollcall.test/v1/admin/login/callback";
const people = await openPeopleProvider(callback, { sub: "vic", name: "Vic", groups: [] });
const house = await openHouse({
  parts: [await startPages({ ingestUrl: "https://rollcall.test", onError: () => undefined })],
  login: {
    issuer: people.issuer,
    clientId: people.clientId,
    clientSecret: people.clientSecret,
    roles: { claim: "groups", scope: "openid profile groups", values: {} },
  },
});

describe.skipIf(browserPath === undefined)("in the console", async () => {
  const browser = await openBrowser();

  test("a person whose login at the identity provider fails reads why and what to do, light and dark, and gets back to it", async () => {
    const back = await comingBack();
    const { page, context, trespasses } = await visit(browser, house.url);
    await context.addCookies([{ name: "rollcall_login", value: back.login, url: house.url }]);
    await page.goto(back.path);
    await expectShown(page.getByRole("heading", { name: "You are not logged in", level: 1 }));
    await expectShown(page.getByText("The identity provider knows you, but nothing here is yours."));
    await expectShown(page.getByText("Ask whoever runs Rollcall for a role, then log in again."));
    await expectShown(page.getByText("login_failed", { exact: true }));
    await expectReadable(page, "login-failed");
    await page.keyboard.press("Tab");
    await expectFocus(page, "Try again");
    expect(await page.evaluate("document.activeElement.href")).toContain("/login/start?to=%2Fconsole%2Ft%2Facme");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expectShown(page.getByRole("heading", { name: "Log in" }));
    await expectShown(page.getByRole("link", { name: /^Continue with/ }));

    await context.clearCookies();
    // Who logs in comes back to what they had asked for, with what they had looked for.
    await page.goto("/console/t/acme/explain?sub=00u7");
    expect(await page.getByRole("link", { name: /^Continue with/ }).getAttribute("href")).toContain(
      "/login/start?to=%2Fconsole%2Ft%2Facme%2Fexplain%3Fsub%3D00u7",
    );

    // Whoever sends such an address writes nothing on the page, and nothing of it runs.
    await page.goto(`${new URL(callback).pathname}?error=${encodeURIComponent(hostileName)}&state=x`);
    await expectShown(page.getByText(/^This browser has begun no login/));
    expect(await page.locator("img, script").count()).toBe(0);
    expect(await page.title()).toBe("You are not logged in · Rollcall");
    expect(trespasses).toEqual([]);
  });

  test("an admin has a provider listed by itself, is told at its field what cannot be, and ends it again", async () => {
    const { admin, enter } = await scene();
    const { page } = await enter("admin", "/connections/idp");
    const pull = async () => (await admin("GET", "/connections/idp"))["pull"];
    const set = page.getByRole("button", { name: "Set the schedule" });
    const dialog = page.getByRole("dialog");
    await expectShown(page.getByText("Nobody asks its provider for everybody by itself."));
    await expectShown(page.getByText("It has no provider that could be asked."));
    await set.focus();
    await page.keyboard.press("Enter");
    await dialog.getByLabel(/^Ask the provider/).press("Space");
    await dialog.getByLabel("Every", { exact: true }).fill("2");
    await dialog.getByLabel("Unit").selectOption("hours");
    await dialog.getByLabel(/%/).fill("7.5");
    await dialog.getByLabel("Number of users").fill("2000000");
    await page.keyboard.press("Enter");
    await expectShown(dialog.getByText("must be a whole number from 0 to 1000000"));
    expect(await page.evaluate("document.activeElement.name")).toBe("count");
    await expectReadable(page, "pull-schedule");
    expect(await pull()).toBeUndefined();

    await dialog.getByLabel("Number of users").fill("5");
    await page.keyboard.press("Enter");
    await expectShown(page.getByText("every 2 h"));
    await expectShown(page.getByText("where it would shut out more than 7.5 %, and more than 5"));
    expect(await pull()).toEqual({
      everySec: 7_200,
      brakeShare: 0.075,
      brakeCount: 5,
    });

    // Whoever only looks sees the same, and no way to set it.
    const viewer = await enter("viewer", "/connections/idp");
    await expectShown(viewer.page.getByText("every 2 h"));
    expect(await viewer.page.getByRole("button", { name: "Set the schedule" }).count()).toBe(0);

    await set.click();
    expect(await dialog.getByLabel("Every", { exact: true }).inputValue()).toBe("2");
    await dialog.getByLabel(/^Ask the provider/).uncheck();
    await dialog.getByRole("button", { name: "Set" }).click();
    await expectShown(page.getByText("Nobody asks its provider for everybody by itself."));
    expect(await pull()).toBeUndefined();
  });

  test("an admin says how quick a stage is to be, is told at its field what cannot be, and overwrites nobody", async () => {
    const { admin, enter } = await scene();
    const { page } = await enter("admin", "/objectives");
    const row = page.getByRole("row").filter({ hasText: /Accepted.*Applied/ });
    const dialog = page.getByRole("dialog");
    await row.getByText("nobody: as it comes").waitFor();
    await row.getByRole("button", { name: "Set Accepted to Applied" }).focus();
    await page.keyboard.press("Enter");
    await dialog.getByLabel("Within").fill("2.5");
    await dialog.getByLabel(/%/).fill("50");
    await page.keyboard.press("Enter");
    await expectShown(dialog.getByText("must be from 0.95 to 0.9999, which is 95 to 99.99 %"));
    expect(await page.evaluate("document.activeElement.name")).toBe("share");
    await expectReadable(page, "set-objective");

    await dialog.getByLabel(/%/).fill("99.5");
    const theirs = { p99Ms: 3_000, share: 0.96 };
    await admin("PUT", "/objectives/acceptedToApplied", theirs);
    await page.keyboard.press("Enter");
    await expectShown(dialog.getByText("Somebody else has changed this meanwhile"));
    // What was typed is not lost, and what was set is not either.
    expect(await dialog.getByLabel(/%/).inputValue()).toBe("99.5");
    const stages = async () => (await admin("GET", "/objectives"))["items"] as readonly { readonly stage: string }[];
    expect((await stages())[1]).toEqual({ stage: "acceptedToApplied", ...theirs, isDefault: false });

    await page.keyboard.press("Escape");
    await row.getByText("an admin").waitFor();
    await row.getByRole("button").click();
    expect(await dialog.getByLabel("Within").inputValue()).toBe("3");
    await dialog.getByLabel("Within").fill("250");
    await dialog.getByLabel("Unit").selectOption("milliseconds");
    await dialog.getByLabel(/%/).fill("99.5");
    await dialog.getByRole("button", { name: "Set" }).click();
    await row.getByText("250 ms").waitFor();
    expect((await stages())[1]).toEqual({ stage: "acceptedToApplied", p99Ms: 250, share: 0.995, isDefault: false });
  });

  /** A tenant of their own; somebody in it on this page, and its other admin, who speaks the API. */
  async function scene() {
    const tenant = await createTenant(house);
    const ask = await adminOf(house, tenant);
    return {
      admin: async (method: string, path: string, body?: unknown) => {
        const { status, body: said } = await ask(method, `/tenants/${tenant.slug}${path}`, body);
        expect(status).toBe(200);
        return said;
      },
      enter: async (role: AdminRole, path: string) => {
        const { token } = await house.credentials.issue({
          purpose: "admin",
          tenantId: tenant.id,
          role,
          label: `the ${role}`,
        });
        const visitor = await visit(browser, house.url);
        await logIn(visitor, token, `/console/t/${tenant.slug}${path}`);
        return visitor;
      },
    };
  }
});

/** What is open can be read by everybody, light and dark, at a desk and at 360 pixels. */
async function expectReadable(page: Page, name: string): Promise<void> {
  for (const look of looks) {
    await page.setViewportSize(look.screen);
    await page.emulateMedia({ colorScheme: look.colours });
    await picture(page, `${name}-${look.name}`);
    expect([look.name, await isTooWide(page), await violationsOf(page, look.asked)]).toEqual([look.name, false, []]);
  }
}

/** Somebody to whom nothing is given comes back from the identity provider. */
async function comingBack(): Promise<{ readonly path: string; readonly login: string }> {
  const client = openClient("https://rollcall.test", house.url);
  const start = "https://rollcall.test/v1/admin/login/start?to=/console/t/acme";
  const { pathname, search } = await client.follow(start, ({ href }) => href.startsWith(callback));
  return { path: pathname + search, login: client.cookies.get("rollcall_login") ?? "" };
}
