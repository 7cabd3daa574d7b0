import { createTenant, type Keyset, keyset, listTenants, type Tenant } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, operatorOf, tenantOf } from "./admin-door.ts";
import { pageOf, tenantShape } from "./answer-shapes.ts";
import { tenantsOf } from "./me-routes.ts";
import { keysetOf, pageQuery, read, slug, text } from "./requests.ts";

const tenantBody = z.strictObject({ slug, name: text(200).optional() });
const listQuery = z.strictObject(pageQuery);

export function tenantRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants",
    about({
      role: "admin",
      scope: "house",
      summary: "Create a tenant",
      body: tenantBody,
      status: 201,
      answer: tenantShape,
    }),
    async (request, reply) => {
      const admin = operatorOf(request);
      const body = read(tenantBody, request.body);
      const tenant = await createTenant(
        door.database,
        { id: door.newId(), slug: body.slug, name: body.name ?? body.slug },
        admin.credentialId,
      );
      return reply.code(201).send(tenant);
    },
  );
  app.get(
    "/tenants",
    about({
      role: "viewer",
      summary: "List the tenants that are yours",
      query: listQuery,
      answer: pageOf(tenantShape),
    }),
    async (request): Promise<Keyset<Tenant>> => {
      const admin = adminOf(request);
      const page = keysetOf(read(listQuery, request.query));
      if (admin.tenantId === undefined) return listTenants(door.database, page);
      const own = await tenantsOf(door, admin);
      return keyset(
        own.filter(({ id }) => page.after === undefined || id > page.after),
        page.limit,
        ({ id }) => id,
      );
    },
  );
  app.get("/tenants/:tenant", about({ role: "viewer", summary: "Show a tenant", answer: tenantShape }), (request) =>
    tenantOf(door, request),
  );
}
