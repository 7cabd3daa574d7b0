import { findTenant, listTenants, type Tenant } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type Admin, type AdminDoor, adminOf, roleIn } from "./admin-door.ts";
import { roleShape, uuid } from "./answer-shapes.ts";

/** An operator of a house with more tenants than that looks through the list of tenants. */
const tenantsMax = 200;
const answer = z.object({
  actor: z.string(),
  label: z.string(),
  operator: z.boolean(),
  tenants: z.array(z.object({ id: uuid, slug: z.string(), name: z.string(), role: roleShape })),
});

/** Who asks, and what they may do where. */
export function meRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get("/me", about({ role: "viewer", summary: "Say who you are and what you may do", answer }), async (request) => {
    const admin = adminOf(request);
    const tenants = await tenantsOf(door, admin);
    return {
      actor: admin.credentialId,
      label: admin.label,
      operator: admin.tenantId === undefined,
      tenants: tenants.map(({ id, slug, name }) => ({ id, slug, name, role: roleIn(admin, id) })),
    };
  });
}

/** The tenants of whoever is bound to some; the first of all for an operator of the house. */
export async function tenantsOf({ database }: AdminDoor, { tenantId, roles }: Admin): Promise<readonly Tenant[]> {
  if (tenantId === undefined) return (await listTenants(database, { after: undefined, limit: tenantsMax })).items;
  const found = await Promise.all([...roles.keys()].map((id) => findTenant(database, id)));
  return found.filter((tenant) => tenant !== undefined).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
