import { houseFeedId, listGateways, removeGateway } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, operatorOf, tenantOf } from "./admin-door.ts";
import { moment, pageOf, uuid } from "./answer-shapes.ts";
import { idIn, keysetOf, pageQuery, read } from "./requests.ts";

const listQuery = z.strictObject(pageQuery);

const gateway = z.object({
  id: uuid,
  name: z.string(),
  standing: z.enum(["live", "behind", "blind", "gone"]),
  epoch: z.int(),
  seq: z.int(),
  seqAt: moment,
  behind: z.int().optional(),
  asOfAgeMs: z.number(),
  receivedAt: moment,
  heardAgeMs: z.number(),
  digestMatches: z.boolean().optional(),
  maxTtlSec: z.int().optional(),
});
const listing = { role: "viewer", query: listQuery, answer: pageOf(gateway) } as const;

/** Who follows a tenant's feed, and for the operators of the house who follows the feed of all tenants. */
export function gatewayRoutes(app: FastifyInstance, door: AdminDoor): void {
  const list = (feedId: string, query: unknown) =>
    listGateways(door.database, feedId, door.staleSecMax, keysetOf(read(listQuery, query)));

  app.get(
    "/tenants/:tenant/gateways",
    about({ ...listing, summary: "List the gateways of a tenant and how far each is" }),
    async (request) => list((await tenantOf(door, request)).id, request.query),
  );
  app.delete(
    "/tenants/:tenant/gateways/:id",
    about({ role: "operator", summary: "Forget a gateway that is no more", status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      await removeGateway(door.database, tenant.id, idIn(request.params), adminOf(request).credentialId);
      return reply.code(204).send();
    },
  );
  app.get(
    "/gateways",
    about({ ...listing, scope: "house", summary: "List the gateways that follow all tenants" }),
    async (request) => {
      operatorOf(request);
      return list(houseFeedId, request.query);
    },
  );
  app.delete(
    "/gateways/:id",
    about({ role: "operator", scope: "house", summary: "Forget a gateway of all tenants", status: 204 }),
    async (request, reply) => {
      const admin = operatorOf(request);
      await removeGateway(door.database, houseFeedId, idIn(request.params), admin.credentialId);
      return reply.code(204).send();
    },
  );
}
