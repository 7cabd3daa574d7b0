import { startPages } from "@rollcall/console";
import { describe, expect, test } from "vitest";
import { browserPath } from "../harness/browser-path.ts";
import { isTooWide, logIn, looks, openBrowser, violationsOf, visit } from "../harness/browser.ts";
import { createConsoleScene, hostileName } from "../harness/console-scene.ts";
import { openHouse } from "../harness/house.ts";
import { picture } from "../harness/picture.ts";
import { deactivate } from "../harness/tenant.ts";

const pages = await startPages({
  ingestUrl: "https://rollcall.test",
  onError: (error) => {
    throw error;
  },
});
const house = await openHouse({ readBacks: {}, parts: [pages] });

describe.skipIf(browserPath === undefined)("the console in a browser", async () => {
  const browser = await openBrowser();
  const scene = await createConsoleScene(house);
  const root = `/console/t/${scene.tenant.slug}`;
  const places: readonly (readonly [name: string, path: string])[] = [
    ["overview", ""],
    ["users", "/users"],
    ["person", `/users/${scene.leaver}`],
    ["groups", "/groups"],
    ["group", `/groups/${scene.group}`],
    ["events", "/events"],
    ["event", `/events/${scene.deadLetter}`],
    ["dead-letters", "/deadletters"],
    ["dead-letter", `/deadletters/${scene.deadLetter}`],
    ["gateways", "/gateways"],
    ["alerts", "/alerts?state=all"],
    ["objectives", "/objectives"],
    ["revocations", "/revocations"],
    ["refusals", "/refusals"],
    ["explain", `/explain?sub=max&iss=${encodeURIComponent(scene.tenant.issuer)}`],
    ["drift", "/drift"],
    ["run", `/resyncs/${scene.run}`],
    ["pulls", "/pulls"],
    ["connections", "/connections"],
    ["new-connection", "/connections/new"],
    ["connection", "/connections/idp"],
    ["tokens", "/tokens"],
    ["audit", "/audit"],
    ["nowhere", "/nowhere"],
  ];

  test.each(places)(
    "the page %s can be read by everybody, light and dark, at a desk and at 360 pixels, and asks nobody else for anything",
    async (name, path) => {
      const visitor = await visit(browser, house.url);
      const { page } = visitor;
      await logIn(visitor, scene.tokens.admin, root + path);
      await page.locator("h1").waitFor();
      await page.locator(".loading").first().waitFor({ state: "detached" });
      const found: Record<string, readonly string[]> = {};
      for (const look of looks) {
        await page.setViewportSize(look.screen);
        await page.emulateMedia({ colorScheme: look.colours });
        await picture(page, `${name}-${look.name}`);
        const wide = (await isTooWide(page)) ? ["it is wider than the screen"] : [];
        const wrong = [...(await violationsOf(page, look.asked)), ...wide];
        if (wrong.length > 0) found[look.name] = wrong;
      }
      expect(found).toEqual({});
      expect(await page.locator(".notice.bad").allInnerTexts()).toEqual([]);
      expect(visitor.trespasses).toEqual([]);
    },
  );

  test.each(["viewer", "operator", "admin"] as const)(
    "with the role %s one is offered what it may do, and nothing else",
    // Every page, one after the other.
    { timeout: 180_000 },
    async (role) => {
      const visitor = await visit(browser, house.url);
      const { page } = visitor;
      await logIn(visitor, scene.tokens[role], root);
      const offered: Record<string, readonly string[]> = {};
      for (const [name, path] of places) {
        await page.goto(root + path);
        await page.locator("h1").waitFor();
        await page.locator(".loading").first().waitFor({ state: "detached" });
        const acts = await page
          .locator(".page-head .actions")
          .getByRole("button")
          .or(page.locator(".page-head .actions a"))
          .allInnerTexts();
        if (acts.length > 0) offered[name] = acts;
        // Nor is anything offered beside a row to somebody who only looks.
        const buttons = await page.locator("main").getByRole("button").allInnerTexts();
        if (role === "viewer")
          expect([name, buttons.filter((text) => !["Find", "Explain", "First page", "Next"].includes(text))]).toEqual([
            name,
            [],
          ]);
        // What an admin sets, everybody else reads.
        if (role !== "admin") expect([name, buttons.filter((text) => /^Set\b/.test(text))]).toEqual([name, []]);
      }
      const operators = {
        person: ["Suspend, lift, resync …"],
        group: ["Resync"],
        "dead-letter": ["Replay", "Drop"],
        revocations: ["Revoke"],
        drift: ["Compare or resync"],
        run: ["Apply what differs (1)"],
        pulls: ["Pull"],
        connection: ["Pause"],
      };
      const admins = {
        ...operators,
        connections: ["Connect an identity provider"],
        connection: ["Change", "Issue a token", "Pause", "Remove"],
        tokens: ["Issue a token"],
      };
      expect(offered).toEqual({ viewer: {}, operator: operators, admin: admins }[role]);
      expect(visitor.trespasses).toEqual([]);
    },
  );

  test("what cannot be read is found, so that none of this is for nothing", async () => {
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await logIn(visitor, scene.tokens.viewer, root);
    await page.locator(".line").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.evaluate(`document.querySelector("h1").style.color = "#b0b0b0"`);
    await page.evaluate(`document.querySelector(".theme").replaceChildren()`);
    const found = await violationsOf(page);
    expect(found.some((line) => line.startsWith("color-contrast"))).toBe(true);
    expect(found.some((line) => line.startsWith("button-name"))).toBe(true);
  });

  test("a name that is a page of its own is shown as text wherever it comes up", async () => {
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await logIn(visitor, scene.tokens.admin, root);
    for (const path of ["/users", `/users/${scene.hostile}`, `/groups/${scene.group}`]) {
      await page.goto(root + path);
      await page.getByText(hostileName).first().waitFor();
      expect(await page.locator("img, script:not([src])").count()).toBe(0);
      expect(await page.title()).not.toBe("taken");
    }
    expect(visitor.trespasses).toEqual([]);
  });

  test("what happens is shown to whoever looks, without their doing", async () => {
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await logIn(visitor, scene.tokens.viewer, `${root}/users/${scene.joiner}`);
    await page.getByRole("status").getByText("Live").waitFor();
    await page.getByText("let in").first().waitFor();
    await scene.tenant.scim("PATCH", `/Users/${scene.joiner}`, deactivate);
    await page.getByText("deactivated by the identity provider").first().waitFor();
    expect(visitor.trespasses).toEqual([]);
  });
});
