import { expect, test } from "vitest";
import type { Subject } from "./decision.ts";
import { createRevocations, type RevocationEntry } from "./revocations.ts";

const iss = "https://idp.example";
const now = 1_000_000;
const ada: Subject = {
  iss,
  sub: "ada",
  subKey: "ada",
  tenant: "t1",
  sid: "s1",
  jti: "j1",
  iat: now - 100,
  exp: now + 200,
};
const entry = (changes: Partial<RevocationEntry>): RevocationEntry => ({
  op: "deny",
  scope: "sub",
  iss,
  sub: "ada",
  ...changes,
});

function judge(subject: Subject, ...entries: readonly Partial<RevocationEntry>[]) {
  const revocations = createRevocations();
  for (const changes of entries) revocations.apply(entry(changes));
  return revocations.judge(subject, now);
}

test("a subject nothing is said about passes", () => {
  expect(judge(ada)).toBeUndefined();
  expect(judge(ada, { sub: "eve" })).toBeUndefined();
});

test.each([
  ["sub", "ada"],
  ["sid", "s1"],
  ["jti", "j1"],
  ["tenant", "t1"],
  ["iss", ""],
  ["iss", iss],
] as const)("a denial of scope %s on %j strikes", (scope, sub) => {
  expect(judge(ada, { scope, sub })).toBe("revoked");
});

test("the same sub of another issuer is another person", () => {
  expect(judge(ada, { iss: "https://other.example" })).toBeUndefined();
});

test("a sub is compared in its own letter case", () => {
  expect(judge(ada, { sub: "Ada" })).toBeUndefined();
});

test("a value means nothing in another scope", () => {
  expect(judge(ada, { scope: "sid", sub: "ada" }, { scope: "tenant", sub: "s1" })).toBeUndefined();
});

test("names that every object has are subjects like any other", () => {
  expect(judge({ ...ada, subKey: "__proto__" })).toBeUndefined();
  expect(judge({ ...ada, subKey: "__proto__" }, { sub: "__proto__" })).toBe("revoked");
  expect(judge({ ...ada, subKey: "constructor" }, { sub: "__proto__" })).toBeUndefined();
});

test("a token issued before a not-before is refused, and one issued at it passes", () => {
  expect(judge(ada, { op: "nbf", nbf: now - 99 })).toBe("issued_before_revocation");
  expect(judge(ada, { op: "nbf", nbf: now - 100 })).toBeUndefined();
});

test("a token without iat counts as oldest", () => {
  const { iat: _, ...undated } = ada;
  expect(judge(undated, { op: "nbf", nbf: 0 })).toBe("issued_before_revocation");
  expect(judge(undated)).toBeUndefined();
});

test("scopes combine: the latest not-before holds, wherever it stands", () => {
  const early = { op: "nbf", nbf: now - 500 } as const;
  const late = { op: "nbf", nbf: now - 50 } as const;
  expect(judge(ada, { ...early }, { ...late, scope: "tenant", sub: "t1" })).toBe("issued_before_revocation");
  expect(judge(ada, { ...late }, { ...early, scope: "iss", sub: "" })).toBe("issued_before_revocation");
  expect(judge(ada, { ...early }, { ...early, scope: "sid", sub: "s1" })).toBeUndefined();
});

test("a denial in one scope is not lifted by an allow in another", () => {
  expect(judge(ada, { op: "allow", nbf: now - 500 }, { scope: "tenant", sub: "t1" })).toBe("revoked");
});

test("an allow lifts a denial and keeps its not-before", () => {
  expect(judge(ada, {}, { op: "allow" })).toBeUndefined();
  expect(judge(ada, {}, { op: "allow", nbf: now - 50 })).toBe("issued_before_revocation");
  expect(judge({ ...ada, iat: now - 10 }, {}, { op: "allow", nbf: now - 50 })).toBeUndefined();
});

test("a denial past its expiry refuses no more, and its not-before still does", () => {
  expect(judge(ada, { exp: now })).toBeUndefined();
  expect(judge(ada, { exp: now + 1 })).toBe("revoked");
  expect(judge(ada, { exp: now, nbf: now })).toBe("issued_before_revocation");
});

test("the digest is that of what is left, whichever way it came about", () => {
  const straight = createRevocations();
  straight.apply(entry({ sub: "eve", nbf: 7, op: "nbf" }));
  const roundabout = createRevocations();
  for (const changes of [{}, { sub: "eve" }, { op: "allow" }, { sub: "eve", nbf: 7, op: "nbf" }] as const)
    roundabout.apply(entry(changes));
  expect(roundabout.digest()).toBe(straight.digest());
  expect(roundabout.size()).toBe(1);
  roundabout.apply(entry({ sub: "eve", op: "allow" }));
  expect(roundabout.digest()).toBe(createRevocations().digest());
  expect(roundabout.size()).toBe(0);
});
