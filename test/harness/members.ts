import { expect } from "vitest";
import { newGroup, newUser, patch, type TestTenant } from "./tenant.ts";

/** Creates a user as its provider would, and answers the id. */
export async function createUser(tenant: TestTenant, externalId: string): Promise<string> {
  const { status, body } = await tenant.scim("POST", "/Users", newUser(externalId));
  expect(status, JSON.stringify(body)).toBe(201);
  return body["id"] as string;
}

export async function createGroup(
  tenant: TestTenant,
  name: string,
  members: readonly string[] = [],
  more: Record<string, unknown> = {},
): Promise<string> {
  const { status, body } = await tenant.scim("POST", "/Groups", { ...newGroup(name, members), ...more });
  expect(status, JSON.stringify(body)).toBe(201);
  return body["id"] as string;
}

/** Changes a group by one PATCH, which must be done. */
export async function changeGroup(
  tenant: TestTenant,
  groupId: string,
  ...operations: readonly Record<string, unknown>[]
): Promise<void> {
  const { status, body } = await tenant.scim("PATCH", `/Groups/${groupId}`, patch(...operations));
  expect(status, JSON.stringify(body)).toBe(204);
}
