import type { Page } from "playwright-core";

/** For whoever wants to see the pages: `SCREENSHOTS=directory npm test -- test/console`. */
export async function picture(page: Page, name: string): Promise<void> {
  const directory = process.env["SCREENSHOTS"];
  if (directory !== undefined) await page.screenshot({ path: `${directory}/${name}.png`, fullPage: true });
}
