import { entra, google, okta } from "./cloud-guides.ts";
import type { Guide } from "./guide.ts";
import { jumpcloud, keycloak, onelogin, ping, scim } from "./other-guides.ts";

/** The identity providers whose set-up is known, the most usual first. */
export const guides: readonly Guide[] = [okta, entra, google, onelogin, jumpcloud, ping, keycloak, scim];

export function guideOf(kind: string): Guide {
  return guides.find((guide) => guide.kind === kind) ?? scim;
}
