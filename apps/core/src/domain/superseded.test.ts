import { expect, test } from "vitest";
import { supersedes } from "./superseded.ts";

test("any applied event of a user brings the user, and only some bring memberships", () => {
  expect(supersedes("user.activated", "user.updated", "user")).toBe(true);
  expect(supersedes("membership.added", "user.deactivated", "user")).toBe(true);
  expect(supersedes("user.updated", "membership.removed", "user")).toBe(false);
  expect(supersedes("user.updated", "user.created", "user")).toBe(false);
  expect(supersedes("user.resync", "user.created", "user")).toBe(true);
});

test("a group's move into another is brought by a move, and its own change by any other", () => {
  expect(supersedes("membership.removed", "membership.added", "group")).toBe(true);
  expect(supersedes("group.resync", "membership.added", "group")).toBe(false);
  expect(supersedes("group.resync", "group.updated", "group")).toBe(true);
  expect(supersedes("membership.added", "group.deleted", "group")).toBe(false);
});
