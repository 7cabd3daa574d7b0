import { DirectoryError, type JsonObject } from "@rollcall/core/domain";
import { describe, expect, test } from "vitest";
import { replacedExtensions, requireExtensionValues, requirePatchedExtensions } from "./extension-rules.ts";
import { enterpriseUser, type ResourceSchema, schemaOf, userSchema } from "./schema.ts";

const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const schema: ResourceSchema = {
  ...userSchema,
  extensions: [
    enterpriseUser,
    schemaOf({
      id: acme,
      attributes: [
        { name: "badge", type: "string", required: true },
        { name: "number", type: "string", mutability: "immutable" },
        { name: "hired", type: "dateTime", mutability: "immutable" },
        { name: "sites", type: "string", multiValued: true, mutability: "immutable", caseExact: true },
        {
          name: "locker",
          type: "complex",
          subAttributes: [
            { name: "room", type: "string", required: true },
            { name: "key", type: "string", mutability: "immutable", caseExact: true },
            { name: "note", type: "string" },
          ],
        },
      ],
    }),
  ],
};

const held = (values: JsonObject): JsonObject => ({ userName: "ann", [acme]: values });
const nobody: JsonObject = { userName: "ann" };

function refusal(check: () => unknown): string {
  try {
    check();
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? `${error.code}: ${error.message}` : `threw ${String(error)}`;
  }
}

describe("POST", () => {
  const post = (attributes: JsonObject) => refusal(() => requireExtensionValues(schema, attributes));

  test("an extension is not required, and what it requires is where it is carried", () => {
    expect(post(nobody)).toBe("accepted");
    expect(post(held({ badge: "1" }))).toBe("accepted");
    expect(post(held({ number: "7" }))).toBe(`value_invalid: ${acme}:badge is required`);
    expect(post(held({ badge: "1", locker: { note: "x" } }))).toBe(`value_invalid: ${acme}:locker.room is required`);
  });
});

describe("PUT", () => {
  const put = (before: JsonObject, after: JsonObject) => replacedExtensions(schema, before, after);

  test("what is immutable and left out stays, and everything else that is left out goes", () => {
    const before = held({ badge: "1", number: "7", locker: { room: "a", key: "k", note: "x" } });
    expect(put(before, held({ badge: "2" }))).toEqual(held({ badge: "2", number: "7", locker: { key: "k" } }));
    expect(put(before, nobody)).toEqual(held({ number: "7", locker: { key: "k" } }));
    expect(put(held({ badge: "1" }), nobody)).toBe(nobody);
  });

  test("what is immutable must match: without case where it has none, at one moment, in any order", () => {
    const before = held({ badge: "1", number: "Ab", hired: "2024-05-01T02:00:00+02:00", sites: ["x", "y"] });
    const same = { badge: "1", number: "aB", hired: "2024-05-01T00:00:00.000Z", sites: ["y", "x"] };
    expect(put(before, held(same))).toEqual(held(same));
    const others: readonly JsonObject[] = [
      { number: "Ac" },
      { hired: "2024-05-01T00:00:01Z" },
      { sites: ["x"] },
      { sites: ["X", "y"] },
      { sites: ["x", "x"] },
    ];
    for (const part of others)
      expect([part, refusal(() => put(before, held({ ...same, ...part })))]).toEqual([
        part,
        `attribute_read_only: ${acme}:${Object.keys(part)[0] ?? ""} is immutable and has a value that this would change`,
      ]);
  });

  test("a first value of what is immutable is taken", () => {
    expect(put(nobody, held({ badge: "1", number: "7" }))).toEqual(held({ badge: "1", number: "7" }));
  });

  test("what an extension requires is required of the body that carries it", () => {
    expect(refusal(() => put(held({ badge: "1" }), held({ number: "7" })))).toBe(
      `value_invalid: ${acme}:badge is required`,
    );
  });

  test("a value that the schema describes no more binds nobody", () => {
    const stale = held({ badge: "1", number: 7, gone: "x" });
    expect(put(stale, held({ badge: "1", number: "8" }))).toEqual(held({ badge: "1", number: "8" }));
  });
});

describe("PATCH", () => {
  const patch = (before: JsonObject, after: JsonObject) =>
    refusal(() => requirePatchedExtensions(schema, before, after));

  test("what is immutable can be set once, and neither changed nor removed", () => {
    const before = held({ badge: "1", number: "7", locker: { room: "a", key: "k" } });
    expect(patch(held({ badge: "1" }), before)).toBe("accepted");
    expect(patch(before, held({ badge: "2", number: "7", locker: { room: "b", key: "k" } }))).toBe("accepted");
    for (const after of [
      held({ badge: "1", number: "8", locker: { room: "a", key: "k" } }),
      held({ badge: "1", locker: { room: "a", key: "k" } }),
      held({ badge: "1", number: "7", locker: { room: "a", key: "K" } }),
      held({ badge: "1", number: "7" }),
      nobody,
    ])
      expect([after, patch(before, after).split(":")[0]]).toEqual([after, "attribute_read_only"]);
  });

  test("what is required can be replaced but not removed, unless all of the extension goes", () => {
    const before = held({ badge: "1", locker: { room: "a", note: "x" } });
    expect(patch(before, held({ badge: "2", locker: { room: "a" } }))).toBe("accepted");
    expect(patch(before, nobody)).toBe("accepted");
    expect(patch(before, held({ locker: { room: "a" } }))).toBe(
      `attribute_read_only: ${acme}:badge is required and can be replaced, but not removed`,
    );
    expect(patch(before, held({ badge: "1", locker: { note: "x" } }))).toContain("attribute_read_only");
    expect(patch(nobody, held({ number: "7" }))).toBe(`value_invalid: ${acme}:badge is required`);
  });

  test("an extension that a PATCH leaves alone is held against nobody", () => {
    const before = held({ number: "7" });
    expect(patch(before, { ...before, userName: "bob" })).toBe("accepted");
  });
});
