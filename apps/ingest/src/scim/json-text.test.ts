import { DirectoryError, type Json } from "@rollcall/core/domain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, refuseUnsafe } from "./json-text.ts";

const parse = (text: string) => parseJson(Buffer.from(text));

function codeOf(text: string | Uint8Array): string {
  try {
    parseJson(Buffer.from(text));
    return "accepted";
  } catch (error) {
    return error instanceof DirectoryError ? error.code : `threw ${String(error)}`;
  }
}

test("an object that says a thing twice is refused, however it is spelled", () => {
  for (const text of [
    '{"active":false,"active":true}',
    '{"active":false,"Active":true}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"a":1,"a" :2}}]',
  ]) {
    expect(codeOf(text)).toBe("syntax_invalid");
  }
  expect(parse('[{"a":1},{"a":"a"},{"b":{"a":1},"a":{"b":2}}]')).toEqual([
    { a: 1 },
    { a: "a" },
    { b: { a: 1 }, a: { b: 2 } },
  ]);
});

test("nesting stops at 32", () => {
  expect(codeOf("[".repeat(32) + "]".repeat(32))).toBe("accepted");
  expect(codeOf("[".repeat(33) + "]".repeat(33))).toBe("syntax_invalid");
  expect(codeOf("[".repeat(500_000))).toBe("syntax_invalid");
  expect(codeOf('{"a":'.repeat(100_000))).toBe("syntax_invalid");
  expect(codeOf(`"${"[".repeat(100)}"`)).toBe("accepted");
});

test("names that lead to a prototype are refused wherever they stand", () => {
  for (const name of [
    "__proto__",
    "constructor",
    "prototype",
    "__proto__.x",
    "constructor.prototype.x",
    "a.__PROTO__",
  ]) {
    expect(codeOf(`{"a":[{${JSON.stringify(name)}:{"isAdmin":true}}]}`)).toBe("syntax_invalid");
  }
  expect(codeOf('{"a":"__proto__"}')).toBe("accepted");
});

test("what the database cannot hold is refused at the door", () => {
  expect(codeOf('{"userName":"a\\u0000b"}')).toBe("value_invalid");
  expect(codeOf('{"userName":"\\ud800"}')).toBe("value_invalid");
  expect(codeOf(Uint8Array.from([0x22, 0xff, 0x22]))).toBe("syntax_invalid");
});

test("every JSON value passes unchanged, and no bytes throw anything but a refusal", () => {
  const reserved = /__proto__|constructor|prototype/i;
  const harmless = fc.jsonValue({ maxDepth: 5 }).filter((value) => !reserved.test(JSON.stringify(value)));
  fc.assert(
    fc.property(harmless, (value) => {
      const text = JSON.stringify(value);
      const outcome = codeOf(text);
      if (outcome === "accepted") expect(parse(text)).toEqual(JSON.parse(text));
      else expect(["syntax_invalid", "value_invalid"]).toContain(outcome);
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => !codeOf(bytes).startsWith("threw")));
  const piece = fc.constantFrom("{", "}", "[", "]", '"', ":", ",", "\\", "a", '"a"', "1", " ");
  fc.assert(
    fc.property(fc.array(piece), (pieces) => !codeOf(pieces.join("")).startsWith("threw")),
    { numRuns: 2000 },
  );
});

test("a body made in memory is held to the same", () => {
  expect(() => refuseUnsafe(JSON.parse('{"__proto__":{"x":1}}') as Json)).toThrow(DirectoryError);
});
