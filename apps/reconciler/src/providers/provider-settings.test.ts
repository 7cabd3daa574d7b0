import { describe, expect, test } from "vitest";
import { createOutward } from "@rollcall/core/runtime";
import { openProvider } from "./open-provider.ts";
import { providerSettings } from "./provider-settings.ts";

const least = [
  { kind: "scim", url: "https://scim.example/v2" },
  { kind: "okta", url: "https://acme.okta.example" },
  { kind: "microsoft-graph", tenant: "acme.example", clientId: "rollcall" },
  { kind: "google-directory", administrator: "admin@acme.example" },
  { kind: "keycloak", url: "https://keycloak.example/auth", realm: "acme", clientId: "rollcall" },
  { kind: "auth0", url: "https://acme.eu.auth0.example", clientId: "rollcall" },
  { kind: "ldap", url: "ldaps://ldap.example", bindName: "cn=r", base: "dc=example", dialect: "inetOrgPerson" },
] as const;

describe("settings of a provider", () => {
  test.each(least)("of $kind need no more than this", (settings) => {
    const parsed = providerSettings.parse(settings);
    expect(parsed).toMatchObject(settings);
    const outward = createOutward({ loopback: false });
    expect(openProvider(parsed, "a secret", { outward, newId: () => "an-id" })).toHaveProperty("readUser");
    expect(() => openProvider(parsed, "", { outward, newId: () => "an-id" })).toThrow("there is no secret");
    outward.close();
  });

  test.each([
    [{ kind: "scim", url: "ldap://scim.example" }, "must be a URL that begins with"],
    [{ kind: "scim", url: "https://user:word@scim.example" }, "must hold no user"],
    [{ kind: "scim", url: "https://scim.example?token=1" }, "must hold no user"],
    [{ kind: "okta", url: "https://acme.okta.example/api" }, "must have no path"],
    [
      { kind: "ldap", url: "https://ldap.example", bindName: "cn=r", base: "dc=e", dialect: "inetOrgPerson" },
      "must be a URL that begins with",
    ],
    [{ ...least[6], startTls: true }, "is for ldap://"],
    [{ ...least[6], filter: "department=Sales" }, "must be a filter"],
    [{ ...least[6], authorities: "a file" }, "must hold a certificate"],
    [{ kind: "okta", url: "https://acme.okta.example", secret: "s" }, "Unrecognized key"],
    [{ kind: "jumpcloud" }, "Invalid"],
    [{ ...least[0], pageSize: 1 }, "Too small"],
  ])("%j is refused, and says why", (settings, why) => {
    const { success, error } = providerSettings.safeParse(settings);
    expect([success, error?.message]).toEqual([false, expect.stringContaining(why)]);
  });
});
