import { DirectoryError, type Json } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { readValue } from "./attribute-value.ts";
import { type AttributeDescription } from "./schema-descriptions.ts";
import { schemaOf } from "./schema.ts";

function read(description: Omit<AttributeDescription, "name">, value: Json, canonicalOnly = false): Json | undefined {
  const { attributes } = schemaOf({ id: "urn:x:y", attributes: [{ name: "a", ...description }] }, [], canonicalOnly);
  const attribute = attributes.get("a");
  if (attribute === undefined) throw new Error("no attribute");
  try {
    return readValue(attribute, value, "refuse");
  } catch (error) {
    if (error instanceof DirectoryError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test("an integer is whole, and small enough to come back as it went", () => {
  for (const value of [0, -7, 2 ** 53 - 1]) expect(read({ type: "integer" }, value)).toBe(value);
  for (const value of [1.5, 2 ** 53, Number.POSITIVE_INFINITY, "1", true, [1]])
    expect([value, read({ type: "integer" }, value)]).toEqual([value, "value_invalid: a must be a whole number"]);
});

test("a decimal is a number that JSON can write", () => {
  for (const value of [0, 1.5, -2e10]) expect(read({ type: "decimal" }, value)).toBe(value);
  for (const value of [Number.POSITIVE_INFINITY, "1.5", {}])
    expect([value, read({ type: "decimal" }, value)]).toEqual([value, "value_invalid: a must be a number"]);
});

test("a moment has a date and a time that exist, and is kept as it was written", () => {
  for (const value of [
    "2024-02-29T12:00:00Z",
    "2024-02-29T12:00:00.123456789+05:30",
    "2011-08-01T18:29:49.793Z",
    "2024-02-29T12:00:00",
  ])
    expect(read({ type: "dateTime" }, value)).toBe(value);
  for (const value of [
    "2024-02-29",
    "2023-02-29T12:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-01-01T25:00:00Z",
    "0000-01-01T00:00:00Z",
    "now",
    "2024-01-01T00:00:00z",
    1700000000,
  ])
    expect([value, typeof read({ type: "dateTime" }, value)]).toEqual([value, "string"]);
  expect(read({ type: "dateTime" }, "now")).toBe("value_invalid: a must be a date and time (RFC 3339)");
  expect(read({ type: "dateTime" }, "2023-02-29T12:00:00Z")).toContain("value_invalid");
  expect(read({ type: "dateTime" }, "")).toBeUndefined();
});

test("a binary value is base64, in either alphabet and in lines", () => {
  for (const value of ["AQID", "AQI=", "AQI", "-_-_", "AQID\nAQID\n"])
    expect(read({ type: "binary" }, value)).toBe(value);
  for (const value of ["A", "AQ*D", "=AQI", "AQI===", "ä"])
    expect([value, read({ type: "binary" }, value)]).toEqual([value, "value_invalid: a must be in base64 (RFC 4648)"]);
});

test("canonical values are suggestions, unless the schema has no others", () => {
  const colors = { type: "string", canonicalValues: ["red", "green"] } as const;
  expect(read(colors, "blue")).toBe("blue");
  expect(read(colors, "GREEN", true)).toBe("GREEN");
  expect(read(colors, "blue", true)).toBe("value_invalid: a must be one of red, green");
  expect(read({ ...colors, caseExact: true }, "GREEN", true)).toContain("value_invalid");
  expect(read({ ...colors, multiValued: true }, ["red", "blue"], true)).toContain("value_invalid");
  expect(read({ type: "string" }, "blue", true)).toBe("blue");
});

test("only what refers to a resource may be a bare id", () => {
  const value = { name: "value", type: "string" } as const;
  const reference = { type: "complex", subAttributes: [value, { name: "$ref", type: "reference" }] } as const;
  expect(read(reference, "u-1")).toEqual({ value: "u-1" });
  expect(read(reference, "")).toBeUndefined();
  expect(read({ type: "complex", subAttributes: [value] }, "u-1")).toBe("value_invalid: a must be an object");
});

test("a long value that is no base64 is read through once and refused", () => {
  for (const unit of [" ", "A", "A ", "="]) {
    const value = `${unit.repeat(60_000 / unit.length)}!`;
    // Each try of the way back through all of it costs seconds; this many cost the test its time.
    for (let times = 0; times < 50; times += 1)
      expect(read({ type: "binary" }, value)).toBe("value_invalid: a must be in base64 (RFC 4648)");
  }
});
