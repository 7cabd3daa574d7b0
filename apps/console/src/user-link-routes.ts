import { addIdentity, linkUser, removeIdentity, unlinkUser } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, tenantOf } from "./admin-door.ts";
import { denialReasons, uuid } from "./answer-shapes.ts";
import { id, idIn, issuer, read, subject, text } from "./requests.ts";
import { actOf } from "./user-routes.ts";

const note = text(500).optional();
const linkBody = z.strictObject({ directoryUser: id, note });
const subjectFields = { iss: issuer, sub: subject };
const identityBody = z.strictObject({ ...subjectFields, note });
const identityQuery = z.strictObject(subjectFields);
const linked = z.object({ userId: uuid, directoryUserId: uuid, changed: z.boolean(), denials: denialReasons });
const given = z.object({
  iss: z.string(),
  sub: z.string(),
  userId: uuid,
  directoryUserId: uuid,
  changed: z.boolean(),
});

/** What an admin ties by hand: directory users to one person, and subjects to a user. */
export function userLinkRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/users/:id/links",
    about({
      role: "operator",
      summary: "Make a directory user one person with a user",
      body: linkBody,
      status: 201,
      answer: linked,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { directoryUser, note: said } = read(linkBody, request.body);
      const names = { userId: idIn(request.params), directoryUserId: directoryUser };
      const { lanes, ...outcome } = await linkUser(
        door.database,
        tenant.id,
        names,
        door.newId,
        actOf(door, request, said),
      );
      door.wake(lanes);
      return reply.code(outcome.changed ? 201 : 200).send(outcome);
    },
  );
  app.delete(
    "/tenants/:tenant/users/:id/links/:directoryUser",
    about({ role: "operator", summary: "Untie a directory user", status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const names = { userId: idIn(request.params), directoryUserId: idIn(request.params, "directoryUser") };
      const { lanes } = await unlinkUser(door.database, tenant.id, names, door.newId, actOf(door, request, undefined));
      door.wake(lanes);
      return reply.code(204).send();
    },
  );
  app.post(
    "/tenants/:tenant/users/:id/identities",
    about({ role: "operator", summary: "Give a user a subject", body: identityBody, status: 201, answer: given }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { note: said, ...names } = read(identityBody, request.body);
      const act = actOf(door, request, said);
      const { lanes: _, ...added } = await addIdentity(door.database, tenant.id, idIn(request.params), names, act);
      return reply.code(added.changed ? 201 : 200).send(added);
    },
  );
  app.delete(
    "/tenants/:tenant/users/:id/identities",
    about({ role: "operator", summary: "Take a subject from a user", query: identityQuery, status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const names = read(identityQuery, request.query);
      const act = actOf(door, request, undefined);
      const { lanes } = await removeIdentity(door.database, tenant.id, idIn(request.params), names, door.newId(), act);
      door.wake(lanes);
      return reply.code(204).send();
    },
  );
}
