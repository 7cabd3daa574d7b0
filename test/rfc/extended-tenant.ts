import { expect } from "vitest";
import { type Admin, adminOf } from "../harness/admin.ts";
import type { House } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";

export const coreUser = "urn:ietf:params:scim:schemas:core:2.0:User";
export const coreGroup = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

type Attribute = { readonly name: string; readonly type: string; readonly [characteristic: string]: unknown };
type Use = { readonly resourceType?: "User" | "Group"; readonly canonicalValuesOnly?: boolean };

/** A tenant whose connection has schemas of its own, and the admin who gives them. */
export type ExtendedTenant = TestTenant & {
  readonly admin: Admin;
  /** Where the connection's schemas are in the admin API. */
  readonly schemas: string;
};

/** The body that registers a schema. */
export function schemaBody(id: string, attributes: readonly Attribute[], use: Use = {}): Record<string, unknown> {
  return { resourceType: "User", ...use, schema: { id, name: "Acme", description: "What Acme knows", attributes } };
}

/** A tenant of the test's own whose users, or groups, carry one schema more. It is there from the first request on. */
export async function createExtendedTenant(
  house: House,
  attributes: readonly Attribute[],
  { urn = acme, ...use }: Use & { readonly urn?: string } = {},
): Promise<ExtendedTenant> {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  const schemas = `/tenants/${tenant.slug}/connections/idp/schemas`;
  const { status, body } = await admin("POST", schemas, schemaBody(urn, attributes, use));
  expect([status, body["detail"]]).toEqual([201, undefined]);
  return { ...tenant, admin, schemas };
}
