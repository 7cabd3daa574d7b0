import type { House } from "./house.ts";
import { createTenant, newUser, type ScimAnswer, type TestTenant } from "./tenant.ts";

/** A user with a SCIM token of their own. */
export type Person = {
  readonly id: string;
  readonly tenant: TestTenant;
  readonly credentialId: string;
  readonly token: string;
  /** Speaks SCIM with a token of this person's own. */
  me(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ScimAnswer>;
};

export async function createPerson(
  house: House,
  options: { readonly name?: string; readonly tenant?: TestTenant; readonly attributes?: object } = {},
): Promise<Person> {
  const { name = "ann", tenant = await createTenant(house) } = options;
  const created = await tenant.scim(
    "POST",
    "/Users",
    newUser(name, {
      displayName: "Ann",
      emails: [{ value: "ann@example.test", type: "work" }],
      roles: [{ value: "reader" }],
      ...options.attributes,
    }),
  );
  const id = created.body["id"] as string;
  const issued = await house.credentials.issue({
    purpose: "scim",
    tenantId: tenant.id,
    connectionId: tenant.connectionId,
    userId: id,
    label: "self",
  });
  return {
    id,
    tenant,
    credentialId: issued.id,
    token: issued.token,
    me: (method, path, body, headers) =>
      tenant.scim(method, path, body, { authorization: `Bearer ${issued.token}`, ...headers }),
  };
}
