import {
  findSubscription,
  listDeliveries,
  listSubscriptions,
  removeSubscription,
  type Replay,
  replayDeliveries,
  type SubscriptionScope,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, subscriptionShape, uuid } from "./answer-shapes.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
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

const delivery = z.object({
  id: uuid,
  seq: z.int(),
  event: z.string(),
  userId: uuid.nullable(),
  state: z.enum(["waiting", "delivered", "dead"]),
  attempts: z.int(),
  lastStatus: z.int().nullable(),
  lastError: z.string().nullable(),
  createdAt: moment,
  dueAt: moment.nullable(),
  settledAt: moment.nullable(),
});
const count = z.object({ replayed: z.int() });

/** What webhooks and streams have in common: who follows, what each was told, and telling it again. */
export function subscriptionRoutes(app: FastifyInstance, door: AdminDoor): void {
  for (const noun of ["webhook", "stream"] as const) {
    following(app, door, noun);
    telling(app, door, noun);
  }
}

type Noun = SubscriptionScope["of"];

function following(app: FastifyInstance, door: AdminDoor, noun: Noun): void {
  const { database } = door;
  const scope = { of: noun };
  const path = `/tenants/:tenant/${noun}s`;
  app.get(
    path,
    about({
      role: "viewer",
      summary: `List the ${noun}s of a tenant`,
      query: listQuery,
      answer: pageOf(subscriptionShape),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return listSubscriptions(database, tenant.id, scope, keysetOf(read(listQuery, request.query)));
    },
  );
  app.get(
    `${path}/:id`,
    about({ role: "viewer", summary: `Show a ${noun}`, answer: subscriptionShape, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const found = await findSubscription(database, tenant.id, scope, idIn(request.params));
      if (found === undefined) throw notFound();
      return tagged(reply, found).send(found);
    },
  );
  app.delete(
    `${path}/:id`,
    about({ role: "admin", summary: `Remove a ${noun}, with all that waits for it`, status: 204, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { credentialId } = adminOf(request);
      await removeSubscription(database, tenant.id, scope, idIn(request.params), credentialId, expectationOf(request));
      return reply.code(204).send();
    },
  );
}

/** What each was told, and telling it again. */
function telling(app: FastifyInstance, door: AdminDoor, noun: Noun): void {
  const { database } = door;
  const scope = { of: noun };
  const path = `/tenants/:tenant/${noun}s`;
  app.get(
    `${path}/:id/deliveries`,
    about({
      role: "viewer",
      summary: `List what a ${noun} was told, the newest first`,
      query: logQuery,
      answer: pageOf(delivery),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const query = read(logQuery, request.query);
      return listDeliveries(database, tenant.id, scope, idIn(request.params), query.state, keysetOf(query));
    },
  );
  app.post(
    `${path}/:id/replay`,
    about({ role: "operator", summary: `Tell a ${noun} again`, body: replayBody, answer: count }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const replay = replayOf(read(replayBody, request.body));
      const { credentialId } = adminOf(request);
      const replayed = await replayDeliveries(database, tenant.id, scope, idIn(request.params), replay, credentialId);
      return { replayed };
    },
  );
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
