import { queryOptions } from "@tanstack/react-query";
import { Problem } from "./problem.ts";
import { request } from "./request.ts";

export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export type TenantSeen = { readonly id: string; readonly slug: string; readonly name: string; readonly role: Role };

/** Who is logged in, and what they may do where. */
export type Session = {
  readonly actor: string;
  readonly label: string;
  /** An operator of the house, above all tenants. */
  readonly operator: boolean;
  readonly tenants: readonly TenantSeen[];
};

export type LoginMethods = { readonly token: boolean; readonly oidc: { readonly name: string } | null };

/** null where nobody is logged in. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<Session | null> => {
    try {
      return await request<Session>("GET", "/v1/admin/me");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
});

/** Whether somebody of this role may do what takes at least that one. */
export function mayAs(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}
