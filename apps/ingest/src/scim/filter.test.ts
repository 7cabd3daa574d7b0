import { type ComparedAs, DirectoryError, type Filter, type FilterValue } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseFilter } from "./filter.ts";
import { enterpriseUser, groupSchema, userSchema } from "./schema.ts";

const eq = (path: string, value: FilterValue, as: ComparedAs = typeof value === "boolean" ? "boolean" : "folded") =>
  ({ kind: "compare", path, operator: "eq", value, as }) satisfies Filter;
const user = (text: string) => parseFilter(userSchema, text);

function codeOf(text: string): string {
  try {
    user(text);
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("what Entra and Okta ask is understood", () => {
  expect(user('userName eq "ann@ex.test"')).toEqual(eq("userName", "ann@ex.test"));
  expect(user('emails[type eq "work"].value eq "ann@ex.test"')).toEqual({
    kind: "element",
    path: "emails",
    term: eq("type", "work"),
    rest: { path: "value", operator: "eq", value: "ann@ex.test", as: "folded" },
  });
  expect(user('id eq "u-1" and manager eq "u-9"')).toEqual({
    kind: "and",
    terms: [eq("id", "u-1", "exact"), eq(`${enterpriseUser.urn}:manager.value`, "u-9", "exact")],
  });
  expect(parseFilter(groupSchema, 'id eq "g-1" and members eq "u-1"')).toEqual({
    kind: "and",
    terms: [eq("id", "g-1", "exact"), eq("members.value", "u-1", "exact")],
  });
});

test("operators and names have no case, and strings are JSON", () => {
  expect(user('userName eq"a"')).toEqual(user('userName eq "a"'));
  expect(user('USERNAME EQ "a\\"b\\u00e9"')).toEqual(eq("userName", 'a"bé'));
  expect(user('userName eq "a)]and["')).toEqual(eq("userName", "a)]and["));
  expect(user(`${enterpriseUser.urn.toUpperCase()}:DEPARTMENT pr`)).toEqual({
    kind: "present",
    path: `${enterpriseUser.urn}:department`,
  });
});

test("a date has one spelling once it is read", () => {
  expect(user('meta.lastModified gt "2026-01-01T02:00:00+02:00"')).toEqual({
    kind: "compare",
    path: "meta.lastModified",
    operator: "gt",
    value: "2026-01-01T00:00:00.000Z",
    as: "time",
  });
  for (const text of [
    "1",
    "2026",
    "2026-01-01",
    "2026-13-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-01-01T00:00:00",
    "tomorrow",
  ]) {
    expect(codeOf(`meta.created gt "${text}"`)).toBe("filter_invalid");
  }
});

test("and binds closer than or, not closer than both, and parentheses decide", () => {
  const [a, b, c] = [eq("title", "a"), eq("title", "b"), eq("title", "c")];
  expect(user('title eq "a" or title eq "b" and title eq "c"')).toEqual({
    kind: "or",
    terms: [a, { kind: "and", terms: [b, c] }],
  });
  expect(user('(title eq "a" or title eq "b") and title eq "c"')).toEqual({
    kind: "and",
    terms: [{ kind: "or", terms: [a, b] }, c],
  });
  expect(user('not (title eq "a" and title eq "b") or title eq "c"')).toEqual({
    kind: "or",
    terms: [{ kind: "not", term: { kind: "and", terms: [a, b] } }, c],
  });
  expect(user('((title eq "a"))')).toEqual(a);
});

test("a boolean may be written as a word, where the schema has a boolean and nowhere else", () => {
  for (const written of ["true", "True", '"True"', '"TRUE"', '"true"'])
    expect(user(`active eq ${written}`)).toEqual(eq("active", true));
  for (const written of ["false", "False", '"False"'])
    expect(user(`active eq ${written}`)).toEqual(eq("active", false));
  expect(user('userName eq "True"')).toEqual(eq("userName", "True"));
  expect(codeOf('active eq "yes"')).toBe("filter_invalid");
  expect(codeOf("active eq 1")).toBe("filter_invalid");
  expect(codeOf("active gt true")).toBe("filter_invalid");
});

test("a string without quotes is understood as the whole rest and never as a part", () => {
  expect(user("externalId eq jyoung")).toEqual(eq("externalId", "jyoung", "exact"));
  expect(user("externalId eq 701984 ")).toEqual(eq("externalId", "701984", "exact"));
  for (const text of [
    "externalId eq jyoung and active eq true",
    "(externalId eq jyoung)",
    "active eq true or externalId eq jyoung",
    "externalId eq j young",
  ]) {
    expect(codeOf(text)).toBe("filter_invalid");
  }
});

test("a singular attribute is its own only element", () => {
  expect(user('name[givenName eq "a" and not (familyName eq "b")]')).toEqual({
    kind: "and",
    terms: [
      { kind: "present", path: "name" },
      { kind: "and", terms: [eq("name.givenName", "a"), { kind: "not", term: eq("name.familyName", "b") }] },
    ],
  });
});

test("an attribute that only another kind of resource has is one without a value", () => {
  const everybody: Filter = { kind: "and", terms: [] };
  const nobody: Filter = { kind: "or", terms: [] };
  const group = (text: string) => parseFilter(groupSchema, text, [userSchema]);
  for (const text of ['userName eq "a"', "userName pr", 'userName gt "a"', "emails ne null", 'emails[type eq "a"]']) {
    expect([text, group(text)]).toEqual([text, nobody]);
  }
  for (const text of ['userName ne "a"', "userName eq null"]) expect([text, group(text)]).toEqual([text, everybody]);
  // Named in full it is the other kind's, though this one has an attribute of that name too.
  expect(group(`${userSchema.core.urn}:displayName eq "a"`)).toEqual(nobody);
  expect(group('displayName eq "a"')).toEqual(eq("displayName", "a"));
  expect(() => group("shoeSize pr")).toThrow(DirectoryError);
});

test("what is no filter is refused", () => {
  const wrong = [
    "",
    " ",
    "userName",
    "userName eq",
    'userName eq "a" and',
    "userName pr pr",
    'userName eq "a" "b"',
    "userName np",
    "and",
    "not userName pr",
    "(userName pr",
    "userName pr)",
    'userName eq "a',
    'userName eq "\\x"',
    'userName eq "a"and active eq true',
    "shoeSize pr",
    "emails[]",
    'emails[type eq "work"',
    "title[value pr]",
    'name[shoeSize eq "a"]',
    'meta.created co "2026"',
    'x509Certificates.value gt "QUJD"',
    'x509Certificates[value le "QUJD"]',
    'emails[type eq "work"].x eq "a"',
    'name eq "a"',
    "password pr",
    'userName eq "\\u0000"',
    'userName eq "\\ud800"',
    "userName gt null",
    'meta.created gt "yesterday"',
    "emails[emails[type pr]]",
  ];
  for (const text of wrong) expect([text, codeOf(text)]).toEqual([text, "filter_invalid"]);
});

test("limits hold: length, depth and terms", () => {
  const times = (count: number, text: string) => Array.from({ length: count }, () => text);
  expect(codeOf(`userName eq "${"a".repeat(8192)}"`)).toBe("filter_invalid");
  expect(codeOf(`${"(".repeat(40)}active pr${")".repeat(40)}`)).toBe("accepted");
  expect(codeOf(`${"(".repeat(41)}active pr${")".repeat(41)}`)).toBe("filter_invalid");
  expect(codeOf("(".repeat(8000))).toBe("filter_invalid");
  expect(codeOf("not(".repeat(2000))).toBe("filter_invalid");
  expect(codeOf(times(99, "active pr").join(" or "))).toBe("accepted");
  expect(codeOf(times(101, "active pr").join(" or "))).toBe("filter_invalid");
});

test("no text whatever makes the parser throw anything but a refusal", () => {
  const word = fc.constantFrom(
    "userName",
    "emails",
    "active",
    "and",
    "or",
    "not",
    "eq",
    "pr",
    "(",
    ")",
    "[",
    "]",
    '"',
    '"a"',
    "\\",
    ".",
    "true",
    " ",
    "urn:",
    "__proto__",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(word, { maxLength: 60 }).map((words) => words.join("")),
    fc.array(word).map((words) => words.join(" ")),
  );
  fc.assert(
    fc.property(text, (written) => {
      expect(["accepted", "filter_invalid"]).toContain(codeOf(written));
    }),
    { numRuns: 3000 },
  );
});

test("a filter that is printed and parsed is the same filter", () => {
  fc.assert(
    fc.property(filters(4), (filter) => {
      expect(user(print(filter))).toEqual(filter);
    }),
    { numRuns: 1000 },
  );
});

function filters(depth: number): fc.Arbitrary<Filter> {
  const text = fc
    .string({ unit: "grapheme", maxLength: 8 })
    .filter((value) => !value.includes("\u0000") && value.isWellFormed());
  const operator = fc.constantFrom("eq" as const, "ne" as const, "co" as const, "gt" as const);
  const compare = (paths: readonly string[]): fc.Arbitrary<Filter> =>
    fc.record({
      kind: fc.constant("compare" as const),
      path: fc.constantFrom(...paths),
      operator,
      value: text,
      as: fc.constant("folded" as const),
    });
  const leaf: fc.Arbitrary<Filter> = fc.oneof(
    compare(["userName", "name.givenName", "emails.value", `${enterpriseUser.urn}:department`]),
    fc.boolean().map((value) => eq("active", value)),
    fc.constantFrom("title", "meta.created").map((path): Filter => ({ kind: "present", path })),
    compare(["type", "value"]).map((term): Filter => ({ kind: "element", path: "emails", term })),
    fc.tuple(compare(["type"]), text).map(([term, value]): Filter => ({
      kind: "element",
      path: "emails",
      term,
      rest: { path: "value", operator: "sw", value, as: "folded" },
    })),
  );
  if (depth === 0) return leaf;
  const inner = filters(depth - 1);
  const chain = (kind: "and" | "or") =>
    fc.array(inner, { minLength: 2, maxLength: 3 }).map((terms): Filter => ({ kind, terms }));
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    chain("and"),
    chain("or"),
    inner.map((term): Filter => ({ kind: "not", term })),
  );
}

function print(filter: Filter): string {
  switch (filter.kind) {
    case "compare":
      return `${filter.path} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case "present":
      return `${filter.path} pr`;
    case "not":
      return `not (${print(filter.term)})`;
    case "element": {
      const rest =
        filter.rest === undefined
          ? ""
          : `.${filter.rest.path} ${filter.rest.operator} ${JSON.stringify(filter.rest.value)}`;
      return `${filter.path}[${print(filter.term)}]${rest}`;
    }
    case "and":
    case "or":
      return filter.terms
        .map((term) => (term.kind === "and" || term.kind === "or" ? `(${print(term)})` : print(term)))
        .join(` ${filter.kind} `);
  }
}
