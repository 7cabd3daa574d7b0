import { createTenant, findTenant, type Keyset, listTenants, type Tenant } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, adminOf, notFound, operatorOf, tenantOf } from "./admin-door.ts";
import { keysetOf, pageQuery, read, slug, text } from "./requests.ts";

const tenantBody = z.strictObject({ slug, name: text(200).optional() });
const listQuery = z.strictObject(pageQuery);

export function tenantRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post("/tenants", async (request, reply) => {
    const admin = operatorOf(request);
    const body = read(tenantBody, request.body);
    const tenant = await createTenant(
      door.database,
      { id: door.newId(), slug: body.slug, name: body.name ?? body.slug },
      admin.credentialId,
    );
    return reply.code(201).send(tenant);
  });
  app.get("/tenants", async (request): Promise<Keyset<Tenant>> => {
    const { tenantId } = adminOf(request);
    const query = read(listQuery, request.query);
    if (tenantId === undefined) return listTenants(door.database, keysetOf(query));
    const own = await findTenant(door.database, tenantId);
    if (own === undefined) throw notFound();
    return { items: [own], next: undefined };
  });
  app.get("/tenants/:tenant", (request) => tenantOf(door, request));
}
