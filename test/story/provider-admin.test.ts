import { describe, expect, onTestFinished, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { providerSettings } from "@rollcall/reconciler/providers";
import { clientSettingsOf, providerKindNames } from "@rollcall/core/domain";
import { type Admin, adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { startScimServer } from "../harness/providers/scim-server.ts";
import { addProvider, ann, eager, untilAsked } from "../harness/read-back-scene.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ readBacks: eager });
const secret = "a-secret-that-nobody-may-read";

describe("how a provider is asked", () => {
  test("is set, shown without its secret, and removed; and each is in the audit", async () => {
    const { admin, path, tenant } = await scene();
    const settings = { url: "https://idp.example/scim/v2", "pace.perSec": "5", idAttribute: "none" };
    const set = await admin("PUT", path, { kind: "scim", settings, secret });
    expect(set).toMatchObject({
      status: 200,
      body: {
        kind: "scim",
        settings: { url: "https://idp.example/scim/v2", pace: { perSec: 5 }, idAttribute: "none" },
        waiting: 0,
      },
    });
    const shown = await admin("GET", path);
    expect(JSON.stringify([set, shown])).not.toContain(secret);
    const sealed = await house.database.once<{ secret: Buffer }>(tenant.id, sql`SELECT secret FROM provider`);
    expect(sealed[0]?.secret.includes(secret)).toBe(false);
    expect((await admin("DELETE", path)).status).toBe(204);
    expect([(await admin("GET", path)).status, (await admin("DELETE", path)).status]).toEqual([404, 404]);
    const audit = await house.database.once<{ action: string; detail: unknown }>(
      tenant.id,
      sql`SELECT action, detail FROM audit WHERE target = ${tenant.connectionId} ORDER BY id`,
    );
    expect(audit.map(({ action }) => action)).toEqual(["provider.set", "provider.remove"]);
    expect(JSON.stringify(audit)).not.toContain(secret);
  });

  test("is refused with everything that is wrong with it at once", async () => {
    const { admin, path } = await scene();
    const settings = { url: "ftp://idp.example", "pace.perSec": "fast", colour: "red", creates: "perhaps" };
    const { status, body } = await admin("PUT", path, { kind: "keycloak", settings, secret });
    expect(status).toBe(400);
    expect(body["problems"]).toEqual(
      [
        "settings.realm",
        "settings.clientId",
        "settings.url",
        "settings.pace.perSec",
        "settings.colour",
        "settings.creates",
      ].map((at) => ({ at, message: expect.any(String) as string })),
    );
  });

  test("keeps its secret where none is given, and not for another kind of provider", async () => {
    const { admin, path } = await scene();
    const settings = { url: "https://idp.example" };
    expect((await admin("PUT", path, { kind: "scim", settings })).status).toBe(400);
    expect((await admin("PUT", path, { kind: "scim", settings, secret })).status).toBe(200);
    expect((await admin("PUT", path, { kind: "scim", settings })).status).toBe(200);
    expect((await admin("PUT", path, { kind: "okta", settings })).status).toBe(400);
  });

  test("shows its secret to no other host than the one that it was given for", async () => {
    const { admin, path, tenant } = await scene();
    const put = (url: string, more: object = {}) => admin("PUT", path, { kind: "scim", settings: { url }, ...more });
    expect((await put("https://idp.example/scim/v2", { secret })).status).toBe(200);
    for (const url of [
      "https://evil.example/scim/v2",
      "http://idp.example/scim/v2",
      "https://idp.example:8443/scim/v2",
    ])
      expect(await put(url)).toMatchObject({ status: 400, body: { code: "value_invalid" } });
    expect((await admin("GET", path)).body["settings"]).toEqual({ url: "https://idp.example/scim/v2" });
    expect((await put("https://idp.example/scim/v3")).status).toBe(200);
    expect((await put("https://evil.example/scim/v2", { secret: "another" })).status).toBe(200);
    const shown = { kind: "scim", settings: { url: "https://idp.example/scim/v2" } } as const;
    expect((await admin("PUT", path, shown)).status).toBe(400);
    const kept = await house.database.once(tenant.id, sql`SELECT FROM provider WHERE settings ->> 'url' LIKE '%evil%'`);
    expect(kept).toHaveLength(1);
  });

  test("has the settings of its kind, and not what every object has", async () => {
    const { admin, path } = await scene();
    const settings = { url: "https://idp.example", constructor: "x", toString: "x" };
    const { status, body } = await admin("PUT", path, { kind: "scim", settings, secret });
    expect([status, body["problems"]]).toMatchObject([
      400,
      [{ at: "settings.constructor" }, { at: "settings.toString" }],
    ]);
  });

  test("is of a connection that is there", async () => {
    const { admin, path, tenant } = await scene();
    const elsewhere = path.replace(tenant.connectionId, "0199b0a4-0000-7000-8000-000000000001");
    expect(
      (await admin("PUT", elsewhere, { kind: "scim", settings: { url: "https://idp.example" }, secret })).status,
    ).toBe(404);
  });
});

describe("trying a provider", () => {
  test("says in words that it works, and how many of its users are here", async () => {
    const { admin, path } = await withServer([ann]);
    const { status, body } = await admin("POST", `${path}/test`, {});
    expect([status, body]).toEqual([
      200,
      {
        works: true,
        lines: [
          "a page of users: 1 read",
          "one user by id: found, active",
          "an id that nobody has: told apart from an error",
          "ids: 1 of 1 are the externalId of a user here",
        ],
      },
    ]);
  });

  test("says what is missing", async () => {
    const { admin, path, tenant } = await withServer([ann]);
    await addProvider(house, tenant, "scim", { url: "http://127.0.0.1:9/scim", pace: { attemptsMax: 1 } });
    const { body } = await admin("POST", `${path}/test`, {});
    expect(body).toEqual({
      works: false,
      lines: [expect.stringMatching(/^a page of users: unreachable: it cannot be reached \(ECONNREFUSED\)/) as string],
    });
  });

  test("says what cannot be used of its settings", async () => {
    const { admin, path, tenant } = await scene();
    await addProvider(house, tenant, "scim", { url: "https://idp.example", pageSize: 1 });
    const { body } = await admin("POST", `${path}/test`, {});
    expect(JSON.stringify(body)).toContain("its settings cannot be used: pageSize");
  });
});

test("what waits to be asked is shown with its last error, and asked when the settings are mended", async () => {
  const { admin, path, tenant, url } = await withServer([ann]);
  await addProvider(house, tenant, "scim", { url: "http://127.0.0.1:9/scim", pace: { attemptsMax: 1 } });
  await house.database.once(
    tenant.id,
    sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names, last_error, due_at)
      VALUES (${tenant.connectionId}, 'id ann', ${tenant.id}, '{"id":"ann"}', 'unreachable: it cannot be reached', now() + interval '1 hour')`,
  );
  const waiting = await admin("GET", path.replace("/provider", "/read-backs"));
  expect(waiting.body["items"]).toMatchObject([
    { names: { id: "ann" }, attempts: 0, lastError: "unreachable: it cannot be reached" },
  ]);
  expect((await admin("PUT", path, { kind: "scim", settings: { url }, secret })).status).toBe(200);
  await untilAsked(house, tenant);
});

test("every kind's settings open its client: what the console takes, the client takes", () => {
  const common = {
    pace: { perSec: 2, atOnceMax: 2, timeoutMs: 1_000, attemptsMax: 2 },
    pageSize: 50,
    idAttribute: "none",
    creates: "yes",
    takes: "active",
    lifts: "all",
  };
  const own = {
    scim: { url: "https://idp.example/scim" },
    okta: { url: "https://acme.okta.example", groups: true, authentication: { kind: "oauth", clientId: "c" } },
    "microsoft-graph": {
      tenant: "acme.example",
      clientId: "c",
      url: "https://graph.example",
      loginUrl: "https://login.example",
      groups: true,
    },
    "google-directory": {
      administrator: "admin@acme.example",
      customer: "C01",
      url: "https://admin.example",
      tokenUrl: "https://oauth.example/token",
      groups: true,
    },
    keycloak: { url: "https://sso.example", realm: "acme", clientRealm: "master", clientId: "c" },
    auth0: { url: "https://acme.auth0.example", clientId: "c", audience: "https://acme.auth0.example/api/v2/" },
    ldap: {
      url: "ldaps://ldap.example",
      startTls: false,
      bindName: "cn=r",
      base: "dc=example",
      groupBase: "dc=example",
      dialect: "inetOrgPerson",
      filter: "(a=b)",
    },
  };
  expect(Object.keys(own).toSorted()).toEqual([...providerKindNames].toSorted());
  const refused = providerKindNames.flatMap((kind) => {
    const { error } = providerSettings.safeParse(clientSettingsOf(kind, { ...common, ...own[kind] }));
    return (error?.issues ?? []).map(({ path: at, message }) => [kind, ...at, message].join(" "));
  });
  expect(refused).toEqual([]);
});

type Scene = { readonly admin: Admin; readonly path: string; readonly tenant: TestTenant };

async function scene(): Promise<Scene> {
  const tenant = await createTenant(house);
  const path = `/tenants/${tenant.slug}/connections/${tenant.connectionId}/provider`;
  return { admin: await adminOf(house, tenant), path, tenant };
}

async function withServer(users: readonly (typeof ann)[]): Promise<Scene & { readonly url: string }> {
  const own = await scene();
  const server = await startScimServer({ users, groups: [] }, secret, "index");
  onTestFinished(() => server.close());
  await own.tenant.scim("POST", "/Users", newUser("ann"));
  const url = `${server.origin}/scim/v2`;
  await addProvider(house, own.tenant, "scim", { url, pace: { attemptsMax: 1 } }, secret);
  return { ...own, url };
}
