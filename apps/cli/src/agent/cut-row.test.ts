import type { RevocationEntry } from "@rollcall/guard/entries";
import { expect, test } from "vitest";
import { cutKey, cutRows, notBeforeOf } from "./cut-row.ts";

const entry: RevocationEntry = { op: "deny", scope: "sub", iss: "https://idp.example", sub: "ada" };
const nowSec = 1_000;

test("no two things that an entry may name have one key, and none can end a line or a word", () => {
  const texts = ["a", "a b", "a\nb", "a.b", "a|b", "#a", "", "ä", "a;b", "<<", "YQ"];
  const scopes = ["sub", "sid", "jti", "tenant"] as const;
  const keys = scopes.flatMap((scope) =>
    texts.flatMap((iss) =>
      texts.flatMap((sub) => [
        cutKey({ ...entry, scope, iss, sub }),
        ...texts.map((tid) => cutKey({ ...entry, scope, iss, sub, tid })),
      ]),
    ),
  );
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key).toMatch(/^[a-z]+(@[\w-]*)?\.[\w-]*\.[\w-]*$/);
});

test("a denial strikes every token while it stands, and after its end those from before it", () => {
  expect(notBeforeOf(entry, nowSec)).toBe(Number.MAX_SAFE_INTEGER);
  expect(notBeforeOf({ ...entry, exp: nowSec + 1 }, nowSec)).toBe(Number.MAX_SAFE_INTEGER);
  expect(notBeforeOf({ ...entry, exp: nowSec, nbf: 900 }, nowSec)).toBe(900);
  expect(notBeforeOf({ ...entry, exp: nowSec }, nowSec)).toBe(0);
});

test("what is lifted keeps its not-before, and a part of a second counts as the whole", () => {
  expect(notBeforeOf({ ...entry, op: "allow", nbf: 900 }, nowSec)).toBe(900);
  expect(notBeforeOf({ ...entry, op: "allow" }, nowSec)).toBe(0);
  expect(notBeforeOf({ ...entry, op: "nbf", nbf: 900.1 }, nowSec)).toBe(901);
});

test("of an issuer's own entries the strictest counts, whatever they name, and what strikes nothing has no row", () => {
  const own = { ...entry, scope: "iss" } as const;
  const rows = cutRows(
    [
      { ...own, op: "nbf", sub: "", nbf: 700 },
      { ...own, op: "nbf", sub: "all", nbf: 800 },
      { ...own, op: "nbf", sub: "old", nbf: 600 },
      { ...entry, op: "allow" },
      { ...entry, op: "nbf", nbf: 5 },
    ],
    nowSec,
  );
  expect([...rows]).toEqual([
    { key: cutKey(entry), notBefore: 5 },
    { key: cutKey(own), notBefore: 800 },
  ]);
});
