import { newId } from "@rollcall/core/runtime";
import {
  createConnection,
  createCredentials,
  createTenant,
  type Database,
  findConnection,
  findTenant,
  listAudit,
  startResync,
  updateConnection,
} from "@rollcall/core/store";

export const firstTenant = "acme";
const firstConnection = "idp";
const actor = "first start";

export type FirstTokens = { readonly scim: string; readonly admin: string; readonly feed: string };

/** Makes the first tenant, its SCIM connection and its tokens; undefined where it exists, for tokens are shown once. */
export async function ensureFirstTenant(
  database: Database,
  secret: string,
  issuers: readonly string[],
): Promise<FirstTokens | undefined> {
  if ((await findTenant(database, firstTenant)) !== undefined) return undefined;
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

/** Has the first connection name an issuer besides those it has. One that somebody else made is left as it is. */
export async function ensureFirstIssuer(database: Database, issuer: string): Promise<void> {
  const tenant = await findTenant(database, firstTenant);
  const connection = tenant && (await findConnection(database, tenant.id, firstConnection));
  if (connection === undefined || connection.issuers.includes(issuer)) return;
  const { id, tenantId } = connection;
  const made = { actor, action: "connection.create", target: id };
  const { items } = await listAudit(database, tenantId, made, { after: undefined, limit: 1 }, { isOfHouse: true });
  if (items.length === 0) return;
  await updateConnection(database, tenantId, id, { issuers: [...connection.issuers, issuer] }, "start");
  // Its users were tied to the subjects of the issuers before.
  const scope = { scope: "connection", connectionId: id } as const;
  await startResync(database, tenantId, { id: newId(), scope, heals: "differing", actor: "start" });
}
