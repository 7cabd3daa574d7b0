import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase64url } from "./base64url.ts";

function decode(text: string): Buffer | undefined {
  const bytes = Buffer.alloc(text.length + 4);
  const length = decodeBase64url(Buffer.from(text, "latin1"), 0, text.length, bytes);
  return length === -1 ? undefined : bytes.subarray(0, length);
}

test("what an encoder writes is read back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(decode(Buffer.from(bytes).toString("base64url"))).toEqual(Buffer.from(bytes));
    }),
  );
});

test("what no encoder writes is refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AZaz09-_+/= \n\u00e9".split("")), maxLength: 9 }), (text) => {
      const canonical = Buffer.from(text, "base64url").toString("base64url") === text;
      expect(decode(text) !== undefined).toBe(canonical);
    }),
    { numRuns: 2_000 },
  );
});
