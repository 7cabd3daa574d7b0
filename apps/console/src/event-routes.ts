import { type EventPlace, findConnection, findEvent, listEvents } from "@rollcall/core/store";
import type { EventKind } from "@rollcall/core/domain";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, uuid } from "./answer-shapes.ts";
import { id, pageQueryOf, read, text } from "./requests.ts";
import { decodeTimedPlace, encodeTimedPlace } from "./timed-place.ts";

const kinds = [
  "user.created",
  "user.updated",
  "user.activated",
  "user.deactivated",
  "user.deleted",
  "user.resync",
  "group.created",
  "group.updated",
  "group.deleted",
  "group.resync",
  "membership.added",
  "membership.removed",
] as const satisfies readonly EventKind[];
const eventId = /^[1-9]\d{0,15}$/;
const cursor = z.string().max(200).transform(decodePlace);
const listQuery = z.strictObject({
  ...pageQueryOf(cursor),
  connection: text(64).optional(),
  kind: z.enum(kinds).optional(),
  subject: id.optional(),
  state: z.enum(["waiting", "applied", "dead", "all"]).default("all"),
});
const event = z.object({
  id: z.int(),
  connectionId: uuid,
  source: z.string(),
  kind: z.string(),
  subjectKind: z.enum(["user", "group"]),
  subjectId: uuid,
  denying: z.boolean(),
  lane: z.int(),
  state: z.enum(["waiting", "applied", "dead", "dropped"]),
  attempts: z.int(),
  lastError: z.string().nullable(),
  occurredAt: moment.nullable(),
  acceptedAt: moment,
  nextAttemptAt: moment.nullable(),
  appliedAt: moment.nullable(),
  deadAt: moment.nullable(),
});
const shown = event.extend({
  sourceEventId: z.string(),
  ahead: z.int().optional(),
  version: z.int().nullable(),
  appliedVersion: z.int().nullable(),
});

/** What was accepted, the newest first, and what has become of it. */
export function eventRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/events",
    about({
      role: "viewer",
      summary: "List what was accepted, the newest first; with a filter a page may be short and still have a next",
      query: listQuery,
      answer: pageOf(event),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { connection: named, kind, subject, state, after, limit } = read(listQuery, request.query);
      const connection = named === undefined ? undefined : await findConnection(door.database, tenant.id, named);
      if (named !== undefined && connection === undefined) throw notFound();
      const query = {
        connectionId: connection?.id,
        kind,
        subjectId: subject,
        state: state === "all" ? undefined : state,
      };
      const { items, next } = await listEvents(door.database, tenant.id, query, { after, limit });
      return { items, next: next && encodeTimedPlace(next) };
    },
  );
  app.get(
    "/tenants/:tenant/events/:event",
    about({ role: "viewer", summary: "Show one event and how far it is from being applied", answer: shown }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { event: named } = request.params as { readonly event: string };
      const found = eventId.test(named) ? await findEvent(door.database, tenant.id, Number(named)) : undefined;
      if (found === undefined) throw notFound();
      return found;
    },
  );
}

function decodePlace(encoded: string, context: z.core.$RefinementCtx): EventPlace {
  const place = decodeTimedPlace(encoded);
  if (place !== undefined && eventId.test(place.id)) return { id: Number(place.id), at: place.at };
  context.addIssue({ code: "custom", message: "must be what the page before answered as next" });
  return z.NEVER;
}
