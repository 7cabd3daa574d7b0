import { createConnection, createCredentials, createTenant, type Database, findTenant } from "@rollcall/core/store";
import { newId } from "@rollcall/core/runtime";

export const firstTenant = "acme";
const firstConnection = "idp";

export type FirstTokens = { readonly scim: string; readonly admin: string; readonly feed: string };

/** Makes the first tenant, its SCIM connection and its tokens; undefined where it exists, for tokens are shown once. */
export async function ensureFirstTenant(
  database: Database,
  secret: string,
  issuers: readonly string[],
): Promise<FirstTokens | undefined> {
  if ((await findTenant(database, firstTenant)) !== undefined) return undefined;
  const actor = "first start";
  const tenant = await createTenant(database, { id: newId(), slug: firstTenant, name: "Acme" }, actor);
  const connection = await createConnection(
    database,
    tenant.id,
    { id: newId(), slug: firstConnection, name: "Identity provider", kind: "scim", issuers },
    actor,
  );
  const credentials = createCredentials(database, secret, Date.now);
  const scim = await credentials.issue({
    purpose: "scim",
    tenantId: tenant.id,
    connectionId: connection.id,
    label: actor,
  });
  const feed = await credentials.issue({ purpose: "feed", tenantId: tenant.id, label: actor });
  const admin = await credentials.issue({ purpose: "admin", tenantId: undefined, label: actor });
  return { scim: scim.token, feed: feed.token, admin: admin.token };
}
