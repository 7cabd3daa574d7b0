import fc from "fast-check";
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

test("an entry of one tenant strikes that tenant's tokens alone", () => {
  for (const [scope, sub] of [
    ["sub", "ada"],
    ["sid", "s1"],
    ["jti", "j1"],
  ] as const) {
    expect(judge(ada, { scope, sub, tid: "t1" })).toBe("revoked");
    expect(judge(ada, { scope, sub, tid: "t2" })).toBeUndefined();
    expect(judge({ ...ada, tenant: "t2" }, { scope, sub, tid: "t1" })).toBeUndefined();
  }
  const { tenant: _, ...nowhere } = ada;
  expect(judge(nowhere, { tid: "t1" })).toBeUndefined();
});

test("an allow of one tenant lifts no denial of another, nor one of all", () => {
  expect(judge(ada, {}, { op: "allow", tid: "t1" })).toBe("revoked");
  expect(judge(ada, { tid: "t1" }, { op: "allow", tid: "t2" })).toBe("revoked");
  expect(judge(ada, { tid: "t1" }, { op: "allow", tid: "t1" })).toBeUndefined();
});

/** What the specification says, written down with nothing but a list. */
function judgeSlowly(
  entries: readonly RevocationEntry[],
  subject: Subject,
): "revoked" | "issued_before_revocation" | undefined {
  const keyOf = (one: RevocationEntry) => JSON.stringify([one.scope, one.iss, one.sub, one.tid]);
  const last = [...new Map(entries.map((one) => [keyOf(one), one])).values()];
  const struck = last.filter((one) => {
    if (one.iss !== subject.iss || (one.tid !== undefined && one.tid !== subject.tenant)) return false;
    if (one.scope === "iss") return true;
    return one.sub === (one.scope === "sub" ? subject.subKey : subject[one.scope]);
  });
  if (struck.some(({ op, exp }) => op === "deny" && (exp === undefined || now < exp))) return "revoked";
  const cuts = struck.flatMap(({ nbf }) => (nbf === undefined ? [] : [nbf]));
  if (cuts.length === 0) return undefined;
  return subject.iat === undefined || subject.iat < Math.max(...cuts) ? "issued_before_revocation" : undefined;
}

test("whatever entries come in whatever order, the judgement is the specification's, and remembered marks change nothing", () => {
  const name = fc.constantFrom("a", "b", "");
  const when = fc.constantFrom(undefined, now - 1, now, now + 1, 0.5);
  const arbitraryEntry = fc
    .record({
      op: fc.constantFrom("deny" as const, "nbf" as const, "allow" as const),
      scope: fc.constantFrom("sub" as const, "sid" as const, "jti" as const, "tenant" as const, "iss" as const),
      iss: fc.constantFrom("i1", "i2"),
      sub: name,
      tid: fc.option(name, { nil: undefined }),
      nbf: when,
      exp: when,
    })
    .map(({ op, scope, iss: by, sub, tid, nbf, exp }): RevocationEntry => ({
      op,
      scope,
      iss: by,
      sub,
      ...(tid === undefined || scope === "tenant" || scope === "iss" ? {} : { tid }),
      ...(nbf === undefined ? (op === "nbf" ? { nbf: now } : {}) : { nbf }),
      ...(exp === undefined ? {} : { exp }),
    }));
  const arbitrarySubject = fc
    .record({ iss: fc.constantFrom("i1", "i2", "i3"), subKey: name, tenant: name, sid: name, jti: name, iat: when })
    .map(({ iat, ...rest }): Subject => ({
      ...rest,
      sub: rest.subKey,
      exp: now + 9,
      ...(iat === undefined ? {} : { iat }),
    }));
  fc.assert(
    fc.property(
      fc.array(arbitraryEntry, { maxLength: 25 }),
      fc.array(arbitrarySubject, { minLength: 1, maxLength: 6 }),
      (entries, subjects) => {
        const revocations = createRevocations();
        for (const [at, one] of entries.entries()) {
          revocations.apply(one);
          for (const subject of subjects)
            expect(revocations.judge(subject, now)).toBe(judgeSlowly(entries.slice(0, at + 1), subject));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("marks of one snapshot mean nothing to the next", () => {
  const subject = { ...ada };
  const before = createRevocations();
  before.apply(entry({}));
  expect(before.judge(subject, now)).toBe("revoked");
  const after = createRevocations();
  after.apply(entry({ sub: "eve" }));
  expect(after.judge(subject, now)).toBeUndefined();
  after.apply(entry({}));
  expect(after.judge(subject, now)).toBe("revoked");
});
