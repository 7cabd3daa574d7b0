import { createContext, useContext } from "react";
import { mayAs, type Role, type Session, type TenantSeen } from "./session.ts";

/** The tenant that is looked at, and who looks. */
export type Place = { readonly session: Session; readonly tenant: TenantSeen };

const PlaceContext = createContext<Place | undefined>(undefined);
export const PlaceProvider = PlaceContext.Provider;

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (place === undefined) throw new Error("no tenant is chosen");
  return place;
}

/** Whether whoever looks may do what takes this role. What they may not do is not offered; the API refuses it anyway. */
export function useMay(least: Role): boolean {
  return mayAs(usePlace().tenant.role, least);
}

/** The path of something below the tenant in the admin API. */
export function useApiPath(): (rest: string) => string {
  const { tenant } = usePlace();
  return (rest) => `/v1/admin/tenants/${encodeURIComponent(tenant.slug)}${rest}`;
}

/** The address of one of the tenant's pages. */
export function usePagePath(): (rest: string) => string {
  const { tenant } = usePlace();
  return (rest) => `/t/${encodeURIComponent(tenant.slug)}${rest}`;
}
