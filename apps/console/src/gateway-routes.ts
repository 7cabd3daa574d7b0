import { houseFeedId, listGateways, removeGateway } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, adminOf, operatorOf, tenantOf } from "./admin-door.ts";
import { idIn, keysetOf, pageQuery, read } from "./requests.ts";

const listQuery = z.strictObject(pageQuery);

/** Who follows a tenant's feed, and for the operators of the house who follows the feed of all tenants. */
export function gatewayRoutes(app: FastifyInstance, door: AdminDoor): void {
  const list = (feedId: string, query: unknown) =>
    listGateways(door.database, feedId, door.staleSecMax, keysetOf(read(listQuery, query)));

  app.get("/tenants/:tenant/gateways", async (request) => list((await tenantOf(door, request)).id, request.query));
  app.delete("/tenants/:tenant/gateways/:id", async (request, reply) => {
    const tenant = await tenantOf(door, request);
    await removeGateway(door.database, tenant.id, idIn(request.params), adminOf(request).credentialId);
    return reply.code(204).send();
  });
  app.get("/gateways", async (request) => {
    operatorOf(request);
    return list(houseFeedId, request.query);
  });
  app.delete("/gateways/:id", async (request, reply) => {
    const admin = operatorOf(request);
    await removeGateway(door.database, houseFeedId, idIn(request.params), admin.credentialId);
    return reply.code(204).send();
  });
}
