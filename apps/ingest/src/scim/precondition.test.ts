import { DirectoryError } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { entityTag } from "./entity-tag.ts";
import { isKnown, requireConditions } from "./precondition.ts";

const sales = [{ value: "g-1", display: "Sales" }];
const own = entityTag({ version: 3, schemasVersion: 0 });
const whole = entityTag({ version: 3, schemasVersion: 0 }, sales);

async function outcome(headers: Parameters<typeof requireConditions>[0], whole_ = whole): Promise<string> {
  const tags = { own, whole: () => Promise.resolve(whole_) };
  return requireConditions(headers, tags).then(
    () => "goes on",
    (error: unknown) => (error instanceof DirectoryError ? error.code : "threw"),
  );
}

test("a tag says the version, the schemas' version where there is one, and what the memberships are", () => {
  expect(own).toBe('W/"3"');
  expect(entityTag({ version: 3, schemasVersion: 2 })).toBe('W/"3.2"');
  expect(whole).toMatch(/^W\/"3-[\w-]{22}"$/);
  expect(entityTag({ version: 3, schemasVersion: 2 }, sales)).toMatch(/^W\/"3\.2-[\w-]{22}"$/);
  expect(entityTag({ version: 3, schemasVersion: 0 }, [{ value: "g-1", display: "Support" }])).not.toBe(whole);
});

test("If-Match holds for the version it names, in a list, or for any", async () => {
  for (const header of [undefined, "*", 'W/"3"', '"3"', 'W/"1", W/"3"', ' W/"1" ,, "3" ', whole, `W/"1",${whole}`])
    expect([header, await outcome({ "if-match": header })]).toEqual([header, "goes on"]);
  for (const header of ["", 'W/"4"', "3", 'W/"33"', 'W/"3-other"', 'W/"3', '"1" "3"', 'x, W/"3"', 'W/"3.1"'])
    expect([header, await outcome({ "if-match": header })]).toEqual([header, "version_conflict"]);
});

test("whoever read memberships is held to them, and whoever did not is not", async () => {
  const changed = entityTag({ version: 3, schemasVersion: 0 }, []);
  expect(await outcome({ "if-match": whole }, changed)).toBe("version_conflict");
  expect(await outcome({ "if-match": own }, changed)).toBe("goes on");
});

test("If-None-Match excludes what it names", async () => {
  for (const header of ["*", 'W/"3"', whole])
    expect([header, await outcome({ "if-none-match": header })]).toEqual([header, "version_conflict"]);
  for (const header of [undefined, 'W/"2"', 'W/"3-other"', "3"])
    expect([header, await outcome({ "if-none-match": header })]).toEqual([header, "goes on"]);
  expect(await outcome({ "if-match": "*", "if-none-match": 'W/"2"' })).toBe("goes on");
});

test("a cached answer is known by its own tag and no other", () => {
  expect(isKnown('W/"3"', own)).toBe(true);
  expect(isKnown('"3"', own)).toBe(true);
  expect(isKnown('W/"3"', whole)).toBe(false);
  expect(isKnown(whole, whole)).toBe(true);
  expect(isKnown("*", whole)).toBe(true);
  expect(isKnown('W/"2"', own)).toBe(false);
  expect(isKnown(undefined, own)).toBe(false);
});
