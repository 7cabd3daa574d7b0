import { dropDeadLetter, findDeadLetter, listDeadLetters, replayDeadLetter } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, notFound, tenantOf } from "./admin-door.ts";
import { denialReasons, moment, pageOf, uuid } from "./answer-shapes.ts";
import { keysetOf, pageQueryOf, read, text } from "./requests.ts";
import { actOf } from "./user-routes.ts";

const eventId = z.string().regex(/^[1-9]\d{0,15}$/, "must be an event's id");
const listQuery = z.strictObject(pageQueryOf(eventId));
const replayBody = z.strictObject({ note: text(500).optional() });
const dropBody = z.strictObject({
  reason: text(500),
  /** It has to be said of an event that may take access away. */
  denial: z.literal(true).optional(),
});

const letter = z.object({
  id: z.int(),
  connectionId: uuid,
  kind: z.string(),
  subjectKind: z.enum(["user", "group"]),
  subjectId: uuid,
  denying: z.boolean(),
  attempts: z.int(),
  reason: z.string().nullable(),
  acceptedAt: moment,
  deadAt: moment,
  state: z.enum(["open", "superseded", "dropped"]),
});
const shown = letter.extend({ source: z.string(), denials: denialReasons });
const replayed = z.object({ id: z.int(), state: z.enum(["waiting", "applied"]), changed: z.boolean() });

/** Events that were given up: what is wrong with each, once more, or never again. */
export function deadLetterRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/deadletters",
    about({ role: "viewer", summary: "List events that were given up", query: listQuery, answer: pageOf(letter) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return listDeadLetters(door.database, tenant.id, keysetOf(read(listQuery, request.query)));
    },
  );
  app.get(
    "/tenants/:tenant/deadletters/:event",
    about({ role: "viewer", summary: "Show an event that was given up", answer: shown }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const found = await findDeadLetter(door.database, tenant.id, eventIn(request));
      if (found === undefined) throw notFound();
      return found;
    },
  );
  app.post(
    "/tenants/:tenant/deadletters/:event/replay",
    about({ role: "operator", summary: "Try an event again", body: replayBody, answer: replayed }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const act = actOf(door, request, read(replayBody, request.body).note);
      const { lanes, ...outcome } = await replayDeadLetter(door.database, tenant.id, eventIn(request), act);
      door.wake(lanes);
      return outcome;
    },
  );
  app.post(
    "/tenants/:tenant/deadletters/:event/drop",
    about({ role: "operator", summary: "Put an event aside for good", body: dropBody, status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { reason, denial } = read(dropBody, request.body);
      const drop = { ...actOf(door, request, reason), note: reason, isDenial: denial === true };
      await dropDeadLetter(door.database, tenant.id, eventIn(request), drop);
      return reply.code(204).send();
    },
  );
}

/** What cannot be an event's id names nothing. */
function eventIn(request: FastifyRequest): number {
  const named = eventId.safeParse((request.params as { readonly event: string }).event);
  if (!named.success) throw notFound();
  return Number(named.data);
}
