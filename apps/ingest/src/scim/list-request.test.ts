import { DirectoryError } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { type Query, readListRequest } from "./list-request.ts";
import { isKnown, requireMatch } from "./precondition.ts";
import { userSchema } from "./schema.ts";

const pageOf = (query: Query) => readListRequest(userSchema, query).page;

test("a page has 100 resources unless asked for, never more than 200, and may have none", () => {
  expect(pageOf({})).toEqual({ startIndex: 1, count: 100 });
  expect(pageOf({ startIndex: "11", count: "10" })).toEqual({ startIndex: 11, count: 10 });
  expect(pageOf({ startIndex: "0", count: "1000" })).toEqual({ startIndex: 1, count: 200 });
  expect(pageOf({ startIndex: "-3", count: "-3" })).toEqual({ startIndex: 1, count: 0 });
  expect(pageOf({ count: "0" }).count).toBe(0);
});

test("a parameter that is no number, or is given twice, is refused; one of somebody else's is not", () => {
  for (const query of [{ count: "x" }, { startIndex: "1e3" }, { count: "9".repeat(20) }, { filter: ["a", "b"] }]) {
    expect(() => readListRequest(userSchema, query)).toThrow(DirectoryError);
  }
  expect(readListRequest(userSchema, { aadOptscim062020: "", sortBy: "userName", filter: "" }).filter).toBeUndefined();
});

test("If-Match holds for the version it names, in a list, or for any", () => {
  for (const header of [undefined, "*", 'W/"3"', '"3"', 'W/"1", W/"3"'])
    expect(() => requireMatch(header, 3)).not.toThrow();
  for (const header of ["", 'W/"4"', "3", 'W/"33"']) expect(() => requireMatch(header, 3)).toThrow(DirectoryError);
  expect(isKnown('W/"3"', 3)).toBe(true);
  expect(isKnown('W/"2"', 3)).toBe(false);
  expect(isKnown(undefined, 3)).toBe(false);
});
