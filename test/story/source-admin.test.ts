import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { deliver, isActive, post, provision, type Vendor, vendorNames, vendors } from "../harness/vendor-hooks.ts";

const house = await openHouse({ without: ["worker"] });

async function scene() {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  const path = `/tenants/${tenant.slug}/sources`;
  const add = (body: object) => admin("POST", path, { connection: tenant.connectionId, ...body });
  return { tenant, admin, path, add };
}

/** As the sender would have it, where the house is reached here. */
function sourceIn(body: Readonly<Record<string, unknown>>, secret: string): HookSource {
  const url = (body["url"] as string).replace("https://rollcall.test", house.url);
  return { id: body["id"] as string, url, secret };
}

describe.each(vendorNames)("what an admin is given for %s", (name) => {
  const { kind, settings, leaver, subject, unknown }: Vendor = vendors[name];
  const given = kind === "workos" ? { secret: "wh_secret_of_the_dashboard" } : {};

  test("is what its sender needs: a URL, and a secret that is shown once", async () => {
    const { tenant, admin, path, add } = await scene();
    await provision(tenant, subject);
    const added = await add({ kind, settings, ...given });
    expect(added.status).toBe(201);
    const secret = given.secret ?? (added.body["secret"] as string);
    const source = sourceIn(added.body, secret);
    expect((await deliver(source, name, leaver)).status).toBeLessThan(300);
    expect(await isActive(tenant, subject)).toBe(false);
    const shown = await admin("GET", `${path}/${source.id}`);
    expect(JSON.stringify(shown.body)).not.toContain(secret);
    const { items } = (await admin("GET", `${path}/${source.id}/events`)).body as { items: { outcome: string }[] };
    expect(items.map(({ outcome }) => outcome)).toContain("written");
  });

  test("can be replaced, by a rotation or by the sender's next", async () => {
    const { admin, path, add } = await scene();
    const { body } = await add({ kind, settings, ...given });
    const before = sourceIn(body, given.secret ?? (body["secret"] as string));
    const isOurs = given.secret === undefined;
    const rotated = await admin("POST", `${path}/${before.id}/rotate`, {});
    expect(rotated.status).toBe(isOurs ? 200 : 400);
    if (!isOurs) await admin("PATCH", `${path}/${before.id}`, { secret: "the next one" });
    const after = { ...before, secret: isOurs ? (rotated.body["secret"] as string) : "the next one" };
    expect((await post(after, name, unknown)).status).toBe(200);
    expect((await post(before, name, unknown)).status).toBe(isOurs ? 200 : 401);
  });
});

describe("an admin is told everything that is wrong at once", () => {
  test.each([
    [{ kind: "keycloak" }, ["settings.verification"]],
    [
      { kind: "keycloak", settings: { verification: "none", reallm: "x" } },
      ["settings.verification", "settings.reallm"],
    ],
    [{ kind: "workos", secret: "s" }, ["settings.directory"]],
    [{ kind: "workos", settings: { directory: "d" } }, ["secret"]],
    [{ kind: "okta", secret: "mine" }, ["secret"]],
    [{ kind: "auth0", settings: { idAttribute: "userName" } }, ["settings.idAttribute"]],
    [{ kind: "polis" }, ["kind"]],
    [{ kind: "webhook", settings: { constructor: "x", toString: "x" } }, ["settings.constructor", "settings.toString"]],
  ])("%j", async (wanted, at) => {
    const { add } = await scene();
    const { status, body } = await add(wanted);
    expect([status, (body["problems"] as readonly { readonly at: string }[]).map((problem) => problem.at)]).toEqual([
      400,
      at,
    ]);
  });
});

test("the secret of a stream that is polled goes to no other host than the one that it was given for", async () => {
  const { admin, path, add } = await scene();
  const settings = { issuer: "https://idp.example", audience: "crm", endpoint: "https://idp.example/ssf/poll/1" };
  const { body } = await add({ kind: "ssf_poll", settings, secret: "a-secret-that-nobody-may-read" });
  const set = (endpoint: string, more: object = {}) =>
    admin("PATCH", `${path}/${body["id"] as string}`, { settings: { ...settings, endpoint }, ...more });
  const refused = await set("https://evil.example/ssf/poll/1");
  expect([refused.status, refused.body["problems"]]).toMatchObject([400, [{ at: "secret" }]]);
  expect((await set("https://idp.example/ssf/poll/2")).status).toBe(200);
  expect((await set("https://evil.example/ssf/poll/1", { secret: "another" })).status).toBe(200);
});
