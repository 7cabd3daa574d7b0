import { describe, expect, test } from "vitest";
import { canaryAttributes, canaryEverySecMin } from "./canary.ts";
import { subjectOf } from "./subject.ts";

const id = "0199b0a4-0000-7000-8000-000000000001";

describe("a canary's user", () => {
  test.each(["externalId", "userName", "emails[primary]", "name.givenName", "urn:acme:User:badge"])(
    "has a subject where it is read from %s",
    (subjectAttribute) => {
      const connection = { id, subjectRule: "attribute", subjectAttribute } as const;
      expect(subjectOf(connection, id, canaryAttributes(connection))).toContain(`rollcall-canary-${id}`);
    },
  );
});

test("rounds of one canary have time to end before the next", () => {
  expect(canaryEverySecMin(1_000)).toBe(60);
  expect(canaryEverySecMin(60_000)).toBe(300);
});
