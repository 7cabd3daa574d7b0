import { DirectoryError, type Json } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { type Query, readQuery, readSearchRequest } from "./list-parameters.ts";
import { readListRequest } from "./list-request.ts";
import { enterpriseUser, userSchema } from "./schema.ts";

const base = "https://rollcall.ex.test/scim/v2";
const asked = (query: Query) => readListRequest([userSchema], readQuery(query), base);
const searched = (body: Json) => readListRequest([userSchema], readSearchRequest(body), base);
const pageOf = (query: Query) => asked(query).page;

function codeOf(read: () => unknown): string {
  try {
    read();
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("a page has 100 resources unless asked for, never more than 200, and may have none", () => {
  expect(pageOf({})).toEqual({ by: "index", startIndex: 1, count: 100 });
  expect(pageOf({ startIndex: "11", count: "10" })).toEqual({ by: "index", startIndex: 11, count: 10 });
  expect(pageOf({ startIndex: "0", count: "1000" })).toEqual({ by: "index", startIndex: 1, count: 200 });
  expect(pageOf({ startIndex: "-3", count: "-3" })).toEqual({ by: "index", startIndex: 1, count: 0 });
  expect(pageOf({ count: "0" }).count).toBe(0);
});

test("with a cursor, empty at first, pages follow each other", () => {
  expect(pageOf({ cursor: "" })).toEqual({ by: "cursor", cursor: "", count: 100 });
  expect(pageOf({ cursor: "abc", count: "-1" })).toEqual({ by: "cursor", cursor: "abc", count: 0 });
  for (const count of ["x", "1.5", "201"]) expect(codeOf(() => asked({ cursor: "", count }))).toBe("count_invalid");
  expect(codeOf(() => asked({ cursor: "", startIndex: "1" }))).toBe("value_invalid");
});

test("a parameter that is no number, or is given twice, is refused; one of somebody else's is not", () => {
  for (const query of [{ count: "x" }, { startIndex: "1e3" }, { count: "9".repeat(20) }, { filter: ["a", "b"] }]) {
    expect(codeOf(() => asked(query))).toBe("value_invalid");
  }
  expect(asked({ aadOptscim062020: "", filter: "" }).listing.parts).toEqual([
    { kind: "User", filter: undefined, sortPath: undefined },
  ]);
});

test("a list is sorted by what its schema knows, ascending unless asked", () => {
  const sortOf = (query: Query) => {
    const { parts, sort } = asked(query).listing;
    return [parts[0]?.sortPath, sort?.as, sort?.descending];
  };
  const manager = `${enterpriseUser.urn}:manager`;
  expect(sortOf({ sortBy: "USERNAME" })).toEqual(["userName", "folded", false]);
  expect(sortOf({ sortBy: "emails", sortOrder: "Descending" })).toEqual(["emails.value", "folded", true]);
  expect(sortOf({ sortBy: "meta.created" })).toEqual(["meta.created", "time", false]);
  expect(sortOf({ sortBy: manager })).toEqual([`${manager}.value`, "exact", false]);
  expect(sortOf({ sortBy: "", sortOrder: "descending" })).toEqual([undefined, undefined, undefined]);
  for (const query of [{ sortBy: "shoeSize" }, { sortBy: "name" }, { sortBy: "userName", sortOrder: "up" }]) {
    expect(codeOf(() => asked(query))).toBe("value_invalid");
  }
});

test("a SearchRequest asks the same as a query, in names of any case", () => {
  const message = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
  const body = { SCHEMAS: [message], filter: "active pr", SortBy: "id", startIndex: 3, count: 5, cursor: null };
  const query = { filter: "active pr", sortBy: "id", startIndex: "3", count: "5" };
  expect({ ...searched(body), projections: undefined }).toEqual({ ...asked(query), projections: undefined });
  for (const wrong of [[], "x", null, { schemas: ["urn:x"] }, { schemas: message }]) {
    expect(codeOf(() => searched(wrong))).toBe("syntax_invalid");
  }
  for (const wrong of [{ count: true }, { count: 1.5 }, { filter: 1 }, { attributes: [1] }, { sortBy: ["id"] }]) {
    expect(codeOf(() => searched(wrong))).toBe("value_invalid");
  }
});
