import { expect, test } from "vitest";
import { connectionKinds } from "./connection.ts";
import { changedDialect, describeDialect, dialectProfiles, profileOf } from "./dialect-profiles.ts";
import { dialectRuleNames, dialectRules } from "./dialect-rules.ts";

const okta = { userAgent: "Okta SCIM Client 1.0.0", query: undefined };
const entra = { userAgent: undefined, query: "filter=x&aadOptscim062020" };

test("every kind has a choice for every rule, and every choice its words", () => {
  for (const kind of connectionKinds) {
    const described = describeDialect({ kind, dialect: {} });
    expect(described.map(({ rule }) => rule)).toEqual(dialectRuleNames);
    expect(described.filter(({ means, from }) => means === "" || from !== "kind")).toEqual([]);
  }
});

test("what an admin has set goes before the kind, and is told as the admin's", () => {
  const connection = { kind: "entra", dialect: { groupPatchAnswer: "200" } } as const;
  expect(profileOf(connection)).toEqual({ ...dialectProfiles.entra, groupPatchAnswer: "200" });
  expect(describeDialect(connection).filter(({ from }) => from === "admin")).toEqual([
    {
      rule: "groupPatchAnswer",
      choice: "200",
      means: dialectRules.groupPatchAnswer.choices["200"],
      from: "admin",
    },
  ]);
});

test("a rule that is named is changed, null takes the admin's choice back, and the others stay", () => {
  const before = { groupPatchAnswer: "200", textJson: "permit" } as const;
  expect(changedDialect(before, { groupPatchAnswer: null, roleText: "read", textJson: undefined })).toEqual({
    textJson: "permit",
    roleText: "read",
  });
  expect(changedDialect({}, {})).toEqual({});
});

test("who tells of itself is granted what is harmless, on a connection of no kind and nowhere else", () => {
  const unnamed = { kind: "scim", dialect: {} } as const;
  expect(profileOf(unnamed, okta)).toEqual({
    ...dialectProfiles.scim,
    textJson: "permit",
    deletedAgain: "204",
    removeAllMembers: "refuse",
  });
  expect(profileOf(unnamed, entra)).toEqual({
    ...dialectProfiles.scim,
    deletedAgain: "204",
    removeAllMembers: "refuse",
  });
  for (const userAgent of ["Microsoft Azure AD SCIM provisioning 1.2.3", "okta scim client 2"])
    expect(profileOf(unnamed, { userAgent, query: undefined }).deletedAgain).toBe("204");
  for (const userAgent of ["", "curl/8", "not Okta SCIM Client", "Apache-HttpClient/4.5", "Microsoft Edge"])
    expect(profileOf(unnamed, { userAgent, query: "filter=aadOptscim062020" })).toEqual(dialectProfiles.scim);
  expect(profileOf({ kind: "keycloak", dialect: {} }, okta)).toEqual(dialectProfiles.keycloak);
  expect(profileOf({ kind: "scim", dialect: { textJson: "refuse" } }, okta).textJson).toBe("refuse");
});

test("a sender that names itself never takes a tolerance away but one that could harm, and never gains what could", () => {
  for (const hints of [okta, entra]) {
    const profile = profileOf({ kind: "scim", dialect: {} }, hints);
    for (const rule of dialectRuleNames) {
      const { harmless } = dialectRules[rule];
      const unchanged = profile[rule] === dialectProfiles.scim[rule];
      expect([rule, unchanged || profile[rule] === harmless]).toEqual([rule, true]);
    }
  }
});
