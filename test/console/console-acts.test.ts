import { startPages } from "@rollcall/console";
import { describe, expect, test } from "vitest";
import { browserPath } from "../harness/browser-path.ts";
import { expectFocus, expectShown, logIn, openBrowser, violationsOf, visit } from "../harness/browser.ts";
import { type ConsoleScene, createConsoleScene } from "../harness/console-scene.ts";
import { openHouse } from "../harness/house.ts";
import { picture } from "../harness/picture.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

const pages = await startPages({ ingestUrl: "https://rollcall.test", onError: () => undefined });
const house = await openHouse({ readBacks: {}, parts: [pages] });

describe.skipIf(browserPath === undefined)("in the console a person", async () => {
  const browser = await openBrowser();
  const scene = await createConsoleScene(house);

  test("is told that a token is none, and is let in with one that is", async () => {
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await page.goto("/console/");
    await page.getByLabel("Admin token").fill("rc_admin_nobody");
    await page.getByRole("button", { name: "Log in" }).click();
    await expectShown(page.getByText("This is no live admin token."));
    expect(await violationsOf(page)).toEqual([]);
    await picture(page, "login-refused");
    await page.getByLabel("Admin token").fill(scene.tokens.viewer);
    await page.getByRole("button", { name: "Log in" }).click();
    await expectShown(page.getByRole("heading", { name: "Overview", level: 1 }));
    expect(
      await page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie"),
    ).not.toContain("rc_admin");
    expect(visitor.trespasses).toEqual([]);
  });

  test("who logs out is out on every page, at once", async () => {
    const { page } = await enter(scene.tokens.viewer, "/users");
    await page.getByRole("button", { name: "Log out" }).click();
    await expectShown(page.getByRole("heading", { name: "Log in" }));
    await page.goto(`/console/t/${scene.tenant.slug}/users`);
    await expectShown(page.getByRole("heading", { name: "Log in" }));
    expect(await page.locator("body").innerText()).not.toContain("example.test");
  });

  test("whose session has ended elsewhere is asked to log in, and comes back to the same page", async () => {
    const { page, context } = await enter(scene.tokens.viewer, "/users");
    await expectShown(page.getByRole("status").getByText("Live"));
    await context.clearCookies();
    // What is live asks for what has changed, and is refused.
    await scene.tenant.scim("POST", "/Users", newUser("late"));
    await expectShown(page.getByRole("heading", { name: "Log in" }));
    await page.getByLabel("Admin token").fill(scene.tokens.viewer);
    await page.getByRole("button", { name: "Log in" }).click();
    await expectShown(page.getByRole("heading", { name: "Users", level: 1 }));
  });

  test("gets about by the keyboard alone", async () => {
    const { page } = await enter(scene.tokens.operator, "");
    await page.reload();
    await expectShown(page.getByRole("heading", { level: 1 }));
    await page.keyboard.press("Tab");
    await expectFocus(page, "Skip to the page");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("page");
    await page.getByRole("link", { name: "Revocations", exact: true }).focus();
    await page.keyboard.press("Enter");
    await expectShown(page.getByRole("heading", { name: "Revocations", level: 1 }));
    await expectFocus(page, "Revocations");
    await page.getByRole("button", { name: "Revoke", exact: true }).focus();
    await page.keyboard.press("Enter");
    await expectShown(page.getByRole("dialog"));
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate("document.querySelector('dialog').contains(document.activeElement)")).toBe(true);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expectFocus(page, "Revoke");
  });

  test("chooses light or dark, and the choice stays", async () => {
    const { page } = await enter(scene.tokens.viewer, "");
    const background = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const light = await background();
    await page.getByRole("button", { name: /Colours/ }).click();
    await page.getByRole("button", { name: /Colours/ }).click();
    expect(await page.getByRole("button", { name: /Colours/ }).innerText()).toContain("Dark");
    const dark = await background();
    expect(dark).not.toBe(light);
    await page.reload();
    await expectShown(page.getByRole("heading", { level: 1 }));
    expect(await background()).toBe(dark);
  });

  test("acknowledges an alert, and says why", async () => {
    const { page } = await enter(scene.tokens.operator, "/alerts");
    await page
      .getByRole("button", { name: /^Acknowledge/ })
      .first()
      .click();
    await page.getByLabel("Note").fill("asked the other provider");
    await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
    await expectShown(page.getByText("somebody sees to it"));
    await expectShown(page.getByText("asked the other provider"));
  });

  test("replays a dead letter, and drops one only by saying why", async () => {
    const { page } = await enter(scene.tokens.operator, `/deadletters/${scene.deadLetter}`);
    await expectShown(page.getByText(/IdentityTaken/));
    await page.getByRole("button", { name: "Drop", exact: true }).click();
    await page.getByRole("button", { name: "Drop it" }).click();
    // The browser asks for what is missing, and nothing is sent.
    expect(await page.locator(":invalid[name=reason]").count()).toBe(1);
    await page.getByLabel("Why").fill("a test account");
    await page.getByRole("button", { name: "Drop it" }).click();
    await expectShown(page.getByText("It was dropped. A replay takes it up again."));
    await page.getByRole("button", { name: "Replay", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    // It is no dead letter any more: what becomes of it is told where events are.
    await expectShown(page.getByRole("heading", { name: new RegExp(`event ${scene.deadLetter}$`), level: 1 }));
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("suspends somebody and lets them in again", async () => {
    const { page } = await enter(scene.tokens.operator, `/users/${scene.hostile}`);
    const acts = page.getByRole("button", { name: /^Suspend, lift/ });
    await acts.click();
    await page.getByLabel("Note").fill("asked by security");
    await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
    await expectShown(page.getByText("suspended by an admin").first());
    await expectShown(page.getByText("asked by security"));
    await acts.click();
    await page.getByRole("dialog").getByRole("button", { name: "Lift the suspension" }).click();
    await expectShown(page.getByText("Nothing stands against them."));
  });

  test("revokes a subject, sees gateways enforce it, and lifts it", async () => {
    const { page } = await enter(scene.tokens.operator, "/revocations");
    await page.getByRole("button", { name: "Revoke", exact: true }).click();
    await page.getByLabel("Its value").fill("stranger");
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    const row = page.getByRole("row").filter({ hasText: "stranger" });
    // What a provider has said is not offered to be lifted here, for it would be refused.
    const leaver = page.getByRole("row").filter({ hasText: "Idp inactive" });
    await expectShown(leaver);
    expect(await leaver.getByRole("button").count()).toBe(0);
    await expectShown(row.getByText("everywhere"));
    await row.getByRole("button", { name: /^Lift/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Lift" }).click();
    await expectShown(row.getByText(/^tokens of before/));
    expect(await row.getByRole("button").count()).toBe(0);
  });

  test("compares, and reads what came of it", async () => {
    const { page } = await enter(scene.tokens.operator, "/drift");
    await page.getByRole("button", { name: "Compare or resync" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Compare", exact: true }).click();
    await expectShown(page.getByRole("heading", { name: "Comparison", level: 1 }));
    await expectShown(page.getByText("finished", { exact: true }));
    await picture(page, "comparison");
    expect(await violationsOf(page)).toEqual([]);
  });

  test("asks why a subject is refused, and reads the checklist with its evidence", async () => {
    const { page } = await enter(scene.tokens.viewer, "/explain");
    await page.getByLabel("What you have").selectOption("sub");
    await page.getByRole("textbox", { name: "A subject (sub)" }).fill("max");
    await page.getByLabel("Its issuer").fill(scene.tenant.issuer);
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".checklist li").first().waitFor();
    expect(await page.locator(".checklist .problem").count()).toBeGreaterThan(0);
    await picture(page, "explained");
    expect(await violationsOf(page)).toEqual([]);
  });

  test("issues a token that is shown once, and revokes it", async () => {
    const { page } = await enter(scene.tokens.admin, "/tokens");
    await page.getByRole("button", { name: "Issue a token" }).click();
    await page.getByLabel("For").selectOption("feed");
    await page.getByLabel("Label").fill("edge-2");
    await page.getByRole("dialog").getByRole("button", { name: "Issue" }).click();
    await expectShown(page.getByText("edge-2: shown this once"));
    await page.getByRole("button", { name: /^Show/ }).click();
    expect(await page.locator(".copy code").innerText()).toMatch(/^rc_feed_/);
    await page.reload();
    const row = page.getByRole("row").filter({ hasText: "edge-2" });
    await row.waitFor();
    expect(await page.locator("body").innerText()).not.toContain("rc_feed_");
    await row.getByRole("button", { name: /^Revoke/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await expectShown(row.getByText("revoked"));
  });

  test("is told when somebody else was quicker, and overwrites nothing", async () => {
    const { page } = await enter(scene.tokens.admin, "/connections/idp");
    await page.getByRole("button", { name: "Change", exact: true }).click();
    await page.getByLabel("Name").fill("Mine");
    await change(scene, { name: "Theirs" });
    await page.getByRole("dialog").getByRole("button", { name: "Change" }).click();
    await expectShown(page.getByText("Somebody else has changed this meanwhile"));
    await page.keyboard.press("Escape");
    await expectShown(page.getByRole("heading", { name: "Theirs", level: 1 }));
  });

  test("goes through a long list a page at a time, and holds no more of it than that", async () => {
    const tenant = await createTenant(house);
    for (let from = 0; from < 120; from += 10)
      await Promise.all(
        Array.from({ length: 10 }, (_, index) => tenant.scim("POST", "/Users", newUser(`user-${from + index}`))),
      );
    const { token } = await house.credentials.issue({
      purpose: "admin",
      tenantId: tenant.id,
      role: "viewer",
      label: "a viewer",
    });
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await logIn(visitor, token, `/console/t/${tenant.slug}/users`);
    const rows = page.getByRole("table", { name: "Users" }).locator("tbody tr");
    const names = async () => rows.locator("td:first-child").allInnerTexts();
    await expectShown(page.getByText("Page 1", { exact: true }));
    const first = await names();
    await page.getByRole("button", { name: "Next" }).click();
    await expectShown(page.getByText("Page 2", { exact: true }));
    const second = await names();
    await page.getByRole("button", { name: "Next" }).click();
    await expectShown(page.getByText("Page 3", { exact: true }));
    const third = await names();
    expect([first.length, second.length, third.length]).toEqual([50, 50, 20]);
    expect(new Set([...first, ...second, ...third]).size).toBe(120);
    expect(await page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Previous" }).click();
    await expectShown(page.getByText("Page 2", { exact: true }));
    expect(await names()).toEqual(second);
  });

  /** Somebody with this token, on this page of the scene's tenant. */
  async function enter(token: string, path: string) {
    const visitor = await visit(browser, house.url);
    await logIn(visitor, token, `/console/t/${scene.tenant.slug}${path}`);
    return visitor;
  }
});

/** Another admin's change of the connection. */
async function change({ tenant, tokens }: ConsoleScene, body: Record<string, unknown>): Promise<void> {
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/connections/idp`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${tokens.admin}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}
