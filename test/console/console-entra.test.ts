import { startPages } from "@rollcall/console";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { browserPath } from "../harness/browser-path.ts";
import { logIn, openBrowser, violationsOf, visit } from "../harness/browser.ts";
import { openHouse } from "../harness/house.ts";
import { picture } from "../harness/picture.ts";
import { createTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore } from "../harness/user-store.ts";
import { type Exchange, readRecording } from "../wire/replay.ts";

const house = await openHouse({
  parts: [await startPages({ ingestUrl: "https://rollcall.test", onError: () => undefined })],
});
const directoryId = "6f1e3c0e-2f5b-4b0e-9a57-0b8f7e9a1c11";

describe.skipIf(browserPath === undefined)("a new admin, from the console alone", async () => {
  const browser = await openBrowser();

  test("connects an Entra tenant, and sees its first user arrive", async () => {
    const tenant = await createTenant(house);
    const { token } = await house.credentials.issue({
      purpose: "admin",
      tenantId: tenant.id,
      role: "admin",
      label: "a new admin",
    });
    const visitor = await visit(browser, house.url);
    const { page } = visitor;
    await logIn(visitor, token);
    await page.getByRole("link", { name: "Connections", exact: true }).click();
    await page.getByRole("link", { name: "Connect an identity provider" }).click();
    await page.getByRole("radio", { name: /Microsoft Entra ID/ }).check();
    await page.getByLabel("Directory (tenant) ID").fill(directoryId);
    await page.getByText(`https://login.microsoftonline.com/${directoryId}/v2.0`).waitFor();
    await page.getByText("A token finds its user where oid equals externalId").waitFor();
    await page.getByRole("button", { name: "Make the connection and its token" }).click();

    await page.getByText("The connection entra is there.").waitFor();
    const [url, scimToken] = [await copied(page, "SCIM URL"), await copied(page, "Token")];
    expect(url).toBe("https://rollcall.test/scim/v2?aadOptscim062020");
    expect(scimToken).toMatch(/^rc_scim_/);
    // Shown to nobody who looks over a shoulder.
    expect(await page.locator("body").innerText()).not.toContain(scimToken);
    await page.getByText("Waiting for the identity provider").waitFor();
    await picture(page, "setup-waiting");
    expect(await violationsOf(page)).toEqual([]);

    await startProvisioning(url, scimToken);
    await page.getByText("Users have arrived.").waitFor();
    await page.getByText("2 living users, 0 groups").waitFor();
    await picture(page, "setup-arrived");
    expect(await violationsOf(page)).toEqual([]);
    const identities = await until("Entra's users are the application's", async () => {
      const users = [...((await readUserStore(house, tenant.id))?.values() ?? [])];
      return users.length === 2 && users.flatMap((user) => user.identities);
    });
    expect(identities.toSorted()).toEqual(expect.arrayContaining(["ann-oid", "max-oid"]));

    await page.getByRole("link", { name: "Users", exact: true }).click();
    await page.getByRole("link", { name: "ann@ex.test" }).click();
    await page.getByText("let in").first().waitFor();
    expect(visitor.trespasses).toEqual([]);
  });
});

/** As a person takes it: by the button, from the clipboard. */
async function copied(page: Page, label: string): Promise<string> {
  await page.getByRole("button", { name: `Copy ${label}`, exact: true }).click();
  await page.getByText(`${label} copied`).waitFor();
  return page.evaluate<string>("navigator.clipboard.readText()");
}

/** What Entra sends in its first cycle: it tests the connection, looks for each user, and creates them. */
async function startProvisioning(tenantUrl: string, token: string): Promise<void> {
  const { search } = new URL(tenantUrl);
  const steps = readRecording("entra/lifecycle-flag.json").filter((step): step is Exchange => "request" in step);
  const firstUpdate = steps.findIndex(({ stage }) => stage === "update");
  for (const { request } of steps.slice(0, firstUpdate)) {
    // The recording has its flag already; it is where the pasted address has it.
    expect(request.path).toContain(search.slice(1));
    const answer = await fetch(`${house.url}/scim/v2${request.path}`, {
      method: request.method,
      headers: { authorization: `Bearer ${token}`, ...request.headers },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    expect(answer.status).toBeLessThan(500);
  }
}
