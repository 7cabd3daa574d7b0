import type { Fleet } from "@rollcall/cli/fleet";
import { createConnection, foldCounts } from "@rollcall/core/store";
import { newId } from "@rollcall/core/runtime";
import { Client } from "pg";
import type { Contestant } from "./contestant.ts";
import { seedDirectory } from "./seed.ts";

/** A connection of our own with users and one group, seeded by SQL. */
export async function seededConnection(
  fleet: Fleet,
  slug: string,
  users: number,
  members: number,
): Promise<Contestant> {
  const { tenantId, url } = await tenantOf(fleet);
  const id = newId();
  await createConnection(fleet.database, tenantId, { id, slug, name: slug, kind: "scim", issuers: [] }, "bench");
  const { token } = await fleet.credentials.issue({ purpose: "scim", tenantId, connectionId: id, label: "bench" });
  const seeded = await seedDirectory(fleet.databaseUrl, "public", { tenantId, connectionId: id }, users, members);
  // What a worker and autovacuum have done a minute later.
  await foldCounts(fleet.database, 1);
  await vacuum(fleet.databaseUrl);
  return {
    target: { host: url.hostname, port: Number(url.port), headers: [`Authorization: Bearer ${token}`] },
    base: url.pathname,
    ...seeded,
  };
}

async function vacuum(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    "VACUUM (ANALYZE) directory_count, directory_count_change, directory_user, directory_email, directory_member",
  );
  await client.end();
}

async function tenantOf(fleet: Fleet): Promise<{ readonly tenantId: string; readonly url: URL }> {
  const bearer = await fleet.credentials.authenticate(fleet.tokens.scim, "scim");
  if (bearer?.tenantId === undefined) throw new Error("the fleet has no tenant");
  return { tenantId: bearer.tenantId, url: new URL(fleet.scimUrl) };
}
