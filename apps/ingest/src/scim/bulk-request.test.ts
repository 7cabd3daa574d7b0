import type { Json } from "@rollcall/core/domain";
import { describe, expect, test } from "vitest";
import { referencesIn, replaceReferences, withoutReferences } from "./bulk-references.ts";
import { readBulkRequest } from "./bulk-request.ts";

const data = { userName: "ann" };

function refusals(...operations: readonly Json[]): readonly (string | undefined)[] {
  return readBulkRequest({ Operations: operations }).operations.map((operation) =>
    "refusal" in operation ? operation.refusal.code : undefined,
  );
}

describe("one operation", () => {
  test.each<[string, Json]>([
    ["a resource type", { method: "POST", path: "/Users", bulkId: "a", data }],
    ["without the slash, and in any case", { Method: "post", Path: "Users", data }],
    ["one resource", { method: "PUT", path: "/Users/0190a1b2-0000-7000-8000-000000000000", version: 'W/"1"', data }],
    ["a resource whose id begins with dots", { method: "DELETE", path: "/Users/..a" }],
    ["a resource of this Bulk", { method: "DELETE", path: "/Groups/bulkId:qwerty" }],
  ])("can be tried on %s", (_name, operation) => {
    expect(refusals(operation)).toEqual([undefined]);
  });

  test.each<[string, Json, string]>([
    ["no object", "POST", "syntax_invalid"],
    ["no method", { path: "/Users", data }, "value_invalid"],
    ["a method that changes nothing", { method: "GET", path: "/Users/1" }, "value_invalid"],
    ["no path", { method: "POST", data }, "path_invalid"],
    ["a Bulk in the Bulk", { method: "POST", path: "/Bulk", data }, "path_invalid"],
    ["a Bulk in other letters", { method: "POST", path: "/bULK", data }, "path_invalid"],
    ["the alias of somebody", { method: "PATCH", path: "/Me", data }, "path_invalid"],
    ["a search", { method: "POST", path: "/Users/.search", data }, "path_invalid"],
    ["a search of everything", { method: "POST", path: "/.search", data }, "path_invalid"],
    ["a creation at a resource", { method: "POST", path: "/Users/1", data }, "path_invalid"],
    ["a change of a whole type", { method: "DELETE", path: "/Users" }, "path_invalid"],
    ["a way out of the path", { method: "DELETE", path: "/Users/../Groups" }, "path_invalid"],
    ["the type itself as a resource", { method: "DELETE", path: "/Users/." }, "path_invalid"],
    ["what is above the type", { method: "DELETE", path: "/Users/..", version: 'W/"1"' }, "path_invalid"],
    ["what is above the type, with an end", { method: "PATCH", path: "Users/../", data }, "path_invalid"],
    ["an encoded way out", { method: "DELETE", path: "/Users/%2e%2e" }, "path_invalid"],
    ["a query", { method: "DELETE", path: "/Users/1?x=1" }, "path_invalid"],
    ["another host", { method: "DELETE", path: "https://elsewhere.test/Users/1" }, "path_invalid"],
    ["no data", { method: "PATCH", path: "/Users/1" }, "syntax_invalid"],
    ["data that is no object", { method: "POST", path: "/Users", data: [data] }, "syntax_invalid"],
    ["a bulkId that is no text", { method: "POST", path: "/Users", bulkId: 7, data }, "value_invalid"],
    ["a version that is no text", { method: "DELETE", path: "/Users/1", version: 7 }, "value_invalid"],
  ])("cannot be tried with %s, and spoils no other", (_name, operation, code) => {
    expect(refusals({ method: "POST", path: "/Users", data }, operation)).toEqual([undefined, code]);
  });

  test("of a bulkId that two operations are given, neither is tried, nor what is done to it", () => {
    expect(
      refusals(
        { method: "POST", path: "/Users", bulkId: "a", data },
        { method: "POST", path: "/Users", bulkId: "b", data },
        { method: "POST", path: "/Users", bulkId: "a", data },
        { method: "DELETE", path: "/Users/bulkId:a" },
      ),
    ).toEqual(["value_invalid", undefined, "value_invalid", "value_invalid"]);
  });
});

describe("the whole", () => {
  const read = (body: Json) => () => readBulkRequest(body);

  test("is refused where it is no Bulk", () => {
    for (const body of [null, [], {}, { Operations: {} }, { Operations: [] }]) {
      expect(read(body)).toThrow(expect.objectContaining({ code: "syntax_invalid" }));
    }
  });

  test("is refused where it says that it is another message, and may say nothing", () => {
    const message = "urn:ietf:params:scim:api:messages:2.0:";
    const Operations = [{ method: "DELETE", path: "/Users/1" }];
    for (const schemas of [[`${message}PatchOp`], [], `${message}BulkRequest`, null])
      expect(read({ schemas, Operations })).toThrow(expect.objectContaining({ code: "syntax_invalid" }));
    expect(read({ Schemas: [`${message}bulkrequest`], Operations })).not.toThrow();
    expect(read({ Operations })).not.toThrow();
  });

  test("may hold a thousand operations, and not one more", () => {
    const of = (count: number) => ({ Operations: Array.from({ length: count }, () => ({ method: "POST" })) });
    expect(readBulkRequest(of(1000)).operations).toHaveLength(1000);
    expect(read(of(1001))).toThrow(
      expect.objectContaining({ code: "body_too_large", message: expect.stringContaining("1000") }),
    );
  });

  test("takes a limit of errors that counts something", () => {
    expect(readBulkRequest({ failOnErrors: 3, Operations: [{}] }).errorsMax).toBe(3);
    expect(readBulkRequest({ failOnErrors: null, Operations: [{}] }).errorsMax).toBeUndefined();
    for (const failOnErrors of [0, -1, 1.5, "1", true]) {
      expect(read({ failOnErrors, Operations: [{}] })).toThrow(expect.objectContaining({ code: "value_invalid" }));
    }
  });
});

describe("references", () => {
  const ids: { readonly [bulkId: string]: string } = { ann: "id-of-ann", sales: "id-of-sales" };
  const replaced = (value: Json) => replaceReferences(value, (bulkId) => ids[bulkId]);

  test("are found in values, at the end of a $ref, and in the filter of a path", () => {
    const body = {
      members: [{ value: "bulkId:ann", $ref: "../Users/bulkId:ann" }, "bulkId:sales"],
      "urn:x:User": { manager: { value: "bulkId:ann" } },
      Operations: [{ op: "remove", path: 'members[value eq "bulkId:ann" or value eq "bulkId:sales"]' }],
    };
    expect([...referencesIn(body)]).toEqual(["ann", "sales"]);
    expect(replaced(body)).toEqual({
      members: [{ value: "id-of-ann", $ref: "../Users/id-of-ann" }, "id-of-sales"],
      "urn:x:User": { manager: { value: "id-of-ann" } },
      Operations: [{ op: "remove", path: 'members[value eq "id-of-ann" or value eq "id-of-sales"]' }],
    });
  });

  test("are nothing within other text", () => {
    const body = { displayName: "about bulkId:ann", title: 'says "bulkId:ann"', nickName: "/bulkId:ann" };
    expect(replaced(body)).toEqual(body);
    expect([...referencesIn(body)]).toEqual([]);
  });

  test("replace no prototype, whatever a name is called", () => {
    const body = JSON.parse('{"__proto__":{"a":"bulkId:ann"}}') as Json;
    const result = replaced(body);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(JSON.stringify(result)).toBe('{"__proto__":{"a":"id-of-ann"}}');
  });

  test("take with them the attribute or the element that they stand in, and nothing beside it", () => {
    const body = {
      displayName: "Sales",
      members: [{ value: "bulkId:ann", display: "Ann" }, { value: "u-1" }, "bulkId:bob"],
      "urn:x:User": { department: "Sales", manager: { value: "bulkId:ann", displayName: "Ann" } },
    };
    expect(withoutReferences(body, (bulkId) => bulkId === "ann")).toEqual({
      displayName: "Sales",
      members: [{ value: "u-1" }, "bulkId:bob"],
      "urn:x:User": { department: "Sales" },
    });
  });
});
