import { expect, test } from "vitest";
import { isTransient } from "./transient.ts";

function failure(code: string | undefined, message = "failed"): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

test.each([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_STREAM_DESTROYED",
  "57P01",
  "40001",
  "53300",
  "08006",
  "25P03",
])("%s is the surroundings' fault", (code) => {
  expect(isTransient(failure(code))).toBe(true);
});

test.each(["23505", "22P02", "42501", "XX000", "P0001", "ERR_INVALID_ARG_TYPE"])("%s is not", (code) => {
  expect(isTransient(failure(code))).toBe(false);
});

test("a connection that ended says so without a code", () => {
  expect(isTransient(failure(undefined, "Connection terminated unexpectedly"))).toBe(true);
  expect(isTransient(failure(undefined, "Client was closed and is not queryable"))).toBe(true);
  expect(isTransient(failure(undefined, "a user was neither created nor refused"))).toBe(false);
  expect(isTransient("Connection terminated")).toBe(false);
});
