import { startPages } from "@rollcall/console";
import type { AdminRole } from "@rollcall/core/domain";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { browserPath } from "../harness/browser-path.ts";
import { expectShown, logIn, openBrowser, type Visit, visit } from "../harness/browser.ts";
import { createConsoleScene } from "../harness/console-scene.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const pages = await startPages({ ingestUrl: "https://rollcall.test", onError: () => undefined });
const house = await openHouse({ readBacks: {}, parts: [pages] });

describe.skipIf(browserPath === undefined)("by a button of the console a person does what it says, who", async () => {
  const browser = await openBrowser();
  const scene = await createConsoleScene(house);

  test("heals whoever differs and nobody else, and is led to the run that does it", async () => {
    const { tenant, enterTenant, admin } = await ownTenant();
    const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
    await tenant.scim("POST", "/Users", newUser("bob"));
    await untilQuiet(house, tenant.id);
    const { page } = await enterTenant("operator", "/drift");
    const run = async () => (await admin("GET", `/resyncs/${page.url().split("/").at(-1) ?? ""}`)).body;
    await page.getByRole("button", { name: "Compare or resync" }).click();
    await page.getByLabel("What", { exact: true }).selectOption("heal");
    await page.getByRole("dialog").getByRole("button", { name: "Resync", exact: true }).click();
    await expectShown(page.getByRole("heading", { name: "Resync", level: 1 }));
    await expectShown(page.getByText("finished", { exact: true }));
    expect(await run()).toMatchObject({ heals: "differing", enqueued: 0 });

    await house.database.once(
      tenant.id,
      sql`UPDATE app_user SET user_name = 'somebody else' WHERE id = ${body["id"] as string}`,
    );
    await page.getByRole("link", { name: "All runs" }).click();
    await page.getByRole("button", { name: "Compare or resync" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Compare", exact: true }).click();
    const compared = page.getByRole("heading", { name: "Comparison", level: 1 });
    await expectShown(compared);
    await page.getByRole("button", { name: /^Apply what differs/ }).click();
    await expectShown(page.getByRole("heading", { name: "Resync", level: 1 }));
    await expectShown(page.getByText("finished", { exact: true }));
    expect(await run()).toMatchObject({ heals: "differing", enqueued: 1, healed: 1 });
  });

  test("removes a connection and whom it let in, once its slug was typed", async () => {
    const { tenant, enterTenant, admin } = await ownTenant();
    const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
    await untilQuiet(house, tenant.id);
    const { page } = await enterTenant("admin", "/connections/idp");
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByRole("button", { name: "Remove it" }).click();
    expect(await page.locator(":invalid[name=sure]").count()).toBe(1);
    await page.getByLabel(/^Type idp/).fill("idp");
    await page.getByRole("button", { name: "Remove it" }).click();
    await expectShown(page.getByText("No identity provider is connected yet"));
    await untilQuiet(house, tenant.id);
    const { denials } = (await admin("GET", `/users/${body["id"] as string}`)).body as {
      denials: { reason: string }[];
    };
    expect(denials.map(({ reason }) => reason)).toContain("admin_suspended");
  });

  test("denies a single token, whatever was chosen for something else before", async () => {
    const { page } = await enter(scene.tokens.operator, "/revocations");
    await page.getByRole("button", { name: "Revoke", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Which tokens").selectOption("nbf");
    await dialog.getByLabel("What", { exact: true }).selectOption("tokenId");
    await dialog.getByLabel("Its value").fill("token-77");
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await expectShown(page.getByRole("row").filter({ hasText: "token-77" }).getByText("every token"));
  });

  test("of the role operator forgets a gateway that is no more", async () => {
    const { page } = await enter(scene.tokens.operator, "/gateways");
    await page
      .getByRole("button", { name: /^Remove/ })
      .first()
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expectShown(page.getByText("Removed", { exact: true }));
  });

  test("looks at a narrowed list in another way, and it stays narrowed until they say otherwise", async () => {
    const { page } = await enter(scene.tokens.viewer, "/events?connection=idp&kind=user.deactivated");
    const rows = page.getByRole("table", { name: "Events" }).locator("tbody tr");
    await expectShown(rows.filter({ hasText: "User deactivated" }));
    await expectShown(page.getByText("Only idp, user.deactivated."));
    await page.getByRole("link", { name: "Applied", exact: true }).click();
    await expectShown(page.getByText("Only idp, user.deactivated."));
    expect(new URL(page.url()).searchParams.get("state")).toBe("applied");
    expect(await rows.allInnerTexts()).toHaveLength(1);
    await page.getByRole("link", { name: "Show all events" }).click();
    await expectShown(rows.filter({ hasText: "User created" }).first());
  });

  test("sees what changed while the stream was broken off", async () => {
    const { tenant, enterTenant } = await ownTenant();
    let streams = 0;
    const { page } = await enterTenant("viewer", "/users", async ({ page: opened }) => {
      await opened.route("**/stream", async (route) => {
        streams += 1;
        if (streams === 1)
          return route.fulfill({ contentType: "text/event-stream", body: "retry: 200\n\n: and it breaks off\n\n" });
        // What is shown was asked for before it changes, and the stream begins after that.
        await expectShown(opened.getByText("Nobody is here yet"));
        await tenant.scim("POST", "/Users", newUser("late"));
        await untilQuiet(house, tenant.id);
        return route.continue();
      });
    });
    await expectShown(page.getByText("late@example.test"));
    expect(streams).toBe(2);
  });

  test("is told of a listing that failed what it had done until then", async () => {
    const { tenant, enterTenant } = await ownTenant();
    const id = newId();
    await house.database.once(
      tenant.id,
      sql`INSERT INTO pull_run (id, tenant_id, connection_id, dry_run, state, reason, finished_at, staged)
        VALUES (${id}, ${tenant.id}, ${tenant.connectionId}, false, 'failed', 'it began more than a day ago', now(), false)`,
    );
    const { page } = await enterTenant("viewer", `/pulls/${id}`);
    await expectShown(page.getByText("It failed, and nothing was changed by it."));
    await house.database.once(
      tenant.id,
      sql`INSERT INTO pull_difference (tenant_id, run_id, rank, kind, subject_kind, name, outcome, healed_at)
        VALUES (${tenant.id}, ${id}, 0, 'gone', 'user', 'ann', 'written', now())`,
    );
    await page.reload();
    await expectShown(page.getByText("It failed on its way: 1 of the differences had been seen to, and that stays."));
  });

  /** A tenant of their own; somebody in it, and an admin who speaks the API. */
  async function ownTenant() {
    const tenant = await createTenant(house);
    const ask = await adminOf(house, tenant);
    return {
      tenant,
      admin: (method: string, path: string) => ask(method, `/tenants/${tenant.slug}${path}`),
      enterTenant: async (role: AdminRole, path: string, before?: (visitor: Visit) => Promise<void>) => {
        const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, role, label: role });
        const visitor = await visit(browser, house.url);
        await before?.(visitor);
        await logIn(visitor, token, `/console/t/${tenant.slug}${path}`);
        return visitor;
      },
    };
  }

  /** Somebody with this token, on this page of the scene's tenant. */
  async function enter(token: string, path: string) {
    const visitor = await visit(browser, house.url);
    await logIn(visitor, token, `/console/t/${scene.tenant.slug}${path}`);
    return visitor;
  }
});
