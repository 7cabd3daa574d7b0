import type { AdminRole } from "@rollcall/core/domain";
import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";

export type AdminAnswer = {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly tag: string | undefined;
};

/** Speaks the admin API below `/v1/admin`; a tag is what was read before, as an answer has it. */
export type Admin = (method: string, path: string, body?: unknown, tag?: string) => Promise<AdminAnswer>;

/** A tenant's admin, or who has another role there; without a tenant an operator of the house. A body that is a text is sent as it is. */
export async function adminOf(house: House, tenant: TestTenant | undefined, role: AdminRole = "admin"): Promise<Admin> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant?.id, role, label: "test" });
  return async (method, path, body, tag) => {
    const response = await fetch(`${house.url}/v1/admin${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(tag === undefined ? {} : { "if-match": tag }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
      tag: response.headers.get("etag") ?? undefined,
    };
  };
}
