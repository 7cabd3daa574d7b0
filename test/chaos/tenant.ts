import { newId } from "@rollcall/core/runtime";
import { createConnection, createCredentials, createTenant, type Database } from "@rollcall/core/store";
import { openFeedReader } from "../harness/feed-reader.ts";
import type { Tenant } from "./compare.ts";
import type { Parts } from "./parts.ts";
import { createProvider, type Ledger, newPerson } from "./provider.ts";
import type { Random } from "./random.ts";

const peoplePerTenant = 24;

/** A tenant with a provider that has told nothing yet of its people, and with gateways that follow. */
export async function openTenant(
  database: Database,
  parts: Parts,
  slug: string,
  ledger: Ledger,
  random: Random,
): Promise<Tenant> {
  const issuer = `https://${slug}.test`;
  const actor = "chaos";
  const tenant = await createTenant(database, { id: newId(), slug, name: slug }, actor);
  const connection = await createConnection(
    database,
    tenant.id,
    { id: newId(), slug: "idp", name: "IdP", kind: "scim", issuers: [issuer] },
    actor,
  );
  const credentials = createCredentials(database, parts.secret, Date.now);
  const scim = await credentials.issue({
    purpose: "scim",
    tenantId: tenant.id,
    connectionId: connection.id,
    label: actor,
  });
  const feed = await credentials.issue({ purpose: "feed", tenantId: tenant.id, label: actor });
  const people = Array.from({ length: peoplePerTenant }, (_, at) => newPerson(`person-${at}`));
  const directory = { tenant: slug, people, groupIds: [] };
  const provider = createProvider(parts.scimUrl, scim.token, directory, ledger, random);
  await provider.createGroups(2);
  const address = { url: parts.feedUrl, feed: slug, token: feed.token };
  return {
    id: tenant.id,
    slug,
    issuer,
    connectionId: connection.id,
    banned: new Map(),
    directory,
    provider,
    follower: openFeedReader(address),
    newcomer: openFeedReader(address),
  };
}
