import { expect, test } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

const names = ["ADMIN_OIDC_ISSUER", "ADMIN_OIDC_CLIENT_ID", "ADMIN_OIDC_CLIENT_SECRET", "ADMIN_OIDC_ROLES"] as const;
const whole = {
  ADMIN_OIDC_ISSUER: "https://idp.example/",
  ADMIN_OIDC_CLIENT_ID: "rollcall",
  ADMIN_OIDC_CLIENT_SECRET: "secret",
  ADMIN_OIDC_ROLES: '{"claim":"groups","values":{"staff":{"acme":"viewer"},"root":"house"}}',
};

function problemsWith(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(names, {}, environment);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
}

test("where people log in is said by four settings, the issuer byte for byte", () => {
  expect(readConfig(names, {}, whole)).toMatchObject({
    ADMIN_OIDC_ISSUER: "https://idp.example/",
    ADMIN_OIDC_ROLES: { claim: "groups", scope: "openid profile email", values: { root: "house" } },
  });
  expect(problemsWith({})).toEqual([]);
});

test("some of them without the others, and everything that is wrong with them, is said at once", () => {
  const { ADMIN_OIDC_CLIENT_ID: _id, ADMIN_OIDC_CLIENT_SECRET: _secret, ...some } = whole;
  expect(problemsWith({ ...some, ADMIN_OIDC_ISSUER: "ftp://idp.example" })).toEqual([
    expect.stringMatching(/^ADMIN_OIDC_ISSUER /) as string,
    "ADMIN_OIDC_CLIENT_ID is missing, and ADMIN_OIDC_ISSUER does nothing without it",
    "ADMIN_OIDC_CLIENT_SECRET is missing, and ADMIN_OIDC_ISSUER does nothing without it",
  ]);
});

test.each([
  ["no JSON", "groups"],
  ["a role that there is not", '{"claim":"groups","values":{"staff":{"acme":"root"}}}'],
  ["nobody at all", '{"claim":"groups","values":{}}'],
  ["no claim", '{"values":{"root":"house"}}'],
  ["a scope that asks for no identity", '{"claim":"groups","scope":"groups","values":{"root":"house"}}'],
  ["a word that means nothing here", '{"claim":"groups","values":{"root":"house"},"default":"house"}'],
])("roles for %s are refused", (_name, roles) => {
  expect(problemsWith({ ...whole, ADMIN_OIDC_ROLES: roles })).toEqual([
    expect.stringMatching(/^ADMIN_OIDC_ROLES /) as string,
  ]);
});
