import axe from "axe-core";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, onTestFinished } from "vitest";
import { browserPath } from "./browser-path.ts";
import { until } from "./until.ts";

const desk = { width: 1280, height: 900 };
const phone = { width: 360, height: 740 };

const wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** How a page may be looked at, and what axe is asked then: of what is written, colours change nothing but the contrast. */
export const looks = [
  { name: "light", screen: desk, colours: "light", asked: wcag },
  { name: "dark", screen: desk, colours: "dark", asked: ["color-contrast"] },
  { name: "phone", screen: phone, colours: "light", asked: wcag },
  { name: "phone-dark", screen: phone, colours: "dark", asked: ["color-contrast"] },
] as const;

/** What a page did that no page of ours may do. */
export type Trespasses = readonly string[];
export type Visit = { readonly page: Page; readonly context: BrowserContext; readonly trespasses: Trespasses };

/** One browser for the file; each visit is a person at a machine of their own. */
export async function openBrowser(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: browserPath ?? "chromium", args: ["--no-sandbox"] });
  afterAll(() => browser.close());
  return browser;
}

/** Somebody opens the pages. Errors, requests to other places and whatever the policy stops are noted. */
export async function visit(browser: Browser, origin: string): Promise<Visit> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: desk,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  onTestFinished(() => context.close());
  const trespasses: string[] = [];
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message.text())) trespasses.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => trespasses.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:"))
      trespasses.push(`asked ${request.url()}`);
  });
  return { page, context, trespasses };
}

/** A browser reports each 401 and 4xx that a page asks for and shows: before the login there is one. */
function isExpected(text: string): boolean {
  return /the server responded with a status of (?:401|404|403|412)/.test(text);
}

/** Logs in as a person does: by the form, with a token. */
export async function logIn({ page }: Visit, token: string, to = "/console/"): Promise<void> {
  await page.goto(to);
  // The page behind the login is the one that was asked for.
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

type Violation = {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
};

/** What axe finds wrong with the page as it stands, one line each. */
export async function violationsOf(page: Page, asked: readonly string[] = wcag): Promise<readonly string[]> {
  // By the debugger, and not by an element: the page's own policy would stop that.
  await page.evaluate(axe.source);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(asked)} }).then(({ violations }) => violations)`,
  )) as readonly Violation[];
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} at ${target.join(" ")}: ${failureSummary.replaceAll("\n", " ")}`),
  );
}

/** Whether anything is wider than the screen, which nobody can scroll to with one hand. */
export async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate<boolean>("document.documentElement.scrollWidth > document.documentElement.clientWidth");
}

/** It comes to be seen, sooner or later. */
export async function expectShown(shown: Locator): Promise<void> {
  await shown.waitFor();
}

/** The focus comes to be on what reads so: it is set once the page is drawn. */
export async function expectFocus(page: Page, text: string): Promise<void> {
  await until(
    `the focus is on ${text}`,
    async () => (await page.evaluate("document.activeElement.innerText")) === text,
  );
}
