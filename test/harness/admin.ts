import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";

export type AdminAnswer = { readonly status: number; readonly body: Record<string, unknown> };

/** Speaks the admin API below `/v1/admin`. */
export type Admin = (method: string, path: string, body?: unknown) => Promise<AdminAnswer>;

/** A tenant's admin, or without a tenant an operator of the house. */
export async function adminOf(house: House, tenant: TestTenant | undefined): Promise<Admin> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant?.id, label: "test" });
  return async (method, path, body) => {
    const response = await fetch(`${house.url}/v1/admin${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  };
}
