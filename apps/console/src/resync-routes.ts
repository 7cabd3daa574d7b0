import { findConnection, readResync, type ResyncScope, startResync } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { id, idIn, read, text } from "./requests.ts";

const resyncBody = z.discriminatedUnion("scope", [
  z.strictObject({ scope: z.literal("user"), userId: id }),
  z.strictObject({ scope: z.literal("connection"), connection: text(64) }),
  z.strictObject({ scope: z.literal("tenant") }),
]);

/** Re-converges a user, a connection or a tenant. The run is answered at once, and its progress under its id. */
export function resyncRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post("/tenants/:tenant/resyncs", async (request, reply) => {
    const tenant = await tenantOf(door, request);
    const scope = await scopeOf(door, tenant.id, read(resyncBody, request.body));
    const run = await startResync(door.database, tenant.id, door.newId(), scope, adminOf(request).credentialId);
    door.resyncs.begin(tenant.id, run, request.log);
    return reply.code(202).send({ id: run.id, scope: scope.scope, total: run.total });
  });
  app.get("/tenants/:tenant/resyncs/:id", async (request) => {
    const tenant = await tenantOf(door, request);
    const progress = await readResync(door.database, tenant.id, idIn(request.params));
    if (progress === undefined) throw notFound();
    return progress;
  });
}

async function scopeOf(door: AdminDoor, tenantId: string, body: z.output<typeof resyncBody>): Promise<ResyncScope> {
  if (body.scope !== "connection") return body;
  const connection = await findConnection(door.database, tenantId, body.connection);
  if (connection === undefined) throw notFound();
  return { scope: "connection", connectionId: connection.id };
}
