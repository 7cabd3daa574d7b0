import type { Fleet } from "@rollcall/cli/fleet";
import { createConnection, foldCounts } from "@rollcall/core/store";
import { newId } from "@rollcall/core/runtime";
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
  await foldCounts(fleet.database, 1);
  return {
    target: { host: url.hostname, port: Number(url.port), headers: [`Authorization: Bearer ${token}`] },
    base: url.pathname,
    ...seeded,
  };
}

async function tenantOf(fleet: Fleet): Promise<{ readonly tenantId: string; readonly url: URL }> {
  const bearer = await fleet.credentials.authenticate(fleet.tokens.scim, "scim");
  if (bearer?.tenantId === undefined) throw new Error("the fleet has no tenant");
  return { tenantId: bearer.tenantId, url: new URL(fleet.scimUrl) };
}
