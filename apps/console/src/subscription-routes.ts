import {
  findSubscription,
  listDeliveries,
  listSubscriptions,
  removeSubscription,
  type Replay,
  replayDeliveries,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { RequestInvalid } from "./refusal.ts";
import { id, idIn, keysetOf, pageQuery, pageQueryOf, read } from "./requests.ts";

const listQuery = z.strictObject(pageQuery);
const logQuery = z.strictObject({
  state: z.enum(["waiting", "delivered", "dead"]).optional(),
  ...pageQueryOf(z.string().regex(/^\d{1,15}$/, "must be the `next` of an earlier page")),
});
const replayBody = z.strictObject({
  delivery: id.optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  failed: z.literal(true).optional(),
});

/** What webhooks and streams have in common: who follows, what each was told, and telling it again. */
export function subscriptionRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  for (const noun of ["webhook", "stream"] as const) {
    const scope = { of: noun };
    const path = `/tenants/:tenant/${noun}s`;
    app.get(path, async (request) => {
      const tenant = await tenantOf(door, request);
      return listSubscriptions(database, tenant.id, scope, keysetOf(read(listQuery, request.query)));
    });
    app.get(`${path}/:id`, async (request) => {
      const tenant = await tenantOf(door, request);
      const found = await findSubscription(database, tenant.id, scope, idIn(request.params));
      if (found === undefined) throw notFound();
      return found;
    });
    app.delete(`${path}/:id`, async (request, reply) => {
      const tenant = await tenantOf(door, request);
      await removeSubscription(database, tenant.id, scope, idIn(request.params), adminOf(request).credentialId);
      return reply.code(204).send();
    });
    app.get(`${path}/:id/deliveries`, async (request) => {
      const tenant = await tenantOf(door, request);
      const query = read(logQuery, request.query);
      return listDeliveries(database, tenant.id, scope, idIn(request.params), query.state, keysetOf(query));
    });
    app.post(`${path}/:id/replay`, async (request) => {
      const tenant = await tenantOf(door, request);
      const replay = replayOf(read(replayBody, request.body));
      const { credentialId } = adminOf(request);
      const replayed = await replayDeliveries(database, tenant.id, scope, idIn(request.params), replay, credentialId);
      return { replayed };
    });
  }
}

function replayOf({ delivery, since, failed }: z.output<typeof replayBody>): Replay {
  const named: readonly Replay[] = [
    ...(delivery === undefined ? [] : [{ delivery }]),
    ...(since === undefined ? [] : [{ since: new Date(since) }]),
    ...(failed === undefined ? [] : [{ failed }]),
  ];
  const [only] = named;
  if (only === undefined || named.length > 1)
    throw new RequestInvalid([{ at: "", message: "name one of delivery, since and failed" }]);
  return only;
}
